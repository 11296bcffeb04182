"""Replay: on the model's own numbers, inside the region, or not at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from certrnn.arrays import to_numpy
from certrnn.attacks import PGD, Smallest, replay, replay_smallest, smallest_eps
from certrnn.attacks.replay import round_inwards
from certrnn.domains import evaluate
from certrnn.ir import Graph
from certrnn.regions import LinfBall
from certrnn.specs import Spec, label_spec
from tests.attacks.cases import exactly_inside, recurrent, uniform


@dataclass(frozen=True, eq=False)
class Deployed:
    """A graph standing in for a model file: it demands float32 numbers, and may disagree with the graph."""

    graph: Graph
    bias: tuple[float, ...] = (0.0, 0.0, 0.0)

    def run_onnxruntime(self, x: np.ndarray, /) -> np.ndarray:
        assert np.array_equal(x, x.astype(np.float32)), "the model is fed float32 numbers"
        return to_numpy(evaluate(self.graph, torch.from_numpy(x))) + np.array(self.bias)


GRAPH = recurrent(3)
X = uniform(4, 12, 3, 4).to(torch.float32).to(torch.float64)
LABELS = evaluate(GRAPH, X).argmax(dim=1)
SPEC = label_spec(LABELS, 3)
FRAMES = (0, 2)


def ball(rows: torch.Tensor, eps: torch.Tensor) -> LinfBall:
    return LinfBall(X[rows], eps, FRAMES)


@pytest.fixture(scope="module")
def smallest() -> Smallest:
    return smallest_eps(PGD(), GRAPH, ball, SPEC)


def test_violations_are_confirmed_at_nearly_the_same_eps(smallest: Smallest) -> None:
    found = smallest.eps.isfinite()
    confirmed, done = replay_smallest(Deployed(GRAPH), GRAPH, ball, SPEC, smallest, LABELS)
    assert torch.equal(done.confirmed, found)
    assert torch.equal(confirmed.eps.isfinite(), found)
    assert [r == "" for r in done.reasons] == found.tolist()
    assert bool((confirmed.eps[found] <= smallest.eps[found] * 1.0021).all())
    x = confirmed.x[found]
    assert torch.equal(x, x.to(torch.float32).to(torch.float64))
    region = LinfBall(X[found], confirmed.eps[found], FRAMES)
    assert all(exactly_inside(region, x))
    assert bool((evaluate(GRAPH, x).argmax(dim=1) != LABELS[found]).all())


def test_a_violation_at_the_boundary_is_pushed_on(smallest: Smallest) -> None:
    """The deployed model favours the label by more than the violation's margin: it must go a little farther."""
    found = smallest.eps.isfinite().nonzero().flatten()
    margins = SPEC.margins(evaluate(GRAPH, smallest.x)).amin(dim=1)
    for row in found.tolist():
        extra = 1e-6 - 2.0 * float(margins[row])
        favour = tuple(extra * float(k == int(LABELS[row])) for k in range(3))
        part = Smallest(smallest.eps[row : row + 1], smallest.x[row : row + 1])

        def alone(rows: torch.Tensor, eps: torch.Tensor, row: int = row) -> LinfBall:
            return LinfBall(X[row : row + 1][rows], eps, FRAMES)

        model, spec = Deployed(GRAPH, favour), SPEC.part(row, row + 1)
        confirmed, _ = replay_smallest(model, GRAPH, alone, spec, part, LABELS[row : row + 1])
        assert part.eps[0] < confirmed.eps[0] <= part.eps[0] * 1.0021
        assert int(model.run_onnxruntime(confirmed.x.numpy()).argmax()) != int(LABELS[row])


def test_what_onnxruntime_does_not_confirm_is_dropped(smallest: Smallest) -> None:
    favour = tuple(100.0 * float(k == int(LABELS[0])) for k in range(3))
    confirmed, done = replay_smallest(Deployed(GRAPH, favour), GRAPH, ball, SPEC, smallest, LABELS)
    stubborn = (LABELS[0] == LABELS) & smallest.eps.isfinite()
    assert stubborn.any()
    assert not bool(done.confirmed[stubborn].any())
    assert bool(confirmed.eps[stubborn].isinf().all())
    assert torch.equal(confirmed.x[stubborn], X[stubborn])
    assert all("decision boundary" in done.reasons[i] for i in stubborn.nonzero().flatten().tolist())


