"""Attacks that minimise a distance of their own, against known optima; weakened ones fall behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch

from certrnn.attacks import (
    LBFGS,
    PGD,
    Attack,
    CarliniWagnerL2,
    CarliniWagnerLinf,
    Descent,
    Saliency,
    SquaredError,
    closest,
    smallest_eps,
)
from certrnn.attacks.copies import along_axes, sides
from certrnn.domains import evaluate
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import LinfBall, Region
from certrnn.specs import Spec, accept_spec, label_spec, target_spec
from tests.attacks.cases import EuclideanBall, linear, recurrent, uniform
from tests.rounding import evaluation_room
from transformers_abs.rounding import gamma

WEIGHT, BIAS, X = uniform(1, 4, 3, 5), uniform(2, 4), 0.5 + 0.5 * uniform(3, 8, 3, 5)
GRAPH = linear(WEIGHT, BIAS)
SPEC = label_spec(evaluate(GRAPH, X).argmax(dim=1), 4)
FRAMES = (0, 2)
EVERY = (0, 1, 2)
WIDE = Descent(start=64.0, ceiling=64.0)


def ball(rows: torch.Tensor, eps: torch.Tensor) -> LinfBall:
    return LinfBall(X[rows], eps, FRAMES)


def rows_and_margins(spec: Spec) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (B, K, disturbed features) and margins (B, K) of each row of a specification."""
    rows = torch.einsum("bkn,ntd->bktd", spec.rows, WEIGHT)[:, :, list(FRAMES)].flatten(2)
    return rows, spec.margins(evaluate(GRAPH, X))


def reached(attack: Attack, order: float) -> torch.Tensor:
    """The ratio of the distance found to the smallest there is, (B,): at least 1, but for rounding at its two ends."""
    found = closest(attack, GRAPH, ball, SPEC, WIDE)
    rows, margins = rows_and_margins(SPEC)
    dual = {2.0: 2.0, float("inf"): 1.0}[order]
    norms = torch.linalg.vector_norm(rows, ord=dual, dim=2)
    best, lost = (
        (margins / norms).amin(dim=1),
        evaluation_room(GRAPH, X, SPEC) + evaluation_room(GRAPH, found.x, SPEC),
    )
    assert bool(found.eps.isfinite().all())
    distance = torch.linalg.vector_norm((found.x - X).flatten(1), ord=order, dim=1)
    assert bool((distance >= ((margins - lost) / norms).amin(dim=1) * (1.0 - gamma(64))).all())
    return distance / best


@pytest.mark.parametrize(
    ("attack", "order", "slack"),
    [(CarliniWagnerL2(), 2.0, 0.01), (LBFGS(), 2.0, 0.01), (CarliniWagnerLinf(), float("inf"), 0.05)],
    ids=["CW l2", "L-BFGS", "CW l-inf"],
)
def test_a_linear_network_breaks_at_the_smallest_distance(attack: Attack, order: float, slack: float) -> None:
    assert bool((reached(attack, order) <= 1 + slack).all())


@pytest.mark.parametrize("scale", [1e-6, 1e4])
def test_scales_of_inputs_and_scores_do_not_matter(scale: float) -> None:
    graph, x = linear(WEIGHT / scale, 1e3 * BIAS), scale * X
    spec = label_spec(evaluate(graph, x).argmax(dim=1), 4)
    rows = torch.einsum("bkn,ntd->bktd", spec.rows, WEIGHT / scale).flatten(2)
    best = (spec.margins(evaluate(graph, x)) / rows.norm(dim=2)).amin(dim=1)
    region = LinfBall(x, torch.full((8,), 1e6 * scale, dtype=torch.float64), EVERY)
    for attack in (CarliniWagnerL2(), LBFGS()):
        outcome = attack(graph, region, spec)
        assert bool(outcome.success.all())
        assert bool(((outcome.x - x).flatten(1).norm(dim=1) <= 1.02 * best).all())


def test_few_features_are_as_few_as_a_linear_network_needs() -> None:
    """The fewest are the largest falls of the margin that sum up to it, of the best row."""
    eps = 0.4
    region = LinfBall(X, torch.full((8,), eps, dtype=torch.float64), FRAMES)
    outcome = Saliency(targets=3)(GRAPH, region, SPEC)
    rows, margins = rows_and_margins(SPEC)
    falls = (eps * rows.abs()).sort(dim=2, descending=True).values.cumsum(dim=2)
    enough = falls >= margins[..., None]
    needed = torch.where(enough.any(dim=2), enough.to(torch.int64).argmax(dim=2) + 1, 99).amin(dim=1)
    changed = (outcome.x != X).flatten(1).sum(dim=1)
    assert torch.equal(outcome.success, needed < 99)
    assert outcome.success.any()
    assert torch.equal(changed[outcome.success], needed[outcome.success])


def test_changed_features_that_are_not_needed_are_put_back() -> None:
    """Several at once overshoot; without trimming more features stay changed."""
    graph, x = recurrent(3), uniform(4, 12, 3, 4)
    spec = label_spec(evaluate(graph, x).argmax(dim=1), 3)
    region = LinfBall(x, torch.full((12,), 0.6, dtype=torch.float64), EVERY)
    coarse = Saliency(together=1)
    some = [attack(graph, region, spec) for attack in (coarse, replace(coarse, trim=0))]
    trimmed, untrimmed = ((outcome.x != x).flatten(1).sum(dim=1)[outcome.success] for outcome in some)
    assert torch.equal(some[0].success, some[1].success)
    assert bool((trimmed <= untrimmed).all())
    assert int(trimmed.sum()) < int(untrimmed.sum())


