"""Fewer evaluations: the next eps is where the proved margin, interpolated, would vanish.

Margins fall smoothly with eps, so that a parabola through three evaluated points finds the end of what can be certified
in a few steps where bisection takes a dozen. As everywhere, an eps is reported only if it was itself certified.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from certrnn.errors import UsageError
from certrnn.search.radius import Certify, Schedule

Point = tuple[float, float]
"""(eps, margin)."""


@dataclass(frozen=True)
class Interpolation(Schedule):
    """Stops where the bracket's ratio, or the interpolated end of the certified range, is within ``1 + tolerance``.

    Args:
        tolerance: relative.
        start: the first eps, one for all rows or (batch,).
        clean: margin of the undisturbed sample, (batch,), or None: the curve's value at 0.
        known: an eps (batch,) that is certified already, or None; only larger ones are tried.
        floor, ceiling: smallest and largest eps of interest.

    Raises:
        UsageError: a tolerance that is not positive.
    """

    tolerance: float = 0.01
    start: float | torch.Tensor = 2.0**-5
    clean: torch.Tensor | None = None
    known: torch.Tensor | None = None
    floor: float = 2.0**-50
    ceiling: float = 2.0**20

    def __post_init__(self) -> None:
        if not 1e-9 <= self.tolerance < 10:
            raise UsageError("searching eps", "the relative tolerance lies in [1e-9, 10)", self.tolerance)

    def largest(self, certify: Certify, batch: int) -> torch.Tensor:
        start = torch.as_tensor(self.start, dtype=torch.float64).expand(batch)
        known = torch.zeros(batch, dtype=torch.float64) if self.known is None else self.known
        curves = [Curve(self, float(start[row]), float(known[row]), self._clean(row)) for row in range(batch)]
        return follow(curves, certify)

    def informed(self, clean: torch.Tensor) -> Interpolation:
        return replace(self, clean=clean) if self.clean is None else self

    def _clean(self, row: int) -> float | None:
        return None if self.clean is None else float(self.clean[row])


@dataclass(frozen=True)
class Steps(Schedule):
    """Up from what is ``known`` (batch,) by a factor, which is kept while it succeeds and halved where it fails, until
    it is within ``1 + tolerance``: for methods whose margins say nothing about other eps."""

    known: torch.Tensor
    factor: float = 1.06
    tolerance: float = 0.01

    def largest(self, certify: Certify, batch: int) -> torch.Tensor:
        best = self.known.clone()
        factor = torch.full((batch,), self.factor, dtype=torch.float64)
        while True:
            rows = ((factor >= 1.0 + 0.5 * self.tolerance) & (best > 0.0)).nonzero().flatten()
            if not len(rows):
                return best
            eps = best[rows] * factor[rows]
            ok = certify(rows, eps) > 0.0
            best[rows] = torch.where(ok, eps, best[rows])
            factor[rows] = torch.where(ok, factor[rows], factor[rows].sqrt())


def follow(curves: Sequence[Curve], certify: Certify) -> torch.Tensor:
    """The largest certified eps of every curve, once none asks for another."""
    while True:
        proposals = {row: eps for row, curve in enumerate(curves) if (eps := curve.next()) is not None}
        if not proposals:
            return torch.tensor([curve.low for curve in curves], dtype=torch.float64)
        margins = certify(
            torch.tensor(list(proposals)), torch.tensor(list(proposals.values()), dtype=torch.float64)
        )
        for (row, eps), margin in zip(proposals.items(), margins.tolist(), strict=True):
            curves[row].note(eps, float(margin))


class Curve:
    """What is known of one row's margin as a function of eps."""

    def __init__(self, options: Interpolation, start: float, known: float, clean: float | None) -> None:
        self.options, self.start = options, max(start, known * (1.0 + options.tolerance))
        self.low, self.high = known, math.inf
        self.points: list[Point] = [] if clean is None or not math.isfinite(clean) else [(0.0, clean)]
        self.asked = self.below = self.same_side = 0

    def note(self, eps: float, margin: float) -> None:
        certified = margin > 0.0 and math.isfinite(margin)
        ratio = self._ratio()
        if certified:
            self.low = max(self.low, eps)
        else:
            self.high = min(self.high, eps)
        # interpolation that keeps trimming one end a little has met a bend: then halve
        self.same_side = self.same_side + 1 if self._ratio() > 1.0 + 0.5 * (ratio - 1.0) else 0
        if math.isfinite(margin):
            self.points.append((eps, margin))

    def _ratio(self) -> float:
        return self.high / self.low if self.low > 0.0 else math.inf

    def next(self) -> float | None:
        """The eps to try, or None where the search has ended."""
        options, step = self.options, 1.0 + self.options.tolerance
        if self.high <= max(self.low * step, options.floor) or self.low >= options.ceiling:
            return None
        return self.wanted()

    def wanted(self) -> float:
        """Where to look next, between low and high."""
        step = 1.0 + self.options.tolerance
        self.asked += 1
        if self.asked == 1:
            return self.start
        end = self._end()
        if math.isinf(self.high):
            grown = self.low * 2.0 if end is None else end
            return min(max(grown, self.low * max(1.1, step)), self.low * 2.5)
        if self.low == 0.0:
            shrunk = self.high / 2.0 if end is None else end
            # one estimate is believed; one that did not even bracket is not
            self.below += 1
            return max(min(shrunk, self.high / (max(1.1, step) if self.below == 1 else 2.0)), self.high / 8.0)
        if end is None or self.same_side >= 2:
            self.same_side = 0
            return math.sqrt(self.low * self.high)
        if end <= self.low * step:
            return self.low * step
        return self.high / step if end >= self.high / step else end

    def _end(self) -> float | None:
        """Where the interpolated margin vanishes between low and high, or None."""
        points = sorted(self.points, key=lambda p: abs(p[1]))[:3]
        if len(points) < 2:
            return None
        candidates = [*_parabola_roots(*points), _secant_root(*points[:2])] if len(points) == 3 else []
        candidates.append(_secant_root(*points[:2]))
        near = self.options.tolerance
        inside = [
            c for c in candidates if c is not None and self.low * (1 - near) < c < self.high * (1 + near)
        ]
        return inside[0] if inside else None


def _secant_root(a: Point, b: Point) -> float | None:
    if a[1] == b[1]:
        return None
    return a[0] - a[1] * (b[0] - a[0]) / (b[1] - a[1])


def _parabola_roots(a: Point, b: Point, c: Point) -> list[float]:
    """Roots of the parabola through three points where it falls, nearest to ``a`` first.

    >>> [round(r, 9) for r in _parabola_roots((1.0, 3.0), (0.0, 4.0), (3.0, -5.0))]
    [2.0]
    """
    if len({a[0], b[0], c[0]}) < 3:
        return []
    first = (b[1] - a[1]) / (b[0] - a[0])
    second = ((c[1] - b[1]) / (c[0] - b[0]) - first) / (c[0] - a[0])
    # in t = eps - a: value a[1] + linear t + second t^2
    linear = first - second * (b[0] - a[0])
    under = linear * linear - 4.0 * second * a[1]
    if second == 0.0 or under < 0.0:
        return []
    root = math.sqrt(under)
    roots = [(-linear - root) / (2.0 * second), (-linear + root) / (2.0 * second)]
    falling = [t for t in roots if linear + 2.0 * second * t < 0.0]
    return [a[0] + t for t in sorted(falling, key=abs)]
