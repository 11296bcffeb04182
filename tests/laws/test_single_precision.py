"""What single precision costs in the compiled pass is paid for where it is largest: lost terms, and underflow."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from certrnn.domains import Zonotopes
from certrnn.domains.zonotope.compiled import Compiled
from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled.plan import plan
from certrnn.ir import Graph, GraphBuilder
from certrnn.regions import LinfBall
from tests.laws.changes import Change, altered, unchanged, unpaid

MANY, SMALL = 1024, 2.0**-28.2


def small_terms(kind: str) -> tuple[Graph, torch.Tensor]:
    """A large term and many that single precision loses beside it, and what they are worth together: a graph of one
    symbol with a row over its output."""
    builder, none = GraphBuilder(), torch.zeros(MANY).double()
    weights = torch.full((1, MANY), SMALL, dtype=torch.float64)
    weights[0, 0] = 1.0
    x = builder.input(0, 1)
    if kind == "sum":
        ones = [builder.affine(torch.ones(1, 1).double(), none[:1], x) for _ in range(MANY // 4)]
        return builder.build(builder.sum(ones, [1.0, *[4.0 * SMALL] * (len(ones) - 1)])), weights[:, :1]
    wide = builder.affine(torch.ones(MANY, 1).double(), none, x)
    if kind == "rows":
        return builder.build(wide), weights
    return builder.build(builder.affine(weights, none[:1], wide)), weights[:, :1]


@pytest.mark.parametrize(
    ("kind", "instruction"), [("affine", at.Affine), ("sum", at.Sum), ("rows", at.LowerRows)]
)
def test_terms_that_single_precision_loses_are_paid_for(kind: str, instruction: type) -> None:
    graph, row = small_terms(kind)
    count, share = (MANY // 4 - 1, 4.0 * SMALL) if kind == "sum" else (MANY - 1, SMALL)
    exact = -1 - count * Fraction(share)
    ball = LinfBall(torch.zeros(1, 1, 1).double(), torch.ones(1).double(), (0,))

    def found(change: Change) -> list[float]:
        margin = Compiled(graph, change(plan(graph, (0,)))).lower(ball, row[None], torch.zeros(1, 1).double())
        bounds = Compiled(graph, change(plan(graph, (0,), observe=True))).bounds(ball)[graph.output]
        return [float(margin), *([] if kind == "rows" else [float(bounds[0])])]

    assert all(Fraction(bound) <= exact for bound in found(unchanged))
    assert all(bound >= float(exact) * (1.0 + 1e-4) for bound in found(unchanged))
    assert any(Fraction(bound) > exact for bound in found(unpaid(instruction, "charges.single")))


def test_numbers_too_small_for_single_precision_are_paid_for() -> None:
    builder, none = GraphBuilder(), torch.zeros(1).double()
    value, exact = builder.input(0, 1), Fraction(1e-20)
    for weight in (1e-19, 1e-10, 1e19, 1e19):
        value, exact = (
            builder.affine(torch.tensor([[weight]], dtype=torch.float64), none, value),
            exact * Fraction(weight),
        )
    graph, ball = builder.build(value), LinfBall(torch.zeros(1, 1, 1).double(), none + 1e-20, (0,))

    def lower(change: Change) -> Fraction:
        found = Compiled(graph, change(plan(graph, (0,), observe=True))).bounds(ball)[graph.output][0]
        return Fraction(float(found))

    assert lower(unchanged) <= -exact
    assert lower(unpaid(at.Affine, "charges.single")) > -exact


def test_slopes_that_underflow_in_weights_are_paid_for() -> None:
    """A slope of 1e-30 times a weight of 1e-20 is nothing in single precision, but a generator of 1e38 is not."""
    builder, none = GraphBuilder(), torch.zeros(1).double()
    value, exact = builder.input(0, 1), Fraction(1e8)
    for weight in ([[1e30]], [1e-30], [[1e-20]]):
        given = torch.tensor(weight, dtype=torch.float64)
        value, exact = builder.affine(given, none, value), exact * Fraction(float(given))
    graph, ball = builder.build(value), LinfBall(torch.zeros(1, 1, 1).double(), none + 1e8, (0,))

    def lower(change: Change) -> Fraction:
        # not observed: a value that is read is added up before the map, and its slope leaves the weights alone
        run = Compiled(graph, change(plan(graph, (0,))))
        box = run.bounds(ball)[graph.output][0]
        return Fraction(float(box))

    assert lower(unchanged) <= -exact
    assert lower(altered(at.Affine, "lost", lambda c: 0 * c - 1)) > -exact


@pytest.mark.parametrize("weight", [1e-35, 1e35])
def test_weights_out_of_the_range_of_single_precision_are_left_to_the_tensors(weight: float) -> None:
    builder = GraphBuilder()
    given = torch.tensor([[0.0, weight]], dtype=torch.float64)
    graph = builder.build(builder.affine(given, torch.zeros(1).double(), builder.input(0, 2)))
    ball = LinfBall(torch.zeros(1, 1, 2).double(), torch.ones(1).double(), (0,))
    assert Zonotopes().compiled(graph, ball) is None


def test_small_weights_beside_others_are_no_obstacle() -> None:
    builder = GraphBuilder()
    given = torch.tensor([[1.0, 1e-40], [1e-200, 0.0]], dtype=torch.float64)
    graph = builder.build(builder.affine(given, torch.zeros(2).double(), builder.input(0, 2)))
    ball = LinfBall(torch.zeros(1, 1, 2).double(), torch.ones(1).double(), (0,))
    run = Zonotopes().compiled(graph, ball)
    assert run is not None
    margins = run.lower(ball, torch.eye(2)[None].double(), torch.zeros(1, 2).double())
    assert -1.0 - 1e-5 < float(margins[0, 0]) <= -1.0
    assert -1e-25 < float(margins[0, 1]) <= -1e-200
