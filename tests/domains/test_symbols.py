"""Generators are combined by symbol, never by position; symbols of two propagations never meet."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from certrnn.domains import Zonotope, Zonotopes
from certrnn.domains.zonotope import generators as _generators
from certrnn.domains.zonotope.generators import Generators
from certrnn.domains.zonotope.propagation import ZonotopeRun
from certrnn.domains.zonotope.symbols import rows_of, segments, symbols_of, union
from certrnn.domains.zonotope.terms import Diagonal
from certrnn.ir import Affine, Elementwise, Gather, Input, Sum
from certrnn.regions import LinfBall
from transformers_abs import PRODUCT

BATCH, SIZE = 2, 3
Table = dict[int, torch.Tensor]
"""A generator (BATCH, size) by symbol: the plain meaning of :class:`Generators`."""


def table(value: Generators) -> Table:
    """The generators by symbol, zeros left out."""
    found = {int(symbol): value.dense[k] for k, symbol in enumerate(value.rows)}
    if value.diagonal is not None:
        for j, symbol in enumerate(value.diagonal.rows.tolist()):
            row = torch.zeros(BATCH, SIZE, dtype=torch.float64)
            row[:, j] = value.diagonal.values[:, j]
            found[symbol] = found.get(symbol, torch.zeros_like(row)) + row
    return {s: g for s, g in found.items() if bool(g.any())}


def eighths(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    """Numbers in [-1, 1] of so few bits that sums of their products are exact, in every order."""
    return torch.from_numpy(rng.integers(-8, 9, shape) / 8.0)


def same(left: Table, right: Table) -> bool:
    """Equal: of eighths nothing is rounded."""
    zero = torch.zeros((), dtype=torch.float64)
    return all(bool((left.get(s, zero) == right.get(s, zero)).all()) for s in left.keys() | right.keys())


def added(terms: list[tuple[Table, torch.Tensor | float]]) -> Table:
    total: Table = {}
    for generators, slope in terms:
        for symbol, row in generators.items():
            total[symbol] = total.get(symbol, torch.zeros_like(row)) + slope * row
    return total


def values(seed: int, count: int) -> list[Generators]:
    """Values with overlapping, interleaved, equal and disjoint symbols, some with a diagonal."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        symbols = np.flatnonzero(rng.random(12) < rng.choice([0.0, 0.3, 0.6, 1.0]))
        dense = eighths(rng, len(symbols), BATCH, SIZE)
        diagonal = None
        if rng.random() < 0.5:
            first = int(rng.integers(12, 16))
            diagonal = Diagonal(((first, first + SIZE),), eighths(rng, BATCH, SIZE))
        found.append(Generators.of(symbols, dense, diagonal))
    return found


@pytest.mark.parametrize("seed", range(40))
def test_linear_algebra_keeps_symbols(seed: int) -> None:
    rng, members = np.random.default_rng(seed), values(seed, 3)
    like = torch.zeros(BATCH, SIZE, dtype=torch.float64)
    slopes = [eighths(rng, BATCH, SIZE) for _ in members]
    tables = [table(m) for m in members]
    sums = _generators.scale(members, slopes, None)
    expected = added(list(zip(tables, slopes, strict=True)))
    weight = eighths(rng, SIZE, SIZE)
    mapped = _generators.dense_map(members[0], weight, like)
    images = {s: g @ weight.T for s, g in tables[0].items()}
    # a sum of what nobody has added up yet, by six terms and more, and of what stands there
    every = _generators.combine([sums, mapped, members[2], mapped], [-0.5, 2.0, 1.0, 1.0], None, like)
    total = added([(expected, -0.5), (images, 2.0), (tables[2], 1.0), (images, 1.0)])
    assert same(table(every), total)
    assert same(table(sums), expected)
    assert same(table(mapped), images)
    lengths = sum((g.abs() for g in total.values()), torch.zeros_like(like))
    assert torch.equal(every.absolute_sums(), lengths)
    scaled = _generators.diagonal_map(members[1], weight[0])
    assert same(table(scaled), {s: g * weight[0] for s, g in tables[1].items()})
    assert same(table(members[2].expand()), tables[2])


@pytest.mark.parametrize("seed", range(40))
def test_gathers_keep_symbols(seed: int) -> None:
    rng, members = np.random.default_rng(seed), values(seed, 3)
    wide = [
        {s: torch.nn.functional.pad(g, (k * SIZE, (2 - k) * SIZE)) for s, g in table(m).items()}
        for k, m in enumerate(members)
    ]
    first = int(rng.integers(0, 3 * SIZE - 2))
    for index in (rng.integers(0, 3 * SIZE, SIZE), np.arange(first, first + 2), np.arange(3, 3 + SIZE)):
        like = torch.zeros(BATCH, len(index), dtype=torch.float64)
        found = _generators.gather(members, index, like).expand()
        gathered = {s: g[:, index] for s, g in added([(t, 1.0) for t in wide]).items()}
        assert same(table(found), gathered)
        lengths = sum((g.abs() for g in gathered.values()), like)
        assert torch.equal(found.absolute_sums(), lengths)


