"""Slopes of (nearly) least width: a convex problem whose subgradient the residual hands out for free.

The width ``W(a) = max(f - a . x) - min(f - a . x)`` is convex in the slopes a, and by the envelope theorem
``argmin - argmax`` is a subgradient. Only :meth:`Transformer.residual` is asked, so that every transformer,
boxes and clipped regions alike, is served by the same few lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transformers_abs._protocol import Region, Transformer
from transformers_abs.slopes.secant import Secant


@dataclass(frozen=True)
class LeastWidth:
    """The narrowest of the secant (or corner fit) and ``rounds`` trials guided by subgradients: never wider
    than it.

    One argument: cutting planes within a bracket that provably holds the optimum. Two: the ellipsoid method
    with deep cuts, from an ellipsoid that holds the optimum on the box. Each round costs one residual.

    >>> from transformers_abs import TANH, Region
    >>> box = Region(np.array([[-3.0]]), np.array([[3.0]]))
    >>> wide, narrow = (TANH.residual(policy(TANH, box), box) for policy in (Secant(), LeastWidth()))
    >>> [round(float(r.upper[0] - r.lower[0]), 2) for r in (wide, narrow)]
    [0.87, 0.65]

    Raises
    ------
    ValueError: ``rounds`` is negative, or the region is malformed.
    """

    rounds: int = 12

    def __post_init__(self) -> None:
        if self.rounds < 0:
            raise ValueError(f"LeastWidth: rounds is at least 0; got {self.rounds}")

    def __call__(self, transformer: Transformer, region: Region) -> np.ndarray:
        search = _cutting_planes if transformer.arity == 1 else _ellipsoid
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
        trial = _meeting(low, high, middle=step % 3 == 2)
        width, gradient = _width(transformer, trial, region)
        better = width < best_width
        best, best_width = np.where(better, trial, best), np.where(better, width, best_width)
    return best


def _meeting(low: tuple[np.ndarray, ...], high: tuple[np.ndarray, ...], middle: bool) -> np.ndarray:
    """Where the tangents (place, value, steepness) of the two sides meet, strictly between them."""
    a, value_a, steep_a = low
    b, value_b, steep_b = high
    halfway = a + 0.5 * (b - a)
    if middle:
        return halfway
    meeting = (value_b - value_a + steep_a * a - steep_b * b) / (steep_a - steep_b)
    return np.where((meeting > a) & (meeting < b), meeting, halfway)


def _ellipsoid(transformer: Transformer, region: Region, start: np.ndarray, rounds: int) -> np.ndarray:
    """Minimise W over two slopes: ellipsoid method with deep cuts (Bland, Goldfarb, Todd 1981)."""
    width, gradient = _width(transformer, start, region)
    reach = _reach(width, region)
    best, best_width = start, width
    center = np.zeros_like(start)
    # P is symmetric: rows xx, xy, yy. The box of half-widths 1 lies in the circle of radius sqrt(2).
    shape = np.stack([np.full_like(width, 2.0), np.zeros_like(width), np.full_like(width, 2.0)])
    for _ in range(rounds):
        center, shape = _shrink(center, shape, gradient * reach, width - best_width)
        trial = start + reach * center
        width, gradient = _width(transformer, trial, region)
        better = width < best_width
        best, best_width = np.where(better, trial, best), np.where(better, width, best_width)
    return best


def _shrink(
    center: np.ndarray, shape: np.ndarray, gradient: np.ndarray, excess: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The least ellipse around the half of the current one where W can still be below the best seen."""
    xx, xy, yy = shape
    step = np.stack([xx * gradient[0] + xy * gradient[1], xy * gradient[0] + yy * gradient[1]])
    norm = np.sqrt(np.maximum((gradient * step).sum(axis=0), 0.0))
    active = (norm > 0.0) & np.isfinite(norm)
    norm = np.where(active, norm, 1.0)
    depth = np.clip(excess / norm, 0.0, 0.9)
    step = step / norm
    moved = center - (1.0 + 2.0 * depth) / 3.0 * step
    ratio = 2.0 * (1.0 + 2.0 * depth) / (3.0 * (1.0 + depth))
    outer = np.stack([step[0] * step[0], step[0] * step[1], step[1] * step[1]])
    smaller = 4.0 / 3.0 * (1.0 - depth * depth) * (shape - ratio * outer)
    return np.where(active, moved, center), np.where(active, smaller, shape)
