"""Verified, attacked and clean accuracy over eps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from certrnn.results.certificates import Results
from certrnn.results.samples import NOTHING, Sample, finished
from certrnn.results.tabular import Tabular
from certrnn.results.wilson import wilson


@dataclass(frozen=True)
class Share:
    """So many of so many samples, with the 95 % Wilson interval of the share."""

    count: int
    samples: int

    @property
    def value(self) -> float:
        """The share itself; 0.0 of no samples."""
        return self.count / self.samples if self.samples else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Where the share of all data like these samples lies, at 95 % confidence."""
        return wilson(self.count, self.samples)

    def as_json(self) -> dict[str, Any]:
        low, high = self.interval
        return {"count": self.count, "share": self.value, "low": low, "high": high}


@dataclass(frozen=True)
class Point:
    """The curve at one eps. ``verified`` <= ``attacked`` <= ``clean``; ``attacked`` is None where no attack ran.

    verified: right, and certified at this eps or at a larger one.
    attacked: not known to be wrong, and no counterexample within this eps was found.
    clean: right undisturbed; samples without an answer, of which that is not known, are counted.
    """

    eps: float
    verified: Share
    attacked: Share | None
    clean: Share

    def as_json(self) -> dict[str, Any]:
        attacked = None if self.attacked is None else self.attacked.as_json()
        return {
            "eps": self.eps,
            "verified": self.verified.as_json(),
            "attacked": attacked,
            "clean": self.clean.as_json(),
        }


@dataclass(frozen=True)
class Wording:
    """What the shares of samples are called: of those right undisturbed, and of those verified."""

    clean: str = "clean accuracy"
    verified: str = "verified accuracy"

    @staticmethod
    def of(results: Results) -> Wording:
        """Accuracy where the labels of the data are to stay the answers, else something humbler. Samples without an
        answer may be right or wrong."""
        most = "" if all(sample.known for sample in finished(results)) else " at most"
        if results.specification:
            return Wording(f"holds undisturbed{most}", "verified samples")
        if not results.labelled:
            return Wording(f"own predictions{most}", "certified predictions")
        return Wording(f"clean accuracy{most}")


PLAIN = Wording()
"""Of data with labels."""


@dataclass(frozen=True)
class Curve(Tabular):
    """Accuracies over ascending eps.

    Args:
        points: one for each eps.
        samples: number of samples.
        wording: what the shares are called.
    """

    points: tuple[Point, ...]
    samples: int
    wording: Wording = PLAIN

    @property
    def attacked(self) -> bool:
        """Whether there is an attacked accuracy."""
        return all(point.attacked is not None for point in self.points)

    def as_json(self) -> list[dict[str, Any]]:
        return [point.as_json() for point in self.points]

    def records(self) -> list[dict[str, Any]]:
        """An eps each: how many of the samples are verified, withstood the attack, and are right undisturbed."""
        return [
            {
                "eps": point.eps,
                "samples": self.samples,
                "verified": point.verified.count,
                "attacked": None if point.attacked is None else point.attacked.count,
                "clean": point.clean.count,
            }
            for point in self.points
        ]


def curve(samples: Sequence[Sample], eps: Iterable[float], attacked: bool, wording: Wording = PLAIN) -> Curve:
    """The accuracies at every one of ``eps`` (distinct, non-negative), in ascending order.

    Args:
        attacked: whether an attack ran.
    """
    points = tuple(_point(samples, e, attacked) for e in sorted(set(eps)))
    return Curve(points, len(samples), wording)


def full_curve(samples: Sequence[Sample], attacked: bool, wording: Wording = PLAIN) -> Curve:
    """The accuracies at 0 and at every eps where one of them changes."""
    right = [s for s in samples if s.right]
    eps = (
        {0.0}
        | {s.certified for s in right}
        | {s.attacked for s in right if attacked and s.attacked < float("inf")}
    )
    return curve(samples, eps, attacked, wording)


def ever_attacked(samples: Iterable[Sample]) -> bool:
    """Whether any counterexample is known: what a document tells of whether an attack ran."""
    return any(s.attacked < float("inf") for s in samples)


def nothing_certified(samples: Iterable[Sample]) -> bool:
    """Whether no sample at all is certified at any eps."""
    return all(s.certified == NOTHING for s in samples)


def _point(samples: Sequence[Sample], eps: float, attacked: bool) -> Point:
    def share(count: int) -> Share:
        return Share(count, len(samples))

    return Point(
        eps,
        share(sum(s.verified(eps) for s in samples)),
        share(sum(s.withstood(eps) for s in samples)) if attacked else None,
        share(sum(not s.wrong for s in samples)),
    )