@pytest.mark.parametrize("seed", range(40))
def test_segments_cut_a_union_into_runs(seed: int) -> None:
    symbols = [v.symbols for v in values(seed, 3)]
    members, total = [rows_of(s) for s in symbols], rows_of(union(symbols))
    assert [symbols_of(m) for m in members] == symbols
    assert total.tolist() == sorted({int(s) for m in members for s in m})
    seen = []
    for segment in segments(symbols):
        run = total[segment.start : segment.stop]
        seen += run.tolist()
        for member, source in zip(members, segment.sources, strict=True):
            if source is None:
                assert not np.isin(run, member).any()
            else:
                assert member[source : source + len(run)].tolist() == run.tolist()
    assert seen == total.tolist()


def start(radius: float = 1.0) -> ZonotopeRun:
    """A run over two frames of three features around zero."""
    zero = torch.zeros(1, 2, SIZE, dtype=torch.float64)
    return Zonotopes().start(LinfBall(zero, torch.tensor([radius], dtype=torch.float64), (0, 1)))


def both(run: ZonotopeRun) -> tuple[Zonotope, Zonotope]:
    """Two frames: three symbols each, all different."""
    return run.input(Input(0, SIZE)), run.input(Input(1, SIZE))


def test_equal_row_counts_are_not_equal_symbols() -> None:
    run = start()
    x, y = both(run)
    same_symbols = run.sum(Sum((1.0, -1.0), (0, 0), SIZE), [x, x]).interval
    others = run.sum(Sum((1.0, -1.0), (0, 1), SIZE), [x, y]).interval
    assert bool((same_symbols.upper < 1e-12).all())
    assert bool((others.upper >= 2.0).all())
    pair = run.gather(Gather(np.arange(2 * SIZE), (0, 1)), [x, y])
    rows = torch.cat([torch.eye(SIZE), -torch.eye(SIZE)], dim=1).double()[None]
    assert bool((run.lower(pair, rows, torch.zeros(1, SIZE).double()) <= -2.0).all())


PAIR = Elementwise(PRODUCT, (0, 1), SIZE)


def test_cuts_know_which_symbols_two_arguments_share() -> None:
    run = start()
    x, y = both(run)
    unrelated, equal = run.arguments(PAIR, [x, y]).cuts, run.arguments(PAIR, [x, x]).cuts
    assert unrelated is not None
    assert equal is not None
    # |x - y| reaches 2 where they are unrelated, and 0 where they are one value
    assert bool((unrelated.width[1] >= 2.0 - 1e-12).all())
    assert bool((equal.width[1] < 1e-12).all())


MIXES: dict[str, Callable[[ZonotopeRun, Zonotope, Zonotope], object]] = {
    "sum": lambda run, a, b: run.sum(Sum((1.0, 1.0), (0, 1), SIZE), [a, b]),
    "gather": lambda run, a, b: run.gather(Gather(np.arange(SIZE), (0, 1)), [a, b]),
    "arguments": lambda run, a, b: run.arguments(PAIR, [a, b]),
    "affine": lambda run, _, b: run.affine(
        Affine(torch.eye(SIZE).double(), torch.zeros(SIZE).double(), (0,)), b
    ),
    "lower": lambda run, _, b: run.lower(b, torch.ones(1, 1, SIZE).double(), torch.zeros(1, 1).double()),
}


@pytest.mark.parametrize("mix", MIXES)
def test_two_propagations_never_mix(mix: str) -> None:
    run, other = start(), start()
    value, stranger = both(run)[0], both(other)[0]
    MIXES[mix](run, value, value)
    with pytest.raises(ValueError, match="two symbol spaces"):
        MIXES[mix](run, value, stranger)


def test_fresh_symbols_are_new() -> None:
    run = start()
    x, y = both(run)
    node = Elementwise(PRODUCT, (0, 1), SIZE)
    first, second = (run.elementwise(node, [x, y], run.arguments(node, [x, y])) for _ in range(2))
    difference = run.sum(Sum((1.0, -1.0), (0, 1), SIZE), [first, second])
    # the same product twice has residuals of its own each time: they do not cancel
    assert bool((difference.interval.upper >= 1.0).all())
