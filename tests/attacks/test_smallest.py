"""The smallest eps against known optima."""

from __future__ import annotations

import pytest
import torch

from certrnn.attacks import FGSM, PGD, Attack, Descent, smallest_eps
from certrnn.domains import evaluate
from certrnn.errors import UsageError
from certrnn.regions import LinfBall
from certrnn.specs import Spec, label_spec
from tests.attacks.cases import EuclideanBall, constant, exactly_inside, linear, recurrent, uniform
from tests.rounding import evaluation_room
from transformers_abs.rounding import gamma

WEIGHT, BIAS, X = uniform(1, 4, 3, 5), uniform(2, 4), 0.5 + 0.5 * uniform(3, 8, 3, 5)
GRAPH = linear(WEIGHT, BIAS)
SPEC = label_spec(evaluate(GRAPH, X).argmax(dim=1), 4)


def optimum(
    spec: Spec, frames: tuple[int, ...], x: torch.Tensor, order: float, lost: torch.Tensor | float = 0.0
) -> torch.Tensor:
    """``min_k margin_k / |w_k|``, with the dual norm of the disturbed frames' weights, of margins less what is lost."""
    margins = spec.margins(evaluate(GRAPH, x)) - lost
    rows = torch.einsum("bkn,ntd->bktd", spec.rows, WEIGHT)[:, :, list(frames)]
    return (margins / torch.linalg.vector_norm(rows.flatten(2), ord=order, dim=2)).amin(dim=1)


def least(spec: Spec, frames: tuple[int, ...], found: torch.Tensor, order: float) -> torch.Tensor:
    """What no eps may be below: the optimum less what evaluating both ends may cost, and less the norm's rounding."""
    lost = evaluation_room(GRAPH, X, spec) + evaluation_room(GRAPH, found, spec)
    return optimum(spec, frames, X, order, lost) * (1.0 - gamma(64))


@pytest.mark.parametrize("attack", [PGD(), FGSM()], ids=["PGD", "FGSM"])
@pytest.mark.parametrize("frames", [(0,), (0, 2), (0, 1, 2)])
def test_a_linear_network_breaks_at_its_margin(attack: Attack, frames: tuple[int, ...]) -> None:
    found = smallest_eps(attack, GRAPH, lambda rows, eps: LinfBall(X[rows], eps, frames), SPEC)
    best = optimum(SPEC, frames, X, 1)
    assert bool((found.eps >= least(SPEC, frames, found.x, 1)).all())
    assert bool((found.eps <= best * 1.01).all())
    region = LinfBall(X, found.eps, frames)
    assert all(exactly_inside(region, found.x))
    assert bool((SPEC.margins(evaluate(GRAPH, found.x)).amin(dim=1) <= 0).all())


def test_a_valid_range_is_worked_around() -> None:
    """At eps the worst margin is ``m - sum_i |w_i| min(eps, room_i)``: the optimum by bisection."""
    frames = (0, 1, 2)
    found = smallest_eps(PGD(), GRAPH, lambda rows, eps: LinfBall(X[rows], eps, frames, (0.0, 1.0)), SPEC)
    rows = torch.einsum("bkn,ntd->bktd", SPEC.rows, WEIGHT)
    room = torch.where(rows > 0, X[:, None], 1.0 - X[:, None])

    def worst(eps: torch.Tensor) -> torch.Tensor:
        lost = (rows.abs() * torch.minimum(room, eps[:, None, None, None])).flatten(2).sum(dim=2)
        return (SPEC.margins(evaluate(GRAPH, X)) - lost).amin(dim=1)

    # at the eps found no more is left than what evaluating both ends may cost
    cost = (evaluation_room(GRAPH, X, SPEC) + evaluation_room(GRAPH, found.x, SPEC)).amax(dim=1)

    low, high = torch.zeros(8, dtype=torch.float64), torch.ones(8, dtype=torch.float64)
    for _ in range(50):
        middle = (low + high) / 2
        broken = worst(middle) <= 0
        low, high = torch.where(broken, low, middle), torch.where(broken, middle, high)
    possible = worst(torch.ones(8, dtype=torch.float64)) <= 0
    assert possible.any()
    assert torch.equal(found.eps.isfinite(), possible)
    assert bool((worst(found.eps)[possible] <= cost[possible]).all())
    assert bool((found.eps[possible] <= high[possible] * 1.01).all())
    assert bool(((found.x >= 0) & (found.x <= 1)).all())


