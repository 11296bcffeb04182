"""Slopes from the corners of the box: the secant, and Cert-RNN's corner fit for two arguments."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from transformers_abs import _validate
from transformers_abs._protocol import Region, Transformer
from transformers_abs.compilation import kernel

NARROW: float = 1e-6
"""Below this width, relative to max(1, |center|), the difference of two rounded values hides the slope."""


@kernel
def ends(low, high):
    """Where the secant is taken: the ends, or points around the middle where these are too close to divide by."""
    middle = 0.5 * low + 0.5 * high
    size = max(1.0, abs(middle))
    if high - low <= NARROW * size:
        return middle - 1e-5 * size, middle + 1e-5 * size
    return low, high


@dataclass(frozen=True)
class Secant:
    """Average slope of the function over the box's edges, read off at its corners; cuts are not looked at.

    One argument: ``(f(u) - f(l)) / (u - l)``. Two arguments (Cert-RNN, Theorems 4.2 and 4.3):
    ``A = [f(ux, ly) - f(lx, ly) + f(ux, uy) - f(lx, uy)] / (2 (ux - lx))``, B likewise. Along an edge too
    narrow to divide by, a central difference about the box's centre takes its place.

    >>> from transformers_abs import RELU, Region
    >>> box = Region(np.array([[-1.0, 2.0]]), np.array([[3.0, 2.0]]))
    >>> Secant()(RELU, box).round(6).tolist()
    [[0.75, 1.0]]
    """

    def __call__(self, transformer: Transformer, region: Region) -> np.ndarray:
        _validate.region(f"slopes of {transformer.name}", transformer.arity, region)
        # Overflow (boxes near the largest numbers) gives inf or nan, replaced by 0: every slope is sound.
        own = transformer.secant(region) if transformer.arity == 1 else None
        if own is not None:
            return own
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            rows = [_along(transformer, region, k) for k in range(transformer.arity)]
        slopes = np.stack(rows)
        return np.where(np.isfinite(slopes), slopes, 0.0)


def _along(transformer: Transformer, region: Region, axis: int) -> np.ndarray:
    """Slope along one argument, shape (N,), averaged over the corners of the others."""
    lower, upper = region.lower, region.upper
    center = 0.5 * lower + 0.5 * upper
    size = np.maximum(1.0, np.abs(center[axis]))
    narrow = upper[axis] - lower[axis] <= NARROW * size
    left = np.where(narrow, center[axis] - 1e-5 * size, lower[axis])
    right = np.where(narrow, center[axis] + 1e-5 * size, upper[axis])
    others = [k for k in range(len(lower)) if k != axis]
    slopes = []
    for corner in product((lower, upper), repeat=len(others)):
        point = center.copy()
        for k, bound in zip(others, corner, strict=True):
            point[k] = bound[k]
        slopes.append(_quotient(transformer, point, axis, left, right))
    return sum(slopes[1:], slopes[0]) / len(slopes)


def _quotient(
    transformer: Transformer, point: np.ndarray, axis: int, left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    ends = []
    for end in (left, right):
        arguments = [end if k == axis else row for k, row in enumerate(point)]
        ends.append(transformer.value(*arguments))
    return (ends[1] - ends[0]) / (right - left)
