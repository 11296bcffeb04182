"""Slopes of (nearly) least width: a convex problem whose subgradient the residual hands out for free.

The width ``W(a) = max(f - a . x) - min(f - a . x)`` is convex in the slopes a, and by the envelope theorem
``argmin - argmax`` is a subgradient. Only :meth:`Transformer.residual` is asked, so that every transformer,
boxes and clipped regions alike, is served by the same few lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transformers_abs._protocol import Region, Transformer
from transformers_abs.slopes import _polygon
from transformers_abs.slopes.secant import Secant


@dataclass(frozen=True)
class LeastWidth:
    """The narrowest of the secant (or corner fit) and ``rounds`` trials guided by subgradients: never wider
    than it.

    One argument: cutting planes within a bracket that provably holds the optimum, until the width is known to
    be within a thousandth of the least. Two: centres of gravity of what deep cuts leave of a rectangle that
    holds the optimum on the box; eight rounds come within a tenth of a percent on average. Each round costs
    one residual.

    >>> from transformers_abs import TANH, Region
    >>> box = Region(np.array([[-3.0]]), np.array([[3.0]]))
    >>> wide, narrow = (TANH.residual(policy(TANH, box), box) for policy in (Secant(), LeastWidth()))
    >>> [round(float(r.upper[0] - r.lower[0]), 2) for r in (wide, narrow)]
    [0.87, 0.65]

    Raises:
        ValueError: ``rounds`` is negative, or the region is malformed.
    """

    rounds: int = 8

    def __post_init__(self) -> None:
        if self.rounds < 0:
            raise ValueError(f"LeastWidth: rounds is at least 0; got {self.rounds}")

    def __call__(self, transformer: Transformer, region: Region) -> np.ndarray:
        search = _cutting_planes if transformer.arity == 1 else _centers_of_gravity
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            return search(transformer, region, Secant()(transformer, region), self.rounds)


def _width(transformer: Transformer, slopes: np.ndarray, region: Region) -> tuple[np.ndarray, np.ndarray]:
    """Width (N,) of the residual and a subgradient (arity, N) of it."""
    enclosure = transformer.residual(slopes, region)
    return enclosure.upper - enclosure.lower, enclosure.argmin - enclosure.argmax


def _reach(width: np.ndarray, region: Region) -> np.ndarray:
    """How far the best slopes can lie from the secant, shape (arity, N); 0 where the box is too narrow to
    matter.

    The residual of slope a differs between the ends of an edge of length w by ``|a - secant| w <= W(a)``, and
    at the best slope ``W(a) <= W(secant)``; so ``|a - secant| <= W(secant) / w``.
    """
    edge = region.upper - region.lower
    size = np.maximum(1.0, np.maximum(np.abs(region.lower), np.abs(region.upper)))
    return np.where((edge > 1e-9 * size) & np.isfinite(edge), width / edge, 0.0)


def _cutting_planes(transformer: Transformer, region: Region, start: np.ndarray, rounds: int) -> np.ndarray:
    """Minimise W over one slope: next trial where the innermost tangents of W meet, or the middle."""
    width, gradient = _width(transformer, start, region)
    reach = _reach(width, region)
    edge = region.upper - region.lower
    best, best_width = start, width
    # W(a) >= |a - secant| w: at the ends of the bracket this minorant has value W(secant) and steepness w.
    low = (start - reach, width[None], -edge)
    high = (start + reach, width[None], edge)
    trial = start
    for step in range(rounds):
        rising = gradient > 0.0
        here = (trial, width[None], gradient)
        low = tuple(np.where(rising, old, new) for old, new in zip(low, here, strict=True))
        high = tuple(np.where(rising, new, old) for old, new in zip(high, here, strict=True))
        meeting = _meeting(low, high)
        if (best_width - (low[1] + low[2] * (meeting - low[0])) <= 1e-3 * best_width).all():
            break
        trial = low[0] + 0.5 * (high[0] - low[0]) if step % 3 == 2 else meeting
        width, gradient = _width(transformer, trial, region)
        better = width < best_width
        best, best_width = np.where(better, trial, best), np.where(better, width, best_width)
    return best


def _meeting(low: tuple[np.ndarray, ...], high: tuple[np.ndarray, ...]) -> np.ndarray:
    """Where the tangents (place, value, steepness) of the two sides meet, kept between their places."""
    a, value_a, steep_a = low
    b, value_b, steep_b = high
    meeting = (value_b - value_a + steep_a * a - steep_b * b) / (steep_a - steep_b)
    return np.where((meeting >= a) & (meeting <= b), meeting, a + 0.5 * (b - a))


def _centers_of_gravity(
    transformer: Transformer, region: Region, start: np.ndarray, rounds: int
) -> np.ndarray:
    """Minimise W over two slopes: each trial is the centre of gravity of where the optimum can still be.

    A subgradient at the trial excludes at least 37 % of that polygon (Gruenbaum 1960), more where W is above the best.
    """
    width, gradient = _width(transformer, start, region)
    reach = _reach(width, region)
    best, best_width = start, width
    vertices, counts = _polygon.squares(width.shape[0], rounds)
    center = np.zeros_like(start)
    for _ in range(rounds):
        _polygon.cut(vertices, counts, gradient * reach, center, width - best_width)
        center = np.empty_like(start)
        _polygon.centroids(vertices, counts, center)
        trial = start + reach * center
        width, gradient = _width(transformer, trial, region)
        better = width < best_width
        best, best_width = np.where(better, trial, best), np.where(better, width, best_width)
    return best
