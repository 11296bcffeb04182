"""Rows put together by sample: what is known of a sample under every set of frames that was asked about."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from certrnn.results.certificates import Results
from certrnn.results.row import Row

NOTHING = 0.0
"""The certified eps where nothing was certified."""


@dataclass(frozen=True)
class Sample:
    """One sample under all of its rows.

    Args:
        number: position in the data.
        label, prediction: classes; -1 where no row of it was answered.
        certified: the largest eps that is certified for every set of frames that was asked about; 0.0 where there is
            none, and where the self-check failed.
        attacked: the smallest distance of a counterexample on any of them; inf where none was found.
        weakest: the row that limits ``certified``.
        broken: a counterexample contradicts a certificate, of one row or across rows: nothing about it may be believed.
        held: whether the undisturbed answer meets a specification that is not the label; None where the label is asked.
    """

    number: int
    label: int
    prediction: int
    certified: float
    attacked: float
    weakest: Row
    broken: bool = False
    held: bool | None = None

    @property
    def known(self) -> bool:
        """Whether any row of it was answered; time-outs and errors say nothing of the sample."""
        return self.prediction >= 0

    @property
    def right(self) -> bool:
        """Whether the undisturbed answer is known, and the label, or what else was asked."""
        return self.known and (self.label == self.prediction if self.held is None else self.held)

    @property
    def wrong(self) -> bool:
        """Whether the undisturbed answer is known, and another."""
        return self.known and not self.right

    def verified(self, eps: float) -> bool:
        """Whether every region of radius ``eps`` is certified: at ``eps`` itself or at a larger one around it."""
        return self.right and self.certified > NOTHING and self.certified >= eps

    def withstood(self, eps: float) -> bool:
        """Whether no counterexample within ``eps`` was found, and the sample is not known to be wrong."""
        return not self.wrong and not self.attacked <= eps


def by_sample(rows: Iterable[Row], by_label: bool = True) -> list[Sample]:
    """Every sample of the rows, in the order of their numbers.

    Args:
        by_label: the label must be answered; else a sample is wrong where its rows say so.
    """
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.sample, []).append(row)
    return [_sample(groups[number], by_label) for number in sorted(groups)]


def finished(results: Results) -> list[Sample]:
    """The samples all of whose rows are here: of others nothing is known."""
    return by_sample(results.finished(), not results.specification)


def shares_of(samples: Iterable[Sample]) -> list[Fraction]:
    """How much of the attack's eps is certified, exactly, of the right samples with a counterexample."""
    both = [s for s in samples if s.right and 0 < s.attacked < math.inf]
    return [Fraction(s.certified) / Fraction(s.attacked) for s in both]


def certified_eps(row: Row) -> float:
    """What a row proves; 0.0 where that is nothing."""
    return row.eps_certified or NOTHING if row.verdict == "certified" else NOTHING


def _sample(rows: list[Row], by_label: bool) -> Sample:
    # of one set of frames the strongest row counts, and of the sets the weakest
    threats: dict[str, list[Row]] = {}
    for row in rows:
        threats.setdefault(str(row.frames), []).append(row)
    best = {name: max(of_one, key=certified_eps) for name, of_one in threats.items()}
    weakest = min(best.values(), key=certified_eps)
    broken = any(row.verdict == "error" and not row.reason for row in rows) or any(
        _attacked(of_one) <= certified_eps(best[name]) for name, of_one in threats.items()
    )
    certified = NOTHING if broken else certified_eps(weakest)
    # a row that says misclassified counts most, and any answer more than none
    answered = max(rows, key=lambda row: (row.verdict == "misclassified", row.prediction >= 0))
    return Sample(
        weakest.sample,
        answered.label,
        answered.prediction,
        certified,
        _attacked(rows),
        weakest,
        broken,
        None if by_label else answered.verdict != "misclassified",
    )


def _attacked(rows: list[Row]) -> float:
    return min((row.eps_attacked for row in rows if row.eps_attacked is not None), default=math.inf)
