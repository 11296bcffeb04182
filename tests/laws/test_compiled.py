"""The compiled pass is held to what the tensors are held to: containment at every node, and planted errors."""

from __future__ import annotations

import os
import signal
import time
import zlib
from copy import copy

import numpy as np
import pytest
import torch

from certrnn.domains import Fold, Zonotopes, propagate
from certrnn.domains.zonotope.compiled import Compiled
from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled.plan import plan
from certrnn.domains.zonotope.compiled.product import PANEL
from certrnn.ir import Graph, GraphBuilder
from certrnn.regions import L2Ball, LinfBall
from certrnn.specs import Spec
from tests.laws.changes import SINGLE, Change, altered, unchanged, unpaid, without
from tests.laws.laws import Violation, margins, node_bounds
from tests.laws.networks import FAMILIES, numbers, points, region
from tests.laws.oracle import Oracle, Perturbation, Points
from tests.laws.wild import wild_case
from tests.rounding import FUNCTIONS, room
from transformers_abs import RELU, TANH, LeastWidth
from transformers_abs.scalar import address

THREATS = {"all frames": ((0, 1, 2), False), "first, clipped": ((0,), True), "two, clipped": ((1, 2), True)}
SHARE = 3e-5
"""Share of a width by which single precision changes it in one of these networks, if nothing is paid for it: at most
2e-6 by itself, and more where an enclosure is final a little earlier or later for it. (Its operations are fused and
ordered by the plan, whatever the processor.)"""


class Planted:
    """An analysis that runs changed plans."""

    def __init__(self, change: Change) -> None:
        self.change = change

    def margins(self, graph: Graph, ball: LinfBall, spec: Spec) -> torch.Tensor:
        found = self.change(plan(graph, ball.frames))
        return Compiled(graph, found).lower(ball, spec.rows, spec.offset)


def case(family: str, threat: str, seed: int = 0, eps: tuple[float, ...] = ()) -> tuple[Oracle, LinfBall]:
    rng = np.random.default_rng([zlib.crc32(family.encode()), seed])
    graph, (frames, clip) = FAMILIES[family](rng), THREATS[threat]
    ball = region(rng, graph, frames, clip, eps) if eps else region(rng, graph, frames, clip)
    return Oracle(graph, points(rng, graph, ball), Perturbation(rng)), ball


def violations(oracle: Oracle, ball: LinfBall, change: Change = unchanged) -> list[Violation]:
    """Bounds of every node, and random rows over every node as the output of a network that ends there."""
    graph, rng = oracle.graph, np.random.default_rng(0)
    found = node_bounds(oracle, Compiled(graph, change(plan(graph, ball.frames, observe=True))).bounds(ball))
    for position, node in enumerate(graph.nodes):
        ending = copy(oracle)
        ending.graph, ending.values = (
            Graph(graph.nodes[: position + 1], position),
            oracle.values[: position + 1],
        )
        rows = numbers(rng, ball.batch, 4, node.size)
        rows[:, 0] = torch.eye(node.size, dtype=torch.float64)[0]
        offset = numbers(rng, ball.batch, 4) * (rng.random() < 0.5)
        found += margins(Planted(change), ending, ball, Spec(rows, offset))  # pyright: ignore[reportArgumentType]
    return found


@pytest.mark.parametrize("threat", THREATS)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_node_contains_every_member(family: str, threat: str) -> None:
    assert violations(*case(family, threat)) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 20))
@pytest.mark.parametrize("family", FAMILIES)
def test_every_node_contains_every_member_on_many_networks(family: str, seed: int) -> None:
    for threat in THREATS:
        assert violations(*case(family, threat, seed)) == []


@pytest.mark.parametrize(
    "family", [f for f in FAMILIES if f not in ("overflowing", "cancelling", "underflowing")]
)
def test_it_computes_what_the_tensors_compute(family: str) -> None:
    """Up to roundings: no symbol is lost, none is counted twice. What is paid for single precision is little."""
    for threat, (frames, _) in THREATS.items():
        oracle, ball = case(family, threat, eps=(0.0, 1e-6, 0.05, 0.3))
        domain, graph = Zonotopes(), oracle.graph

        def tensors(domain: Zonotopes = domain, graph: Graph = graph, ball: LinfBall = ball) -> torch.Tensor:
            run, seen = domain.start(ball), []
            propagate(graph, run, lambda _, value, __: seen.append(torch.stack(run.bounds(value))))
            return torch.cat(seen, dim=2)

        expected, lost = tensors(), room(tensors)
        width, lost = expected[1] - expected[0], lost + FUNCTIONS * expected.abs()
        planned = plan(graph, frames, observe=True)
        for share, change in ((SHARE, SINGLE), (5.0 * SHARE, unchanged)):
            ends = zip(*Compiled(graph, change(planned)).bounds(ball), strict=True)
            found = torch.stack([torch.cat(parts, dim=1) for parts in ends])
            assert bool(((found - expected).abs() <= share * width + lost).all())


