"""Readers that are wrong in one place: the cases of random ends must notice each of them.

A wrong answer is noticed by the cases' own properties; or the self-check refuses, naming the disagreement. That Pad
keeps the error of its value is a law of :mod:`tests.importer.test_constants`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from certrnn.errors import CertrnnError
from tests.importer.tails import wrong
from tests.importer.tails.cases import Case, case
from tests.importer.tails.checking import Outcome, check

LOOKED_AT, TRIED = 4000, 60
"""How many seeds are searched for cases of a kind, and how many of these are checked."""


@dataclass(frozen=True)
class Mutant:
    """A wrong reader.

    Args:
        words: a pattern of what cases that can notice it are described with.
        named: whether the product's own self-check notices it; else it answers, and wrongly.
    """

    plant: Callable[[pytest.MonkeyPatch], None]
    words: str
    named: bool


TOLD = r"1 scores.*"
MUTANTS: dict[str, Mutant] = {
    "softmax groups ignored": Mutant(wrong.groups_ignored, r"[2-5] scores of .*softmax; over t of", True),
    "groups ignored, decisions not compared": Mutant(
        wrong.both(wrong.groups_ignored, wrong.no_decisions_compared),
        r"[2-5] scores of .*softmax; over t of",
        False,
    ),
    "Softmax of operator set 11 read as of 13": Mutant(
        wrong.axis_as_in_13, r"opset 11;.*softmax; over (tc|tnc|ntc|nct|ct|cnt|t1nc|tn1c) of", True
    ),
    "a cast of constants does not round": Mutant(wrong.casts_do_not_round, r"float16's rounding", True),
    "CastLike is a cast to double": Mutant(wrong.like_is_double, r"CastLike", True),
    "a dropped sigmoid keeps its threshold": Mutant(
        wrong.threshold_in_the_wrong_numbers, TOLD + "sigmoid", True
    ),
    "1 - p with the sign of p": Mutant(wrong.direction_lost, TOLD + "complement", True),
    "a lone probability cut at 0": Mutant(wrong.probabilities_cut_at_zero, TOLD + "sigmoid", False),
    "every lone score a logit": Mutant(wrong.every_lone_score_a_logit, TOLD + "uneven", False),
    "a rectified score is a logit": Mutant(
        wrong.open_on_one_side_is_a_logit, TOLD + "relu.*complement", False
    ),
    "a mean of clipped scores is a logit": Mutant(wrong.mean_of_bounded_is_a_logit, r"even.*averaged", False),
    "ArgMax over another axis": Mutant(wrong.argmax_over_another_axis, r"argmax", True),
    "groups are one after Flatten": Mutant(wrong.flattened_groups_are_one, r"softmax.*flattened", True),
    "the first output is taken": Mutant(wrong.first_output_taken, r"and an unrelated output", False),
    "axes are matched by count": Mutant(wrong.axes_by_count, r"layout='n,f,t'", False),
    "arrays are transposed in silence": Mutant(wrong.transposed_silently, r"\(ambiguous\).*data", False),
    "time is the first axis that is as long": Mutant(wrong.first_long_axis_is_time, r"scores of nth", False),
    "frames that see everything are classes": Mutant(
        wrong.positions_are_classes, r"(windows|convolution) [23] x.*1 scores of [nt]", False
    ),
    "some frames are classes": Mutant(wrong.some_frames_are_classes, r"some_frames", False),
    "a negative factor after a softmax": Mutant(wrong.negative_factors_accepted, r"softmax.*negated", True),
    "a slice is shifted by one": Mutant(wrong.slices_shifted, r"some_classes", True),
    "a product's columns are rolled": Mutant(wrong.columns_rolled, r"[2-5] scores", True),
    "a mean is a sum": Mutant(wrong.means_are_sums, r"averaged", True),
    "a part of a softmax is a softmax of the part": Mutant(
        wrong.last_of_several_groups, r"softmax.*picked", True
    ),
    "decisions are not compared, 1 - p is p": Mutant(
        wrong.both(wrong.no_decisions_compared, wrong.direction_lost), TOLD + "complement", False
    ),
    "one large score hides rolled columns": Mutant(
        wrong.both(wrong.tolerance_of_the_largest, wrong.columns_rolled), r"masked; -1e\+", False
    ),
}


def able(words: str) -> Iterator[Case]:
    """Cases that are described so."""
    found = 0
    for seed in range(LOOKED_AT):
        made = case(seed)
        if re.search(words, str(made)):
            found += 1
            yield made
        if found == TRIED:
            return


def noticed(outcome: Outcome, named: bool) -> bool:
    if named:
        return outcome.disagreement
    return any(not complaint.startswith("crashed") for complaint in outcome.complaints)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_case_notices(tmp_path: Path, name: str) -> None:
    mutant = MUTANTS[name]
    for made in able(mutant.words):
        with pytest.MonkeyPatch.context() as patch:
            mutant.plant(patch)
            outcome = check(made, tmp_path, queries=False)
        if noticed(outcome, mutant.named):
            right = check(made, tmp_path, queries=False)
            assert not right.complaints, f"{made}: {right.complaints}"
            assert not right.disagreement, f"{made}: {right.refused}"
            return
    pytest.fail(f"no case notices {name}")


def test_a_disagreement_is_said_as_one() -> None:
    """What counts as noticed is no refusal of another kind."""
    refused = Outcome(case(0), refused=CertrnnError("reading node 'a' (Add)", "its shapes fit", "none"))
    assert not noticed(refused, named=True)
    assert not noticed(refused, named=False)