def test_a_wrong_answer_without_a_violation_is_no_counterexample() -> None:
    """A model that always errs confirms nothing: the specification must be violated in float64 too."""
    erring = Deployed(GRAPH, tuple(-100.0 * float(k == int(LABELS[0])) for k in range(3)))
    region = LinfBall(X[:1], torch.zeros(1, dtype=torch.float64), FRAMES)
    done = replay(erring, GRAPH, region, SPEC.part(0, 1), X[:1], LABELS[:1])
    assert not done.confirmed.any()
    assert "no float32 sequence" in done.reasons[0]


def test_scores_that_are_not_numbers_confirm_nothing(smallest: Smallest) -> None:
    broken = Deployed(GRAPH, (float("nan"), float("inf"), 0.0))
    _, done = replay_smallest(broken, GRAPH, ball, SPEC, smallest, LABELS)
    assert not done.confirmed.any()


def test_sequences_stay_in_the_region_asked_about(smallest: Smallest) -> None:
    found = smallest.eps.isfinite()
    region = LinfBall(X[found], smallest.eps[found] * 1.01, FRAMES)
    spec = Spec(SPEC.rows[found], SPEC.offset[found])
    outcome = PGD()(GRAPH, region, spec)
    done = replay(Deployed(GRAPH), GRAPH, region, spec, outcome.x, LABELS[found])
    assert bool(done.confirmed.all())
    assert all(exactly_inside(region, done.x))


def test_data_that_is_not_float32_is_named(smallest: Smallest) -> None:
    found = smallest.eps.isfinite()
    center = X[found] + 1e-12
    region = LinfBall(center, smallest.eps[found] * 1.01, FRAMES)
    spec = Spec(SPEC.rows[found], SPEC.offset[found])
    outcome = PGD()(GRAPH, region, spec)
    assert bool(outcome.success.all())
    done = replay(Deployed(GRAPH), GRAPH, region, spec, outcome.x, LABELS[found])
    assert not done.confirmed.any()
    assert all("round the data to float32" in r for r in done.reasons)


def test_one_score_is_a_sign() -> None:
    graph, x = recurrent(8, scores=1), uniform(12, 6, 3, 4).to(torch.float32).to(torch.float64)
    labels = (evaluate(graph, x)[:, 0] > 0).long()
    spec, every = label_spec(labels, 1), (0, 1, 2)

    def wide(rows: torch.Tensor, eps: torch.Tensor) -> LinfBall:
        return LinfBall(x[rows], eps, every)

    found = smallest_eps(PGD(), graph, wide, spec)
    confirmed, _ = replay_smallest(Deployed(graph, (0.0,)), graph, wide, spec, found, labels)
    some = confirmed.eps.isfinite()
    assert some.any()
    assert torch.equal((evaluate(graph, confirmed.x[some])[:, 0] > 0).long(), 1 - labels[some])


FLOATS = st.floats(-1e30, 1e30, allow_subnormal=True)


@given(FLOATS, FLOATS)
def test_rounding_goes_towards_the_center(value: float, middle: float) -> None:
    x = torch.tensor([[[value]]], dtype=torch.float64)
    center = torch.tensor([[[middle]]], dtype=torch.float64)
    rounded = float(round_inwards(x, center, np.float32))
    assert rounded == float(np.float32(rounded))
    assert (rounded - value) * np.sign(middle - value) >= 0
    if float(np.float32(value)) == value:
        assert rounded == value
    else:  # nothing of that precision lies between
        beyond = float(np.nextafter(np.float32(rounded), np.float32(np.copysign(np.inf, value - rounded))))
        assert min(rounded, beyond) < value < max(rounded, beyond)


def test_rounding_to_the_nearest_would_leave_the_region() -> None:
    """The mutant that rounds without a direction."""
    x, zero = uniform(9, 1, 1, 100), torch.zeros(1, 1, 100, dtype=torch.float64)
    assert bool((x.to(torch.float32).to(torch.float64).abs() > x.abs()).any())
    assert not bool((round_inwards(x, zero, np.float32).abs() > x.abs()).any())