@pytest.mark.parametrize("seed", range(24))
def test_wild_graphs_hold_and_agree_with_the_tensors(seed: int) -> None:
    """The plan that runs is another than the one that is observed: both are compared."""
    oracle, ball = wild_case(seed)
    assert violations(oracle, ball) == []
    graph, rng = oracle.graph, np.random.default_rng(seed)
    rows, offset = numbers(rng, ball.batch, 3, graph.outputs), numbers(rng, ball.batch, 3)
    found = Compiled(graph, SINGLE(plan(graph, ball.frames))).lower(ball, rows, offset)

    def tensors() -> torch.Tensor:
        run = Zonotopes().start(ball)
        with torch.no_grad():
            return run.lower(propagate(graph, run), rows, offset)

    expected, given_up = tensors(), room(tensors)
    lost = found.isinf() | expected.isinf()
    share = 1e-4 * (expected[:1] - expected).abs()
    assert bool((lost | ((found - expected).abs() <= share + given_up + FUNCTIONS * expected.abs())).all())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24, 2000))
def test_wild_graphs_hold(seed: int) -> None:
    assert violations(*wild_case(seed)) == []


EXACT = (0.0, 1e-12)
"""Radii at which rounding is all there is."""

MUTANTS: dict[str, tuple[Change, str, tuple[float, ...]]] = {
    "rounding of affine maps ignored": (
        unpaid(at.Affine, "charges.error", "charges.box_error"),
        "cancelling",
        EXACT,
    ),
    "rounding of sums ignored": (unpaid(at.Sum, "charges.error", "charges.box_error"), "rough sums", EXACT),
    "rounding of rows ignored": (
        unpaid(at.LowerRows, "charges.error", "charges.box_error"),
        "mixed",
        EXACT,
    ),
    "single precision ignored": (SINGLE, "cancelling", ()),
    "products with other weights": (altered(at.Product, "panels.start", lambda c: c + PANEL), "lstm", ()),
    "scaled products by other slopes": (altered(at.ScaledProduct, "slope", lambda c: c + 1), "rnn", ()),
    "outer products of other weights": (altered(at.Outer, "columns.base", lambda c: c + 1), "rnn", ()),
    "outer products of other radii": (altered(at.Outer, "values", lambda c: c + 1), "rnn", ()),
    "generators by other slopes": (altered(at.Combine, "first.slope", lambda c: c + 1), "lstm", ()),
    "combinations lose a source": (altered(at.Combine, "terms", lambda c: np.maximum(c - 1, 1)), "lstm", ()),
    "diagonals are not placed": (altered(at.Diagonal, "values", lambda c: 0 * c - 1), "gru", ()),
    "columns are gathered from the next element": (
        altered(at.Columns, "target.start", lambda c: c + 1),
        "mixed",
        (),
    ),
    "joined symbols of one member only": (altered(at.Join, "terms", lambda c: 0 * c + 1), "lstm", ()),
    "cuts without what the second argument has alone": (
        altered(at.Widths, "y_own", lambda c: 0 * c - 1),
        "lstm",
        (),
    ),
    "cuts without shared symbols": (without(at.Directional), "lstm", ()),
    "slack forgotten where bounds are read": (without(at.Read), "rnn", ()),
    "own radii forgotten where bounds are read": (
        altered(at.Read, "diagonal", lambda c: 0 * c - 1),
        "rnn",
        (),
    ),
    "own symbols forgotten in rows": (altered(at.LowerRows, "own", lambda c: 0 * c - 1), "rnn", ()),
    "another function": (
        altered(at.Univariate, "function.address", lambda c: 0 * c + address(RELU.scalar(), 1)),
        "rnn",
        (),
    ),
    "another factor": (altered(at.Bivariate, "function.first", lambda c: 0.0 * c + 2.0), "lstm", ()),
    "buffers overlap": (altered(at.Product, "target.start", lambda c: 0 * c), "gru", ()),
    "frames mixed up": (altered(at.Input, "first", lambda c: 0 * c), "rnn", ()),
}


