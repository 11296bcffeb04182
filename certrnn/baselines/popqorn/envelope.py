"""Slopes of the planes that leave the least volume to a function, by the simplex method on points of the region.

The volume between a function and a plane below it falls as the plane's value at the middle of the box rises, so the
best lower plane supports the function's convex envelope at that point (the upper plane: the concave one). For one
argument these are the tangents and secants of the literature. For two, the envelope usually has a ridge there: over
three corners each, two planes leave equal volume. The flatter one is taken, because slopes multiply the errors of all
earlier planes (on LSTMs the choice decides as much as the fit itself). Nothing here carries a proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from transformers_abs import Region, Secant, Transformer

_AROUND = {1: ((1.0,), (-1.0,)), 2: ((1.0, 0.53), (-1.0, -0.53), (-0.53, 1.0), (0.53, -1.0))}
_STEP = 1e-3
# Planes that support the envelope a step off the middle, to each side: on a ridge they are the planes that meet there.
_NARROW = 1e-6
# Below this half width, relative to max(1, |middle|), differences of rounded values hide the slope: take the secant's.


@dataclass(frozen=True)
class Envelope:
    """Least volume on ``points`` Chebyshev points along each axis, ``steps`` exchanges at most.

    >>> from transformers_abs import TANH
    >>> below, above = Envelope()(TANH, Region(np.array([[0.0]]), np.array([[1.0]])))
    >>> bool(abs(below[0, 0] - np.tanh(1.0)) < 1e-3), bool(abs(above[0, 0] - np.cosh(0.5) ** -2) < 2e-2)
    (True, True)

    Raises:
        ValueError: the points along an axis are not an odd number of at least 3.
    """

    points: tuple[int, int] = (65, 9)
    steps: int = 24

    def __post_init__(self) -> None:
        if any(count < 3 or count % 2 == 0 for count in self.points):
            raise ValueError(f"Envelope: the points along an axis are odd and at least 3; got {self.points}")

    def __call__(self, transformer: Transformer, region: Region) -> tuple[np.ndarray, np.ndarray]:
        """Finite slopes (arity, N) of the lower and of the upper plane."""
        arity, count = region.lower.shape
        places = _places(arity, self.points[arity - 1])
        # boxes near the largest numbers overflow to inf or nan, replaced by 0: every slope is sound
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            middle = 0.5 * region.lower + 0.5 * region.upper
            half = 0.5 * region.upper - 0.5 * region.lower
            values = transformer.value(*(middle[..., None] + half[..., None] * places.T[:, None]))
            both = np.nan_to_num(np.concatenate([values, -values]), nan=0.0, posinf=0.0, neginf=0.0)
            steepness = _flattest([self._near(both, places, side) for side in _AROUND[arity]])
            steepness[count:] *= -1.0
            slopes = steepness.T.reshape(arity, 2, count).swapaxes(0, 1) / half
            narrow = half <= _NARROW * np.maximum(1.0, np.abs(middle))
            if narrow.any():
                slopes = np.where(narrow, Secant()(transformer, region), slopes)
            slopes = np.where(np.isfinite(slopes), slopes, 0.0)
        return np.ascontiguousarray(slopes[0]), np.ascontiguousarray(slopes[1])

    def _near(self, values: np.ndarray, places: np.ndarray, side: tuple[float, ...]) -> np.ndarray:
        return highest(values, places, _STEP * np.array(side), self.steps)


def _flattest(choices: list[np.ndarray]) -> np.ndarray:
    """Of each row's slopes (N, arity), in half widths of the box, those of least norm."""
    stacked = np.stack(choices)
    chosen = (stacked**2).sum(axis=2).argmin(axis=0)
    return stacked[chosen, np.arange(stacked.shape[1])]


def _places(arity: int, count: int) -> np.ndarray:
    """Points (P, arity) of [-1, 1]^arity; the first ``arity + 1`` have the middle strictly between them."""
    axis = np.cos(np.linspace(np.pi, 0.0, count))
    axis[count // 2] = 0.0
    if arity == 1:
        return np.concatenate([[-1.0, 1.0], axis[1:-1]])[:, None]
    first = [(-1.0, -1.0), (1.0, -1.0), (0.0, 1.0)]
    return np.array([*first, *(p for p in product(axis.tolist(), repeat=2) if p not in first)])


def highest(values: np.ndarray, places: np.ndarray, middle: np.ndarray, steps: int) -> np.ndarray:
    """Slopes (N, arity) of the planes below ``values`` (N, P) at ``places`` (P, arity) that are highest at ``middle``
    (arity,), which the first ``arity + 1`` places surround.

    A plane through ``arity + 1`` points around the middle is at least as high there as any plane below all points.
    Where a point lies below it, that point enters (the one furthest below) and another leaves, such that the middle
    stays between them; lowered onto that point it is also a plane below all, and the best of these is kept.
    """
    count, dimension = len(values), places.shape[1]
    homogeneous = np.concatenate([np.ones((len(places), 1)), places], axis=1)
    target = np.array([1.0, *middle])
    basis = np.broadcast_to(np.arange(dimension + 1), (count, dimension + 1)).copy()
    best, height = np.zeros((count, dimension)), np.full(count, -np.inf)
    rows = np.arange(count)
    tolerance = 1e-9 * (values.max(axis=1) - values.min(axis=1))
    active = rows
    for _ in range(steps):
        inverse = np.linalg.inv(homogeneous[basis[active]])
        plane = np.einsum("nij,nj->ni", inverse, np.take_along_axis(values[active], basis[active], axis=1))
        above = values[active] - plane @ homogeneous.T
        entering = above.argmin(axis=1)
        below = above[np.arange(len(active)), entering]
        reached = plane @ target + below
        better = reached > height[active]
        best[active[better]], height[active[better]] = plane[better, 1:], reached[better]
        going = below < -tolerance[active]
        if not going.any():
            break
        active, inverse, entering = active[going], inverse[going], entering[going]
        # shares of the middle and of the entering point in the basis: the smallest quotient leaves
        share = target @ inverse
        entered = np.einsum("nj,nji->ni", homogeneous[entering], inverse)
        positive = entered > 1e-12
        quotient = np.where(positive, np.maximum(share, 0.0) / np.where(positive, entered, 1.0), np.inf)
        basis[active, quotient.argmin(axis=1)] = entering
    return best
