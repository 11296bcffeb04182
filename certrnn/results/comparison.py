"""Models and methods side by side: how much each certifies, how fast, and whether the difference is more than chance
(Cert-RNN's Tables 2, 3 and 6)."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

from certrnn.results.certificates import Results
from certrnn.results.curve import Share
from certrnn.results.figures import float_lower, mean, middle
from certrnn.results.paired import Paired, paired
from certrnn.results.record import Record
from certrnn.results.row import Row, finite, ratio
from certrnn.results.samples import Sample, finished, shares_of
from certrnn.results.tabular import Tabular


@dataclass(frozen=True)
class Compared(Record):
    """What one method certified of one sample, or what the attack beside them all found.

    Args:
        sample: position in the data, from 0.
        method: as it was asked; "" for the attack.
        row: the answer.
        reason: why its task came to no answer; "" else.
    """

    sample: int
    method: str
    row: Row
    reason: str = ""

    @property
    def failed(self) -> bool:
        return self.row.failed

    @property
    def place(self) -> tuple[Any, ...]:
        return self.sample, self.method, self.row.place

    def answers(self, frames: str | list[int], eps: float | None, method: str = "") -> bool:
        return self.method == method and self.row.answers(frames, eps)


AttackedEps = dict[tuple[int, str], float]
"""Distance of a counterexample by sample and frames."""


@dataclass(frozen=True)
class Group:
    """One model under one method.

    Args:
        results: searched rows, whose times are the method's alone.
    """

    results: Results
    method: str

    @cached_property
    def samples(self) -> list[Sample]:
        """Every finished sample of the rows."""
        return finished(self.results)

    @cached_property
    def values(self) -> list[float]:
        """The certified eps of every sample that is answered right: for several rows a sample the smallest of them, so
        that values are independent of each other; 0.0 where nothing was certified."""
        return [sample.certified for sample in self.samples if sample.right]

    @cached_property
    def by_sample(self) -> dict[int, float]:
        """The same by sample."""
        return {sample.number: sample.certified for sample in self.samples if sample.right}

    @property
    def floor(self) -> float | None:
        """The smallest eps that the search tried, below which the certified eps of some lies where it is 0."""
        question = self.results.question
        return None if question is None else question.way.floor

    @property
    def clean(self) -> Share:
        """Samples that are answered right."""
        return Share(len(self.values), len(self.samples))

    @property
    def mean(self) -> float | None:
        """Mean certified eps of the right samples, rounded down."""
        return float_lower(mean(self.values))

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation (of n - 1) of the certified eps; None of fewer than two."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def median(self) -> float | None:
        """Median certified eps of the right samples, rounded down."""
        return float_lower(middle(self.values))

    @property
    def share(self) -> float | None:
        """Mean share of the attack's eps that is certified, over the right samples with a counterexample; rounded
        down."""
        return float_lower(mean(shares_of(self.samples)))

    @property
    def seconds(self) -> float:
        """Wall time of all rows."""
        return math.fsum(row.seconds for row in self.results)

    @property
    def seconds_a_row(self) -> float | None:
        """Wall time of a row that was searched."""
        searched = [row.seconds for row in self.results if row.verdict != "misclassified"]
        return math.fsum(searched) / len(searched) if searched else None

    def verified(self, eps: float) -> Share:
        """Samples that are verified at ``eps``, as far as the search's steps show."""
        return Share(sum(sample.verified(eps) for sample in self.samples), len(self.samples))

    def as_json(self, eps: Sequence[float] = ()) -> dict[str, Any]:
        numbers = {
            name: getattr(self, name) for name in ("mean", "deviation", "median", "share", "seconds_a_row")
        }
        return {
            "method": self.method,
            "clean": self.clean.as_json(),
            **numbers,
            "seconds": self.seconds,
            "verified": [{"eps": e, **self.verified(e).as_json()} for e in eps],
            **self.results.as_json(),
        }


@dataclass(frozen=True)
class UTest:
    """Mann-Whitney's U of two groups' certified eps, two-sided.

    ``u`` counts the pairs of samples in which the first certifies more (ties half); ``effect`` is their share.
    ``paired`` compares them sample by sample, where they have samples in common.
    """

    first: Group
    second: Group
    u: float
    p: float
    effect: float
    paired: Paired | None = None

    def as_json(self) -> dict[str, Any]:
        names = {
            name: {"model": group.results.path, "method": group.method}
            for name, group in (("first", self.first), ("second", self.second))
        }
        beside = {} if self.paired is None else {"paired": self.paired.as_json()}
        return {**names, "u": self.u, "p": finite(self.p), "effect": self.effect, **beside}