WILD: dict[str, Change] = {
    "rows of a diagonal replace what stands there": altered(at.Diagonal, "added", lambda c: 0 * c),
    "outer products replace what stands there": altered(at.Outer, "target.added", lambda c: 0 * c),
    "cuts without what the first argument has alone": altered(at.Widths, "x_own", lambda c: 0 * c - 1),
    "sums of several sources lose the last": altered(at.Combine, "terms", lambda c: np.maximum(c - 1, 1)),
}
"""Errors that only graphs show which no network would have."""


@pytest.mark.parametrize("name", WILD)
def test_an_error_planted_in_wild_graphs_is_found(name: str) -> None:
    cases = (wild_case(seed, (1e-6, 0.3)) for seed in range(200))
    assert any(violations(*case, WILD[name]) for case in cases)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_error_is_found(name: str) -> None:
    change, family, eps = MUTANTS[name]
    oracle, ball = case(family, "all frames", eps=eps or (1e-12, 0.05, 1.0))
    assert violations(oracle, ball) == []
    assert violations(oracle, ball, change) != []


@pytest.mark.parametrize(("rows", "depth", "width"), [(1, 1, 1), (7, 3, 16), (8, 5, 17), (203, 33, 40)])
def test_products_are_products(rows: int, depth: int, width: int) -> None:
    """One map of symbols that are all there is: rows over its output are what matrices say."""
    rng = np.random.default_rng(rows)
    builder = GraphBuilder()
    first, second = numbers(rng, depth, rows), numbers(rng, width, depth)
    inner = builder.affine(first, torch.zeros(depth, dtype=torch.float64), builder.input(0, rows))
    graph = builder.build(builder.affine(second, torch.zeros(width, dtype=torch.float64), inner))
    ball = LinfBall(numbers(rng, 3, 1, rows), torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64), (0,))
    eye = torch.eye(width, dtype=torch.float64).expand(3, width, width)
    found = planned(graph, ball).lower(ball, eye, torch.zeros(3, width, dtype=torch.float64))
    # every score is least at a corner of its own, which is held as exactly as the rest
    moved = -ball.eps[:, None] * (second @ first).sign()[:, None]  # (width, 3, rows)
    corners = Points(ball.center.repeat(width, 1, 1), moved.flatten(0, 1)[:, None])
    exact = Oracle(graph, corners).scores
    for row in range(3):
        for score, bound in enumerate(found[row].tolist()):
            truth = exact[score, 3 * score + row]
            assert bound <= truth
            assert truth - bound <= 1e-4 * (1.0 + abs(truth))


@pytest.mark.parametrize("pair", ["affine, affine", "affine, sum", "sum, affine", "sum, sum"])
def test_errors_of_coefficients_compound(pair: str) -> None:
    """Two maps whose coefficients are half unknown: 1 may become 2.25, and the row falls to -0.15."""
    builder, one, none = GraphBuilder(), torch.ones(1, 1).double(), torch.zeros(1).double()
    value = builder.input(0, 1)
    for kind in pair.split(", "):
        if kind == "affine":
            value = builder.affine(one, none, value, relative_error=0.5)
        else:
            value = builder.sum([value], relative_error=0.5)
    graph = builder.build(value)
    ball = LinfBall(torch.ones(1, 1, 1).double(), none, (0,))
    rows, offset = -torch.ones(1, 1, 1).double(), torch.full((1, 1), 2.1).double()
    run = Zonotopes().start(ball)
    assert float(planned(graph, ball).lower(ball, rows, offset)) <= -0.15
    assert float(run.lower(propagate(graph, run), rows, offset)) <= -0.15