def test_other_norms_are_found_through_the_projection() -> None:
    frames = (0, 1, 2)
    found = smallest_eps(PGD(), GRAPH, lambda rows, eps: EuclideanBall(X[rows], eps, frames), SPEC)
    best = optimum(SPEC, frames, X, 2)
    assert bool((found.eps >= least(SPEC, frames, found.x, 2)).all())
    assert bool((found.eps <= best * 1.01).all())
    assert bool(EuclideanBall(X, found.eps, frames).contains(found.x).all())


@pytest.mark.parametrize("scale", [1e-7, 1e-3, 1e3])
def test_radii_of_every_size_are_found(scale: float) -> None:
    graph = linear(WEIGHT / scale, BIAS)
    x = scale * X
    spec = label_spec(evaluate(graph, x).argmax(dim=1), 4)
    found = smallest_eps(PGD(), graph, lambda rows, eps: LinfBall(x[rows], eps, (0, 1, 2)), spec)
    best = scale * optimum(spec, (0, 1, 2), X, 1)
    assert bool((found.eps <= best * 1.01).all())
    lost = evaluation_room(graph, x, spec) + evaluation_room(graph, found.x, spec)
    floor = scale * optimum(spec, (0, 1, 2), X, 1, 2.0 * lost) * (1.0 - gamma(64))  # X stands for x / scale
    assert bool((found.eps >= floor).all())


def test_nothing_is_found_where_nothing_is() -> None:
    zero = torch.zeros(2, 2, 3, dtype=torch.float64)
    spec = label_spec(torch.zeros(2, dtype=torch.int64), 3)
    found = smallest_eps(PGD(steps=3), constant(), lambda rows, eps: LinfBall(zero[rows], eps, (0, 1)), spec)
    assert found.eps.tolist() == [torch.inf, torch.inf]
    assert torch.equal(found.x, zero)


def test_a_violation_at_the_center_needs_no_eps() -> None:
    wrong = label_spec(evaluate(GRAPH, X).argmin(dim=1), 4)
    found = smallest_eps(PGD(), GRAPH, lambda rows, eps: LinfBall(X[rows], eps, (0,)), wrong)
    assert found.eps.tolist() == [0.0] * 8
    assert torch.equal(found.x, X)


def test_found_eps_are_verified_on_a_recurrent_network() -> None:
    graph, x = recurrent(3), uniform(4, 12, 3, 4)
    spec = label_spec(evaluate(graph, x).argmax(dim=1), 3)
    found = smallest_eps(PGD(), graph, lambda rows, eps: LinfBall(x[rows], eps, (0, 2)), spec)
    some = found.eps.isfinite()
    assert int(some.sum()) >= 6
    region = LinfBall(x[some], found.eps[some], (0, 2))
    assert all(exactly_inside(region, found.x[some]))
    assert bool((spec.margins(evaluate(graph, found.x))[some].amin(dim=1) <= 0).all())
    # where the eps is asked as a question, the attack answers it
    asked = PGD()(
        graph, LinfBall(x[some], found.eps[some] * 1.02, (0, 2)), Spec(spec.rows[some], spec.offset[some])
    )
    assert bool(asked.success.all())


def test_a_tolerance_without_sense_is_refused() -> None:
    with pytest.raises(UsageError, match="tolerance"):
        Descent(tolerance=0.0)
