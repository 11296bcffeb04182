"""Weights that change after a plan was made of them, in whatever way, and batches of nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from certrnn.analyses import Forward
from certrnn.certification.methods import METHODS
from certrnn.domains import Zonotopes, propagate
from certrnn.domains.zonotope.compiled import execute as compiled_run
from certrnn.ir import Graph, GraphBuilder
from certrnn.regions import LinfBall
from certrnn.specs import Spec
from tests.laws.members import DOMAINS
from tests.laws.networks import FAMILIES, region

Change = Callable[[torch.Tensor], object]
CHANGES: dict[str, Change] = {
    "in place": lambda tensor: tensor.mul_(-1.0),
    "through data": lambda tensor: tensor.data.mul_(-1.0),
    "through numpy": lambda tensor: np.negative(tensor.numpy(), out=tensor.numpy()),
    "by other data": lambda tensor: setattr(tensor, "data", -tensor.data),
}
KINDS = ("weight", "bias", "constant")


def network(kind: str) -> tuple[Graph, torch.Tensor]:
    """A graph that is 1 at 1, and the tensor that makes it so."""
    builder, one, none = GraphBuilder(), torch.ones(1, dtype=torch.float64), torch.zeros(1).double()
    x = builder.input(0, 1)
    if kind == "weight":
        one = one[None]
        return builder.build(builder.affine(one, none, x)), one
    gone = builder.affine(none[None], one if kind == "bias" else none, x)
    return builder.build(gone if kind == "bias" else builder.sum([gone, builder.constant(one)])), one


def lowest(graph: Graph) -> float:
    ball = LinfBall(torch.ones(1, 1, 1).double(), torch.zeros(1).double(), (0,))
    spec = Spec(torch.ones(1, 1, 1).double(), torch.zeros(1, 1).double())
    return float(METHODS["zonotope"]().margins(graph, ball, spec))


def seen(kind: str, change: str) -> bool:
    graph, tensor = network(kind)
    assert lowest(graph) > 0.9
    CHANGES[change](tensor)
    return lowest(graph) < -0.9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_weight_is_seen(kind: str, change: str) -> None:
    assert seen(kind, change)


def test_a_plan_that_trusts_its_copies_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_run._Planned, "current", True)
    assert not any(seen(kind, change) for kind in KINDS for change in CHANGES)


@pytest.mark.parametrize("name", METHODS)
def test_an_empty_batch_has_no_margins(name: str) -> None:
    rng = np.random.default_rng(5)
    graph = FAMILIES["rnn"](rng)
    ball = region(rng, graph, (0,), clip=False, eps=())
    rows = Spec(torch.zeros(0, 4, graph.outputs).double(), torch.zeros(0, 4).double())
    assert METHODS[name]().margins(graph, ball, rows).shape == (0, 4)


@pytest.mark.parametrize("name", DOMAINS)
def test_rows_of_an_empty_batch_have_no_bounds(name: str) -> None:
    rng = np.random.default_rng(5)
    graph = FAMILIES["lstm"](rng)
    ball, domain = region(rng, graph, (0, 2), clip=False, eps=()), DOMAINS[name]()
    rows, offset = torch.zeros(0, 4, graph.outputs).double(), torch.zeros(0, 4).double()
    run = domain.start(ball)
    assert run.lower(propagate(graph, run), rows, offset).shape == (0, 4)
    assert Forward(domain).margins(graph, ball, Spec(rows, offset)).shape == (0, 4)


def test_the_compiled_pass_bounds_an_empty_batch() -> None:
    rng = np.random.default_rng(5)
    graph = FAMILIES["lstm"](rng)
    ball = region(rng, graph, (0, 2), clip=False, eps=())
    run = Zonotopes().compiled(graph, ball)
    assert run is not None
    rows = torch.zeros(0, 4, graph.outputs).double()
    assert run.lower(ball, rows, torch.zeros(0, 4).double()).shape == (0, 4)
    assert all(len(lower) == 0 for lower, _ in run.bounds(ball))