def test_shapes_are_looked_at_before_the_machine_runs() -> None:
    oracle, ball = case("rnn", "all frames")
    run, outputs = planned(oracle.graph, ball), oracle.graph.outputs
    rows, offset = torch.eye(outputs)[None].double(), torch.zeros(1, outputs).double()
    expected = run.lower(ball, rows.expand(ball.batch, -1, -1), offset.expand(ball.batch, -1))
    assert torch.equal(run.lower(ball, rows, offset), expected)
    assert torch.equal(run.lower(ball, rows, offset[:, :1]), expected)
    for center in (ball.center[:, :1], ball.center[:, :, :1]):
        with pytest.raises(ValueError, match="propagating a region: the graph reads 3 frames"):
            run.lower(LinfBall(center, ball.eps, (0,)), rows, offset)
    with pytest.raises(RuntimeError):
        run.lower(ball, rows[:, :, 1:], offset)


def test_sums_of_sums_are_planned_in_proportion() -> None:
    builder, one = GraphBuilder(), torch.ones(1, 1).double()
    value = builder.affine(one, torch.zeros(1).double(), builder.input(0, 1))
    for _ in range(40):
        value = builder.sum([value, value])
    graph, ball = builder.build(value), LinfBall(torch.ones(1, 1, 1).double(), one[0] / 2.0, (0,))
    run = planned(graph, ball)
    assert len(run.plan.instructions) < 1000
    assert float(run.lower(ball, one[None], torch.zeros(1, 1).double())) == pytest.approx(2.0**39, rel=1e-4)


def test_a_weight_changed_in_place_is_seen() -> None:
    builder, weight = GraphBuilder(), torch.ones(1, 1).double()
    graph = builder.build(builder.affine(weight, torch.zeros(1).double(), builder.input(0, 1)))
    ball = LinfBall(torch.ones(1, 1, 1).double(), torch.zeros(1).double(), (0,))
    rows, offset = torch.ones(1, 1, 1).double(), torch.zeros(1, 1).double()
    assert float(planned(graph, ball).lower(ball, rows, offset)) > 0.9
    weight.mul_(-1.0)
    assert float(planned(graph, ball).lower(ball, rows, offset)) < -0.9


def test_empty_values_are_left_to_the_tensors() -> None:
    builder = GraphBuilder()
    empty = builder.elementwise(TANH, builder.gather([builder.input(0, 2)], np.arange(0)))
    graph = builder.build(builder.gather([builder.input(1, 2), empty], np.arange(2)))
    ball = LinfBall(torch.zeros(1, 2, 2).double(), torch.ones(1).double(), (0, 1))
    assert Zonotopes().compiled(graph, ball) is None


def planned(graph: Graph, ball: LinfBall) -> Compiled:
    found = Zonotopes().compiled(graph, ball)
    assert found is not None
    return found


def test_it_stands_in_only_where_it_computes_the_same() -> None:
    oracle, ball = case("lstm", "all frames")
    graph = oracle.graph
    assert planned(graph, ball) is planned(graph, ball)
    for other in (Zonotopes(policy=LeastWidth()), Zonotopes(reduction=Fold(6)), Zonotopes(cuts=False)):
        assert other.compiled(graph, ball) is None
    assert Zonotopes().compiled(graph, L2Ball(ball.center, ball.eps, ball.frames)) is None


def test_threads_share_a_batch_without_changing_it() -> None:
    oracle, ball = case("gru", "all frames")
    spec = Spec(
        numbers(np.random.default_rng(1), ball.batch, 4, oracle.graph.outputs),
        torch.zeros(ball.batch, 4).double(),
    )
    threads, found = torch.get_num_threads(), []
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            found.append(planned(oracle.graph, ball).lower(ball, spec.rows, spec.offset))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own() -> None:
    oracle, ball = case("gru", "all frames")
    rows, offset = torch.eye(oracle.graph.outputs)[None].double(), torch.zeros(1, 1).double()
    run, threads = planned(oracle.graph, ball), torch.get_num_threads()
    ball = ball.select(torch.zeros(4000, dtype=torch.int64))
    try:
        torch.set_num_threads(2)
        expected = run.lower(ball, rows, offset)
        child = os.fork()
        if child == 0:
            os._exit(0 if torch.equal(run.lower(ball, rows, offset), expected) else 1)
        ended, deadline = (0, 0), time.monotonic() + 300.0  # a net: it only ends a test that hangs
        while ended == (0, 0) and time.monotonic() < deadline:
            time.sleep(0.01)
            ended = os.waitpid(child, os.WNOHANG)
        if ended == (0, 0):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    finally:
        torch.set_num_threads(threads)
    assert ended == (child, 0)
