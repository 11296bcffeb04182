"""Verdicts between the two sides: a liar on either side is found out, nothing is lost, nothing is invented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from certrnn.certification import (
    AttackFalsifier,
    Falsifier,
    FrameSet,
    Problem,
    Query,
    answer,
    eps_values,
    spelled_frames,
)
from certrnn.datasets import Sequences
from certrnn.errors import InvalidInput, UsageError
from certrnn.ir import Graph, GraphBuilder
from certrnn.results.row import Row
from certrnn.search import RelativeTolerance


def difference() -> Graph:
    """Scores (x0, x1) of one frame of two features: the label holds while the margin exceeds twice eps."""
    builder = GraphBuilder()
    source = builder.input(0, 2)
    eye = torch.eye(2, dtype=torch.float64)
    return builder.build(builder.affine(eye, torch.zeros(2, dtype=torch.float64), source))


X = torch.tensor([[[1.0, 0.0]], [[0.0, 0.5]], [[0.25, 0.0]]], dtype=torch.float64)


@dataclass(frozen=True)
class Claims(Falsifier):
    """Reports the same distance everywhere, without looking."""

    distance: float

    def within(self, problem: Problem, samples: torch.Tensor, threat: FrameSet, eps: float) -> torch.Tensor:
        return torch.full((len(samples),), self.distance, dtype=torch.float64)

    def smallest(self, problem: Problem, samples: torch.Tensor, threat: FrameSet) -> torch.Tensor:
        return self.within(problem, samples, threat, 0.0)


@dataclass(frozen=True)
class Same:
    """onnxruntime's part, played by the graph itself."""

    flipped: bool = False

    def run_onnxruntime(self, x: np.ndarray, /) -> np.ndarray:
        scores = x[:, 0, :]
        return scores[:, ::-1] if self.flipped else scores


def parts(problem: Problem, query: Query, adversary: Falsifier | None) -> Iterator[list[Row]]:
    for frame_set in problem.frame_sets(query.frames):
        for eps in query.eps or (None,):
            yield from answer(problem, query, frame_set, eps, adversary)


def rows(query: Query, adversary: Falsifier | None, labels: torch.Tensor | None = None) -> list[Row]:
    problem = Problem.of(difference(), X, labels, query.clip, numbers=(4, 5, 6))
    return [row for some in parts(problem, query, adversary) for row in some]


@pytest.mark.parametrize("eps", [None, (0.1,)])
def test_an_attack_inside_a_certified_region_is_an_error(eps: tuple[float, ...] | None) -> None:
    found = rows(Query(eps), Claims(0.05))
    assert {row.verdict for row in found} == {"error"}
    assert {row.eps_certified for row in found} == {None}


def test_both_sides_meet_at_half_the_margin() -> None:
    found = rows(Query(frames="all", schedule=RelativeTolerance(1e-4)), AttackFalsifier(Same()))
    assert [row.sample for row in found] == [4, 5, 6]
    for row, exact in zip(found, (0.5, 0.25, 0.125), strict=True):
        assert row.verdict == "certified"
        assert row.eps_certified is not None
        assert row.eps_attacked is not None
        assert exact * 0.999 < row.eps_certified < exact <= row.eps_attacked < exact * 1.01
        assert row.margin is not None
        assert 0 < row.margin <= 2 * (exact - row.eps_certified) + 1e-12


def test_an_asked_eps_is_certified_falsified_or_unknown() -> None:
    assert [row.verdict for row in rows(Query((0.2,)), AttackFalsifier(Same()))] == [
        "certified",
        "certified",
        "falsified",
    ]
    assert [row.verdict for row in rows(Query((0.2,)), None)] == ["certified", "certified", "unknown"]


def test_a_counterexample_that_onnxruntime_does_not_confirm_is_none() -> None:
    """The replaying program answers the opposite: what violates in float64 is right for it, and never counts."""
    found = rows(Query((0.3,)), AttackFalsifier(Same(flipped=True)))
    assert [row.verdict for row in found] == ["certified", "unknown", "unknown"]
    assert {row.eps_attacked for row in found} == {None}


def test_misclassified_samples_have_rows_and_nothing_else() -> None:
    found = rows(Query((0.1, 0.2)), AttackFalsifier(Same()), torch.tensor([1, 1, 0]))
    wrong = [row for row in found if row.sample == 4]
    assert [(row.verdict, row.eps, row.label, row.prediction) for row in wrong] == [
        ("misclassified", 0.1, 1, 0),
        ("misclassified", 0.2, 1, 0),
    ]
    assert len(found) == 6


def test_a_row_without_an_answer_in_its_budget_is_a_timeout() -> None:
    assert {row.verdict for row in rows(Query(budget=1e-12), None)} == {"timeout"}


