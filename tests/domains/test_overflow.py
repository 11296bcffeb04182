"""Rows whose numbers leave the floating-point range: never certified, never an error, no harm to their batch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from certrnn.analyses import Forward, certified
from certrnn.certification.methods import METHODS
from certrnn.domains import Zonotopes, propagate
from certrnn.ir import Graph, GraphBuilder
from certrnn.regions import LinfBall
from certrnn.specs import Spec
from tests.laws.members import DIRECT, DOMAINS
from tests.rounding import room
from transformers_abs import ALL, MUL_SIGMOID, PRODUCT, RELU, TANH, Region, Transformer


def zeros(*shape: int) -> torch.Tensor:
    return torch.zeros(shape, dtype=torch.float64)


def chain(transformer: Transformer, gain: float) -> Graph:
    """Three layers of a function of sums with weights up to ``gain``."""
    rng, builder = np.random.default_rng(3), GraphBuilder()
    value = builder.input(0, 3)
    for _ in range(3):
        weights = (torch.from_numpy(rng.uniform(-gain, gain, (3, 3))) for _ in range(transformer.arity))
        value = builder.elementwise(transformer, *(builder.affine(w, zeros(3), value) for w in weights))
    return builder.build(value)


def ball(scales: list[float], share: float) -> LinfBall:
    """A row for each scale of its center."""
    center = (
        torch.tensor(scales, dtype=torch.float64)[:, None, None]
        * torch.tensor([[[1.0, -0.5, 0.25]]]).double()
    )
    return LinfBall(center, share * torch.tensor(scales, dtype=torch.float64), (0,))


def everything(batch: int) -> Spec:
    """Each score above -1, and the first above the second: (batch, 4, 3)."""
    rows = torch.cat([torch.eye(3, dtype=torch.float64), torch.tensor([[1.0, -1.0, 0.0]]).double()])
    return Spec(rows.repeat(batch, 1, 1), torch.tensor([[1.0, 1.0, 1.0, 0.0]]).double().repeat(batch, 1))


@pytest.mark.parametrize("transformer", ALL, ids=lambda t: t.name)
@pytest.mark.parametrize("name", DOMAINS)
def test_no_number_is_too_large_to_be_answered(name: str, transformer: Transformer) -> None:
    for gain in (1e30, 1e200):
        for share in (0.0, 2.0):
            region = ball([1e-300, 1e-210, 1e-100, 1e-40, 1.0, 1e100, 1e300], share)
            margins = Forward(DOMAINS[name]()).margins(chain(transformer, gain), region, everything(7))
            assert not margins.isnan().any()


@pytest.mark.parametrize("transformer", [RELU, PRODUCT, MUL_SIGMOID], ids=lambda t: t.name)
@pytest.mark.parametrize("name", DIRECT)
def test_a_row_that_overflows_is_not_certified_and_leaves_others_alone(
    name: str, transformer: Transformer
) -> None:
    graph, analysis = chain(transformer, 1e60), METHODS[name]()
    mixed, alone = ball([1e-170, 1e300, 1e-165], 0.01), ball([1e-170, 1e-165], 0.01)
    margins = analysis.margins(graph, mixed, everything(3))
    assert not bool(certified(margins)[1])
    assert margins[1].tolist() == [-math.inf] * 4
    others = analysis.margins(graph, alone, everything(2))
    assert bool(torch.isfinite(others[0]).all())
    lost = room(lambda: analysis.margins(graph, alone, everything(2)))
    assert bool(((margins[[0, 2]] - others).abs() <= lost).all())


def test_a_failed_row_stays_failed_where_its_zonotope_lives_on() -> None:
    """Rotations by an eighth of a turn widen a box by sqrt 2 each, a zonotope only by their rounding."""
    turn = math.sqrt(0.5) * torch.tensor([[1.0, -1.0], [1.0, 1.0]], dtype=torch.float64)
    builder = GraphBuilder()
    value = builder.input(0, 2)
    for _ in range(2100):
        value = builder.affine(turn, zeros(2), value)
    shifted = builder.affine(1e-305 + zeros(2), 5.0 + zeros(2), value)
    once = builder.elementwise(TANH, shifted)
    graph = builder.build(builder.elementwise(PRODUCT, builder.elementwise(TANH, once), once))
    region = LinfBall(zeros(2, 1, 2), torch.tensor([1e-3, 1.0], dtype=torch.float64), (0,))
    for cuts in (False, True):
        run = Zonotopes(cuts=cuts).start(region)
        value = propagate(graph, run)
        assert run.failed.tolist() == [True, True]
        assert torch.isinf(
            run.lower(value, torch.eye(2, dtype=torch.float64).expand(2, 2, 2), zeros(2, 2))
        ).all()


def steep_curves(transformer: Transformer, region: Region) -> np.ndarray:
    """A slope policy; any finite slope is sound."""
    return np.full(region.lower.shape, 1e300 if transformer.arity == 1 else 0.5)


def test_a_zonotope_wider_than_any_number_has_no_cuts() -> None:
    """Its box stays finite, and so does the result."""
    builder = GraphBuilder()
    x = builder.elementwise(TANH, builder.input(0, 2))
    y = builder.affine(1e10 * torch.ones(2, dtype=torch.float64), zeros(2), x)
    graph = builder.build(builder.elementwise(PRODUCT, y, x))
    region = LinfBall(zeros(1, 1, 2), torch.tensor([0.5], dtype=torch.float64), (0,))
    run = Zonotopes(policy=steep_curves).start(region)
    lower, upper = run.bounds(propagate(graph, run))
    assert bool(((lower <= 0) & (upper >= 0)).all())
