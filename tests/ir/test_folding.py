"""Sums of sums become one sum, exactly or within the errors that it states."""

from __future__ import annotations

import zlib
from fractions import Fraction

import numpy as np
import pytest
import torch

from certrnn.certification.methods import METHODS
from certrnn.domains import evaluate
from certrnn.ir import Affine, Graph, GraphBuilder, Sum
from certrnn.ir.folding import Factor
from certrnn.ir.rewrite import simplify
from certrnn.regions import LinfBall
from certrnn.specs import Spec, label_spec
from tests.laws.adverse import ADVERSE, leaky, tensor
from tests.laws.laws import margins
from tests.laws.networks import FAMILIES, numbers, points, region
from tests.laws.oracle import Oracle
from tests.laws.wild import wild


def sums(graph: Graph) -> list[Sum]:
    return [node for node in graph.nodes if isinstance(node, Sum)]


@pytest.mark.parametrize("way", ["maps", "sums", "linear"])
def test_a_leaky_step_is_one_sum_of_two_values(way: str) -> None:
    graph = simplify(leaky(np.random.default_rng(0), 3, way, dt=0.25))
    last = sums(graph)[-1]
    assert sorted(last.coefficients) == [0.25, 0.75]
    assert last.relative_error == 0.0
    assert not any(isinstance(node, Affine) and node.diagonal for node in graph.nodes)


def test_a_step_of_one_forgets_the_state() -> None:
    graph = simplify(leaky(np.random.default_rng(0), 3, "maps", dt=1.0))
    assert sums(graph)[-1].coefficients == (1.0,)


def test_coefficients_that_are_rounded_say_so() -> None:
    builder = GraphBuilder()
    x, y = builder.input(0, 1), builder.input(1, 1)
    inner = builder.sum([x, y], [0.1, 0.3])
    (last,) = sums(simplify(builder.build(builder.sum([inner, x], [0.7, 1.0]))))
    assert 0.0 < last.relative_error < 1e-15


def test_what_cancels_to_its_own_error_stays_as_it_is() -> None:
    builder = GraphBuilder()
    x = builder.input(0, 1)
    inner = builder.sum([x, x], [1.0 / 3.0, 1.0], relative_error=2.0**-53)
    graph = builder.build(builder.sum([inner, x], [3.0, -4.0]))
    assert len(sums(simplify(graph))) == 2


def test_biases_and_units_of_their_own_are_kept() -> None:
    builder = GraphBuilder()
    x, y = builder.input(0, 2), builder.input(1, 2)
    apart = builder.affine(tensor(0.5, 0.25), tensor(1.0, -2.0), builder.sum([y, x], [1.0, -1.0]))
    graph = builder.build(builder.sum([x, apart]))
    short, data = simplify(graph), torch.rand(5, 2, 2, dtype=torch.float64)
    assert torch.allclose(evaluate(short, data), evaluate(graph, data), rtol=1e-14)
    assert len(sums(short)) == 1


FAMILY = {**FAMILIES, **ADVERSE}


@pytest.mark.parametrize("family", FAMILY)
def test_bounds_of_the_rewritten_graph_contain_the_original(family: str) -> None:
    rng = np.random.default_rng(zlib.crc32(family.encode()))
    check(rng, FAMILY[family](rng))


@pytest.mark.parametrize("seed", range(40))
def test_bounds_of_rewritten_wild_graphs_contain_the_original(seed: int) -> None:
    check(np.random.default_rng(seed), wild(seed))


def check(rng: np.random.Generator, graph: Graph) -> None:
    ball = region(rng, graph, (0, 1, 2), True, (0.0, 1e-12, 0.2))
    oracle, short = Oracle(graph, points(rng, graph, ball, 1)), simplify(graph)
    spec = label_spec(torch.zeros(3, dtype=torch.int64), graph.outputs)
    rows = Spec(numbers(rng, 3, 4, graph.outputs), numbers(rng, 3, 4))
    for analysis in (METHODS["interval"](), METHODS["zonotope"](), METHODS["crown"]()):
        for asked in (spec, rows):
            assert margins(Rewritten(analysis, short), oracle, ball, asked) == []  # pyright: ignore[reportArgumentType]


class Rewritten:
    """An analysis of a rewritten graph, whatever graph it is given."""

    def __init__(self, analysis, graph: Graph) -> None:
        self.analysis, self.graph = analysis, graph

    def margins(self, graph: Graph, ball: LinfBall, spec: Spec) -> torch.Tensor:
        return self.analysis.margins(self.graph, ball, spec)


def wrong(seed: int) -> bool:
    """Whether a folded coefficient lies further from the exact one than it says."""
    rng, builder = np.random.default_rng(seed), GraphBuilder()
    x, y = builder.input(0, 1), builder.input(1, 1)
    a, b, c, d = rng.uniform(0.05, 1.0, 4).tolist()
    inner = builder.affine(tensor(d), tensor(0.0), builder.sum([x, y], [a, b]))
    (last,) = sums(simplify(builder.build(builder.sum([inner, x, y], [c, 3.0 * a, 7.0 * b]))))
    a, b, c, d = (Fraction(v) for v in (a, b, c, d))
    exact = {x: a * d * c + Fraction(3.0 * float(a)), y: b * d * c + Fraction(7.0 * float(b))}
    error = Fraction(last.relative_error)
    pairs = zip(last.sources, last.coefficients, strict=True)
    return any(abs(Fraction(w) - exact[p]) > error * abs(Fraction(w)) for p, w in pairs)


def test_folded_coefficients_are_as_near_as_they_say() -> None:
    assert not any(wrong(seed) for seed in range(200))


@pytest.mark.parametrize("name", ["plus", "times"])
def test_planted_errors_are_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Products or sums of coefficients that are believed to be exact."""
    real = getattr(Factor, name)

    def forgetful(one: Factor, other: Factor) -> Factor:
        value = real(one, other).value
        return Factor(value, np.zeros_like(value) if name == "times" else one.error + other.error)

    monkeypatch.setattr(Factor, name, forgetful)
    assert any(wrong(seed) for seed in range(200))