def test_a_share_bounds_the_features_that_change() -> None:
    region = LinfBall(X, torch.full((8,), 0.01, dtype=torch.float64), FRAMES)
    outcome = Saliency(share=0.3)(GRAPH, region, SPEC)
    assert int((outcome.x != X).flatten(1).sum(dim=1).max()) == 3  # of ten


def test_minimal_attacks_hold_their_own_on_a_recurrent_network() -> None:
    """None is farther in its own norm than gradient descent in the l-inf ball is, and each finds what that finds."""
    graph, x = recurrent(3), uniform(4, 6, 3, 4)
    spec = label_spec(evaluate(graph, x).argmax(dim=1), 3)

    def wide(rows: torch.Tensor, eps: torch.Tensor) -> LinfBall:
        return LinfBall(x[rows], eps, EVERY)

    def euclidean(rows: torch.Tensor, eps: torch.Tensor) -> EuclideanBall:
        return EuclideanBall(x[rows], eps, EVERY)

    start = Descent(start=4.0, ceiling=4.0)
    best = smallest_eps(PGD(), graph, euclidean, spec).eps
    for attack in (CarliniWagnerL2(), LBFGS()):
        found = closest(attack, graph, wide, spec, start)
        some = found.eps.isfinite() & best.isfinite()
        assert int(some.sum()) >= 4
        length = (found.x - x).flatten(1).norm(dim=1)
        assert float(length[some].mean()) <= 1.05 * float(best[some].mean())
    linf = smallest_eps(PGD(), graph, wide, spec).eps
    found = closest(CarliniWagnerLinf(), graph, wide, spec, start)
    some = found.eps.isfinite() & linf.isfinite()
    assert float(found.eps[some].mean()) <= 1.2 * float(linf[some].mean())


@dataclass(frozen=True, eq=False)
class Halfway(CarliniWagnerL2):
    """A planted error: what is found lies half as far again as it must."""

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        return region.center + 1.5 * (super().run(graph, region, spec) - region.center)


def test_weakened_attacks_fall_behind() -> None:
    assert bool((reached(Halfway(), 2.0) > 1.4).all())


def test_targets_come_out() -> None:
    """Never class t, as a clause: a violation is an answer of t."""
    graph, x = recurrent(3), uniform(4, 3, 3, 4)
    labels = evaluate(graph, x).argmax(dim=1)
    region = LinfBall(x, torch.full((3,), 2.0, dtype=torch.float64), EVERY)
    for target in range(3):
        spec = accept_spec(3, [k for k in range(3) if k != target], 3)
        for attack in (PGD(), CarliniWagnerL2(), CarliniWagnerLinf(), LBFGS(), Saliency(), SquaredError()):
            outcome = attack(graph, region, spec)
            fooled = outcome.success & (labels != target)
            assert fooled.any(), type(attack).__name__
            assert bool((evaluate(graph, outcome.x).argmax(dim=1)[outcome.success] == target).all())


def test_a_row_a_target_sets_it_above_the_label() -> None:
    graph, x = recurrent(3), uniform(4, 12, 3, 4)
    labels = evaluate(graph, x).argmax(dim=1)
    targets = (labels + 1) % 3
    spec = target_spec(labels, targets[:, None], 3)
    outcome = CarliniWagnerL2()(graph, LinfBall(x, torch.full((12,), 2.0, dtype=torch.float64), EVERY), spec)
    scores = evaluate(graph, outcome.x)
    above = scores.gather(1, targets[:, None]) >= scores.gather(1, labels[:, None])
    assert outcome.success.any()
    assert torch.equal(above[:, 0], outcome.success)


def test_the_pull_keeps_the_result_like_the_given_sequence() -> None:
    graph, x = recurrent(3), uniform(4, 12, 3, 4)
    spec = label_spec(evaluate(graph, x).argmax(dim=1), 3)
    region = LinfBall(x, torch.full((12,), 3.0, dtype=torch.float64), EVERY)
    free = SquaredError(pull=0.0, noise=1.0)(graph, region, spec)
    pulled = SquaredError(pull=0.05)(graph, region, spec)
    both = free.success & pulled.success
    assert int(both.sum()) >= 6
    lengths = [(outcome.x - x).flatten(1).norm(dim=1)[both].mean() for outcome in (pulled, free)]
    assert float(lengths[0]) < 0.7 * float(lengths[1])
    given = x + 0.5 * uniform(9, 12, 3, 4)
    towards = SquaredError(pull=0.5, towards=given)(graph, region, spec)
    some = towards.success & pulled.success
    nearer = (towards.x - given).flatten(1).norm(dim=1) < (pulled.x - given).flatten(1).norm(dim=1)
    assert float(nearer[some].double().mean()) > 0.7


@pytest.mark.parametrize(
    "options",
    [
        lambda: CarliniWagnerL2(steps=0),
        lambda: CarliniWagnerL2(first=0.0),
        lambda: CarliniWagnerLinf(shrink=1.0),
        lambda: LBFGS(searches=0),
        lambda: Saliency(share=0.0),
        lambda: SquaredError(pull=-1.0),
        lambda: SquaredError(noise=2.0),
    ],
)
def test_options_without_sense_are_refused(options) -> None:
    with pytest.raises(UsageError):
        options()


def test_both_ways_to_the_ends_of_ranges_agree() -> None:
    region = LinfBall(X, torch.linspace(0.0, 0.7, 8, dtype=torch.float64), FRAMES, (0.0, 1.0))
    for ours, slow in zip(sides(region), along_axes(region), strict=True):
        assert torch.equal(ours, slow)
        assert torch.equal(ours[:, 1], X[:, 1])
    low, high = sides(EuclideanBall(X, torch.full((8,), 0.5, dtype=torch.float64), EVERY))
    assert torch.allclose(high - X, torch.full_like(X, 0.5))
    assert torch.allclose(X - low, torch.full_like(X, 0.5))