def u_test(first: Group, second: Group) -> UTest | None:
    """The test, exact where there are few samples and no ties; None where a group has no right sample."""
    from scipy.stats import mannwhitneyu

    if not (first.values and second.values):
        return None
    pairs, by_pair = len(first.values) * len(second.values), paired(first.by_sample, second.by_sample)
    if len({*first.values, *second.values}) == 1:  # nothing but ties: the normal approximation has no width
        return UTest(first, second, pairs / 2, 1.0, 0.5, by_pair)
    test = mannwhitneyu(first.values, second.values, alternative="two-sided")
    u = float(test.statistic)
    return UTest(first, second, u, float(test.pvalue), u / pairs, by_pair)


@dataclass(frozen=True, repr=False)
class Comparison(Tabular):
    """All groups, by model and then by method.

    Args:
        eps: where verified accuracy is shown as well.
        notes: what a reader must know, a line each.
        folder: the run folder that the rows were read from, or "".
    """

    groups: tuple[Group, ...]
    eps: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    folder: str = ""

    def __repr__(self) -> str:
        groups = ", ".join(f"{group.results.path} {group.method}" for group in self.groups)
        return f"<Comparison of {groups or 'nothing finished'}>"

    def records(self) -> list[dict[str, Any]]:
        """A model under a method each."""
        names = ("mean", "deviation", "median", "share", "seconds_a_row")
        return [
            {
                "model": group.results.path,
                "method": group.method,
                "samples": group.clean.samples,
                "right": group.clean.count,
                **{name: getattr(group, name) for name in names},
                **{f"verified at {eps:g}": group.verified(eps).count for eps in self.eps},
            }
            for group in self.groups
        ]

    @staticmethod
    def together(parts: Sequence[Comparison]) -> Comparison:
        """The comparisons of several models as one."""
        groups = tuple(group for part in parts for group in part.groups)
        notes = dict.fromkeys(note for part in parts for note in part.notes)
        eps = parts[0].eps if parts else ()
        return Comparison(groups, eps, tuple(notes), next((part.folder for part in parts), ""))

    def exit_code(self) -> int:
        """3 where a counterexample contradicts a certificate or a task ended in an error, 4 where no sample has all its
        rows, else 0."""
        failed = any(row.failed for group in self.groups for row in group.results)
        return 3 if self.broken or failed else 0 if self.groups else 4

    @cached_property
    def tests(self) -> tuple[UTest, ...]:
        """Of every two methods on one model, and of every two models under one method."""
        return tuple(t for pair in self._pairs() if (t := u_test(*pair)) is not None)

    @property
    def broken(self) -> bool:
        """Whether a counterexample contradicts a certificate."""
        return any(sample.broken for group in self.groups for sample in group.samples)

    def _pairs(self) -> Iterator[tuple[Group, Group]]:
        for a, b in combinations(self.groups, 2):
            if (a.results.path == b.results.path) != (a.method == b.method):
                yield a, b

    def to_json(self) -> str:
        """The document as strict JSON text, ending in a newline."""
        document = {
            "comparison": [group.as_json(self.eps) for group in self.groups],
            "tests": [test.as_json() for test in self.tests],
            "notes": list(self.notes),
        }
        return json.dumps(document, indent=1, allow_nan=False) + "\n"


def attacked_eps(results: Iterable[Row]) -> AttackedEps:
    """What an attack found, by sample and frames."""
    return {
        (row.sample, str(row.frames)): row.eps_attacked for row in results if row.eps_attacked is not None
    }


def attack_beside(results: Results, attacked: AttackedEps) -> Results:
    """The rows with an attack's findings beside them; a row that they contradict is an ``error``."""
    rows, question = tuple(_beside(row, attacked) for row in results), results.question
    if question is not None:
        question = replace(question, way=replace(question.way, attack=True))
    return replace(results, rows=rows, question=question)


def _beside(row: Row, attacked: AttackedEps) -> Row:
    upper = attacked.get((row.sample, str(row.frames)))
    if upper is None:
        return row
    lower = row.eps_certified
    if row.verdict == "certified" and lower is not None and upper <= lower:
        return replace(row, verdict="error", eps_certified=None, eps_attacked=upper)
    return replace(row, eps_attacked=upper, ratio=ratio(lower, upper))
