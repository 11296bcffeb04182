"""The figures of a summary: each says of what it is a share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from certrnn.report.spoken import by_radii
from certrnn.report.table import verified_name
from certrnn.results.certificates import Results
from certrnn.results.curve import curve
from certrnn.results.figures import eps_lower, exact, lower, mean, middle, percent, percent_lower
from certrnn.results.samples import Sample, shares_of


@dataclass(frozen=True)
class Tile:
    """One figure of the summary."""

    name: str
    value: str


def tiles_of(results: Results, samples: list[Sample]) -> tuple[Tile, ...]:
    """The summary of results; ``samples`` are the finished ones."""
    tiles = [Tile(*_counted(results, samples))]
    tiles += [*_right(results, samples), *_certified(results, samples), *_verified(results, samples)]
    tiles += [
        Tile(f"{'row' if count == 1 else 'rows'} {verdict}", str(count))
        for verdict, count in results.counts().items()
        if not results.grid
        or verdict not in ("certified", "unknown")  # at whichever eps: the curve says more
    ]
    return (*tiles, Tile("of computing", _duration(math.fsum(row.seconds for row in results))))


def _counted(results: Results, samples: list[Sample]) -> tuple[str, str]:
    """The samples that are counted, and of what they are a part."""
    _, _, rest = results.of_samples(len(samples)).partition(" of ")
    noun = "sample" if len(samples) == 1 else "samples"
    if not results.whole:
        return f"finished of {rest}" if rest else "samples finished", str(len(samples))
    return f"{noun} of {rest}" if rest else noun, str(len(samples))


def _right(results: Results, samples: list[Sample]) -> list[Tile]:
    """How many are right undisturbed, of those that were answered: a time-out is no wrong answer."""
    known = [sample for sample in samples if sample.known]
    silent = len(samples) - len(known)
    tiles = []
    if (results.labelled or results.specification) and known:
        name = "hold undisturbed" if results.specification else "answered right"
        of = f"{name}, of those with an answer" if silent else name
        tiles.append(_share(of, sum(sample.right for sample in known), len(known), percent))
    if silent:
        tiles.append(Tile(f"without an answer of {len(samples)}", str(silent)))
    return tiles


def _certified(results: Results, samples: list[Sample]) -> list[Tile]:
    """What was certified of the right samples, where that is the largest there is."""
    values = [sample.certified for sample in samples if sample.right]
    if not values or not searched(results):
        return []
    one_of = f"of {len(values)} {'that hold' if results.specification else 'answered right'}"
    unit = ", in units of the radii" if by_radii(results) else ""
    tiles = [
        Tile(f"median certified eps{unit} ({one_of})", lower(middle(values))),
        Tile(f"smallest certified eps{unit} ({one_of})", eps_lower(min(values))),
    ]
    shares = shares_of(samples)
    if shares:
        average = f"of the attack's eps certified, on average over {len(shares)} with a counterexample"
        tiles.append(Tile(average, percent_lower(mean(shares) or 0)))
    return tiles


def _verified(results: Results, samples: list[Sample]) -> list[Tile]:
    eps = [e for e in asked_eps(results) if e > 0] if samples else []
    name = f"{results.specification}: certified" if results.specification else verified_name(results)
    return [
        _share(f"{name} at eps {exact(point.eps)}", point.verified.count, len(samples), percent_lower)
        for point in curve(samples, eps[:4], False).points
    ]


def searched(results: Results) -> bool:
    """Whether the certified eps are the largest there are, rather than those among the asked."""
    return not results.grid and any(row.eps is None for row in results)


def asked_eps(results: Results) -> list[float]:
    return sorted(set(results.grid) or {row.eps for row in results if row.eps is not None})


def _share(name: str, count: int, samples: int, shown: Callable[[int, int], str]) -> Tile:
    return Tile(f"{name} ({count} of {samples})", shown(count, samples))


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
