"""What certify and verify say is what the file's own final output says: random ends, constants and layouts of data.

``python -m tests.importer.tails 10000 --seed S`` runs as many as wanted; ``--replay SEED`` shows one.
"""

from __future__ import annotations

import pytest

from tests.importer.tails.__main__ import Tally, tallied
from tests.importer.tails.meaning import AMBIGUOUS, CLEAR, ODD

CASES = 250
MANY = 10_000


def require(tally: Tally) -> None:
    """The three properties."""
    assert not tally.wrong, "\n".join(tally.wrong)
    assert not tally.kinds[f"{AMBIGUOUS} answered"]
    assert tally.refused_share < 0.2, tally.reasons


@pytest.fixture(scope="module")
def tally() -> Tally:
    return tallied(range(CASES))


def test_what_is_answered_is_what_the_file_answers_and_little_is_refused(tally: Tally) -> None:
    require(tally)


def test_the_cases_ask_something(tally: Tally) -> None:
    """Certificates were held against the file, queries came out both ways, and some cases nobody can know."""
    assert tally.certified > CASES / 2
    assert {"sat", "unsat"} <= set(tally.verdicts)
    assert tally.kinds[f"{CLEAR} answered"] > CASES / 3
    assert tally.kinds[f"{AMBIGUOUS} refused"] > CASES / 10
    assert tally.kinds[f"{ODD} refused"] + tally.kinds[f"{ODD} answered"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, MANY, 500))
def test_many(start: int) -> None:
    require(tallied(range(CASES + start, CASES + start + 500)))
