"""Clauses, accepted labels, thresholds and labels of steps say exactly what they mean at points."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from certrnn.specs import Spec, accept_spec, label_spec, steps_spec, threshold_spec

SCORES = torch.from_numpy(np.random.default_rng(0).normal(size=(200, 6)))


def holds(spec: Spec, scores: torch.Tensor) -> list[bool]:
    return (spec.margins(scores) > 0).all(dim=1).tolist()


@pytest.mark.parametrize("accepted", [[0], [1, 4], [0, 1, 2, 3, 4]])
def test_accepted_labels_hold_exactly_where_the_answer_is_one_of_them(accepted: list[int]) -> None:
    answers = SCORES.argmax(dim=1).tolist()
    assert holds(accept_spec(200, accepted, 6), SCORES) == [a in accepted for a in answers]


def test_one_score_has_two_classes() -> None:
    score = SCORES[:, :1]
    assert holds(accept_spec(200, [1], 1), score) == (score[:, 0] > 0).tolist()
    assert holds(accept_spec(200, [0], 1), score) == (score[:, 0] < 0).tolist()


@pytest.mark.parametrize("accepted", [[], [6], [-1], [0, 1, 2, 3, 4, 5]])
def test_sets_that_ask_nothing_or_the_impossible_are_refused(accepted: list[int]) -> None:
    with pytest.raises(ValueError, match="some but not all"):
        accept_spec(1, accepted, 6)


def test_a_single_accepted_label_is_the_label() -> None:
    one, label = accept_spec(1, [2], 4), label_spec(torch.tensor([2]), 4)
    assert torch.equal(one.rows, label.rows)
    assert one.width == 3


@pytest.mark.parametrize(("low", "high"), [(-0.5, 1.0), (-math.inf, 0.3), (0.1, math.inf)])
def test_thresholds(low: float, high: float) -> None:
    inside = ((SCORES[:, :2] > low) & (SCORES[:, :2] < high)).all(dim=1)
    assert holds(threshold_spec(200, low, high, 2), SCORES[:, :2]) == inside.tolist()


@pytest.mark.parametrize("ends", [(1.0, 1.0), (2.0, 1.0), (-math.inf, math.inf), (math.nan, 1.0)])
def test_thresholds_that_leave_nothing_are_refused(ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="lower end"):
        threshold_spec(1, *ends, 1)


def test_labels_of_steps() -> None:
    labels = torch.from_numpy(np.random.default_rng(1).integers(-1, 2, (200, 3)))
    labels[:, 1] = labels[:, 1].clamp_min(0)
    answers = SCORES.reshape(200, 3, 2).argmax(dim=2)
    right = ((answers == labels) | (labels < 0)).all(dim=1)
    assert holds(steps_spec(labels, 6), SCORES) == right.tolist()
    signs = ((SCORES[:, :3] > 0).long() == labels) | (labels < 0)
    assert holds(steps_spec(labels, 3), SCORES[:, :3]) == signs.all(dim=1).tolist()
    with pytest.raises(ValueError, match="asks for one at least"):
        steps_spec(torch.tensor([[-1, -1]]), 4)


def test_clauses_are_numbered_and_follow_their_rows() -> None:
    spec = Spec(torch.randn(3, 4, 2).double(), torch.randn(3, 4).double(), (0, 1, 0, 1))
    bounds = torch.tensor([[1.0, -2.0, -1.0, 3.0]]).double()
    assert spec.clauses(bounds).tolist() == [[1.0, 3.0]]
    assert spec.part(1, 3).clause == spec.select(torch.tensor([2, 2])).clause == spec.clause
    with pytest.raises(ValueError, match="without gaps"):
        Spec(spec.rows, spec.offset, (0, 2, 0, 2))