def test_rows_come_out_one_threat_and_eps_at_a_time() -> None:
    problem = Problem.of(difference(), X)
    query = Query((0.1, 0.2), method="zonotope")
    found = parts(problem, query, None)
    assert [row.eps for row in next(found)] == [0.1] * 3
    assert [row.eps for row in next(found)] == [0.2] * 3


@pytest.mark.parametrize(
    "options",
    [
        {"eps": (0.0,)},
        {"eps": ()},
        {"eps": (float("inf"),)},
        {"clip": (1.0, 1.0)},
        {"method": "nothing"},
        {"budget": -1.0},
    ],
)
def test_a_query_that_makes_no_sense_is_refused(options: dict) -> None:
    with pytest.raises(UsageError):
        Query(**options)


def test_options_from_python_are_spelled_like_the_command_lines() -> None:
    assert spelled_frames([0, 3]) == "0,3"
    assert spelled_frames("each") == "each"
    assert eps_values(0.5) == eps_values([0.5, 0.5]) == (0.5,)


def test_sequences_of_several_lengths_are_batched_by_length() -> None:
    parts = [np.ones((n, 2)) for n in (3, 1, 3, 1, 1)]
    batches = list(Sequences.of(parts, [0, 1, 2, 3, 4]).batches(2))
    assert [batch.numbers for batch in batches] == [(1, 3), (4,), (0, 2)]
    assert [tuple(batch.x.shape) for batch in batches] == [(2, 1, 2), (1, 1, 2), (2, 3, 2)]
    assert batches[2].labels is not None
    assert batches[2].labels.tolist() == [0, 2]


def test_padding_is_cut_and_the_callers_array_is_left_alone() -> None:
    x = np.arange(12.0).reshape(2, 3, 2)
    sequences = Sequences.of(x, lengths=[2, 3])
    assert sequences.shapes == ((2, 2), (3, 2))
    sequences.frames[0][:] = -1.0
    assert x.min() == 0.0


@pytest.mark.parametrize(
    "x",
    [
        np.zeros(3),
        np.zeros((2, 0, 2)),
        np.zeros((0, 3, 2)),
        np.full((1, 1, 1), np.nan),
        np.array([[["a"]]]),
        [],
        [np.zeros((2, 2)), np.zeros(2)],
    ],
)
def test_values_that_are_no_sequences_are_refused(x: object) -> None:
    with pytest.raises(InvalidInput):
        Sequences.of(x)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "frames",
    [
        np.array([True, False, True]),
        [True, False],
        [0.5, 1.0],
        np.array([0.0, 2.0]),
        [-1],
        [1, 1],
        [0, 1, 1, 0],
        [[0], [1]],
        ["0"],
    ],
)
def test_frames_that_are_no_numbers_of_frames_are_refused(frames: Any) -> None:
    """A mask is no list of frames: its zeros and ones would name two of them."""
    with pytest.raises(UsageError, match="flatnonzero"):
        spelled_frames(frames)


def test_frames_may_be_any_whole_numbers() -> None:
    assert spelled_frames(np.array([0, 3], dtype=np.uint8)) == spelled_frames((0, 3)) == "0,3"


@pytest.mark.parametrize(
    "lengths", [[-1, 2], [9, 2], [2.7, 2], [0, 2], [2], [2, 2, 2], [[2], [2]], [True, True], 2]
)
def test_lengths_that_no_sample_has_are_refused(lengths: Any) -> None:
    with pytest.raises(InvalidInput, match="lengths"):
        Sequences.of(np.zeros((2, 5, 2)), lengths=lengths)


def test_lengths_belong_to_a_stack() -> None:
    with pytest.raises(InvalidInput, match="stack"):
        Sequences.of([np.zeros((2, 2)), np.zeros((3, 2))], lengths=[1, 1])


@pytest.mark.parametrize("y", [[0], [0, 1, 2], [0.5, 1], ["a", "b"], [np.nan, 0]])
def test_labels_that_do_not_fit_are_refused(y: list) -> None:
    with pytest.raises(InvalidInput):
        Sequences.of(np.zeros((2, 3, 2)), y)


def test_data_is_rounded_to_the_networks_numbers_and_says_so() -> None:
    rounded = Sequences.of(np.full((1, 1, 1), 0.1)).rounded(np.float32)
    assert rounded.frames[0].item() == float(np.float32(0.1))
    assert "float32" in rounded.note
    assert Sequences.of(np.full((1, 1, 1), 0.25)).rounded(np.float32).note == ""
    with pytest.raises(InvalidInput):
        Sequences.of(np.full((1, 1, 1), 1e200)).rounded(np.float32)


def test_rows_of_auto_come_out_one_by_one() -> None:
    problem = Problem.of(difference(), X)
    found = parts(problem, Query((0.1, 0.2)), None)
    assert [[(row.sample, row.eps) for row in part] for part in found] == [
        [(0, 0.1)], [(1, 0.1)], [(2, 0.1)], [(0, 0.2)], [(1, 0.2)], [(2, 0.2)]
    ]  # fmt: skip
