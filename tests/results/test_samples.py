"""What is known of a sample from all of its rows; nothing may make it stronger than its weakest row."""

from __future__ import annotations

import math

import pytest

from certrnn.results.row import Row
from certrnn.results.samples import by_sample
from tests.report.cases import row


def only(*rows: Row):
    (sample,) = by_sample(rows)
    return sample


def test_the_weakest_set_of_frames_counts() -> None:
    sample = only(row(0, 0.3, 0.9, frames=[0]), row(0, 0.1, 0.2, frames=[1]), row(0, 0.2, frames=[2]))
    assert (sample.certified, sample.attacked) == (0.1, 0.2)
    assert sample.weakest.frames == [1]
    assert sample.verified(0.1)
    assert not sample.verified(math.nextafter(0.1, 1))
    assert sample.withstood(math.nextafter(0.2, 0))
    assert not sample.withstood(0.2)


def test_of_one_set_of_frames_the_largest_certified_eps_counts() -> None:
    asked = [row(0, e, eps=e) for e in (0.1, 0.2)]
    failed = row(0, None, 0.3, eps=0.4, verdict="falsified", prediction=1)
    sample = only(*asked, failed)
    assert (sample.certified, sample.attacked) == (0.2, 0.3)
    assert not sample.broken


def test_a_frame_that_is_not_certified_undoes_the_others() -> None:
    for verdict in ("unknown", "timeout"):
        sample = only(row(0, 0.3, frames=[0]), row(0, 0.0, frames=[1], verdict=verdict))
        assert sample.right
        assert not sample.verified(0.0)


def test_only_a_certified_row_certifies() -> None:
    for verdict in ("unknown", "timeout", "falsified", "misclassified", "error"):
        assert only(row(0, 0.3, verdict=verdict)).certified == 0.0


def test_a_wrong_answer_is_never_verified() -> None:
    sample = only(row(0, 0.3, prediction=2))
    assert not sample.right
    assert not sample.verified(0.1)
    assert not sample.withstood(0.1)


@pytest.mark.parametrize(
    "rows",
    [
        (row(0, 0.3), row(0, None, 0.1, frames=[0], verdict="error", prediction=1)),
        (row(0, 0.3, eps=0.3), row(0, None, 0.25, eps=0.5, verdict="falsified", prediction=1)),
        (row(0, 0.3, 0.3),),
    ],
    ids=["said", "across rows", "equal"],
)
def test_a_contradiction_takes_back_what_was_certified(rows: tuple[Row, ...]) -> None:
    sample = only(*rows)
    assert sample.broken
    assert sample.certified == 0.0


def test_a_row_without_an_answer_is_no_answer() -> None:
    lost = row(0, None, verdict="error", label=-1, prediction=-1, reason="out of memory", frames=[1])
    alone, beside = only(lost), only(row(0, 0.3, frames=[0]), lost)
    assert not alone.right
    assert not alone.broken
    assert beside.right
    assert beside.certified == 0.0
    assert not beside.broken


def test_samples_come_in_their_order() -> None:
    assert [s.number for s in by_sample([row(5, 0.1), row(2, 0.1), row(5, 0.2)])] == [2, 5]
    assert by_sample([]) == []
