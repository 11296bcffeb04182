"""Numbers that a user gave, made into regions: rounded outward, so that a region holds all that was asked."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from certrnn.errors import InvalidInput
from transformers_abs.decimals import at_least, meant

Clip = tuple[float, float]


def outward(clip: Clip | None, precision: type[np.floating[Any]]) -> Clip | None:
    """The smallest range with ends of the network's number type that holds the range as it was written.

    A value at an end, once it is rounded to the network's numbers as data is, stays inside; an end beyond the type's
    largest number stays as it is.

    >>> outward((0.0, 0.7), np.float32), outward((-0.5, 1.0), np.float16), outward(None, np.float32)
    ((0.0, 0.7000000476837158), (-0.5, 1.0), None)
    """
    if clip is None:
        return None
    low, high = clip
    return -_up(-low, precision), _up(high, precision)


def _up(end: float, precision: type[np.floating[Any]]) -> float:
    """The smallest number of the type that is not below ``end`` as it is written."""
    with np.errstate(over="ignore"):
        nearest = precision(end)
        if math.isfinite(nearest) and Fraction(float(nearest)) < meant(end):
            nearest = np.nextafter(nearest, precision(math.inf))
    return float(nearest) if math.isfinite(nearest) else at_least(end)


def as_written(eps: torch.Tensor) -> torch.Tensor:
    """Radii (R,) of regions that hold what lies within ``eps`` (R,) as decimals: results print these.

    >>> as_written(torch.tensor([0.25, 0.3], dtype=torch.float64)).tolist()
    [0.25, 0.30000000000000004]
    """
    return torch.tensor([at_least(one) for one in eps.tolist()], dtype=torch.float64, device=eps.device)


def require_inside(x: torch.Tensor, frames: list[int], clip: Clip | None) -> None:
    """Every value (N, T, D) of a disturbed frame lies in the range.

    Raises:
        InvalidInput: one does not.
    """
    seen = x[:, frames]
    if clip is not None and not bool(((seen >= clip[0]) & (seen <= clip[1])).all()):
        raise InvalidInput(
            "reading --clip",
            f"every value of a disturbed frame lies in {clip[0]!r}..{clip[1]!r}",
            f"values from {float(seen.min())!r} to {float(seen.max())!r}",
            "Widen --clip or scale the data.",
        )
