"""The reciprocal of positive numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from transformers_abs.compilation import kernel
from transformers_abs.rounding import next_down, next_up, ulps
from transformers_abs.univariate._sections import Floored
from transformers_abs.univariate._smooth import Shape, enclosures

_LEAST: float = 2.0**-300
"""Least argument; cubes of its reciprocal are finite."""


@kernel
def reciprocal_point(x, parameters):
    floor, limited = parameters
    if x < floor and limited == 0.0:
        return np.nan, np.nan, np.nan
    value = 1.0 / max(x, floor)
    return value, max(0.0, next_down(value)), next_up(value)


@kernel
def reciprocal_derivative(section, x, parameters):
    if section == 0:
        return 0.0, 0.0
    value = 1.0 / x
    square = value * value
    return -square, ulps(square, 3.0)


@kernel
def reciprocal_touch(section, slope, parameters):
    return np.sqrt(-1.0 / slope) if slope < 0.0 else np.inf


@kernel
def reciprocal_bends(section, low, high, parameters):
    if section == 0:
        return 0.0, 0.0
    far, near = 1.0 / high, 1.0 / low
    return 2.0 * far * far * far * (1.0 - 1e-12), 2.0 * near * near * near * (1.0 + 1e-12) + 1e-322


@kernel
def reciprocal_layout(parameters):
    return parameters[0], np.inf, (0.0, 1.0, 0.0), -1.0


_SHAPE = Shape(reciprocal_point, reciprocal_derivative, reciprocal_touch, reciprocal_bends, reciprocal_layout)
_KERNELS = enclosures("reciprocal", _SHAPE)


class Reciprocal(Floored):
    """``f(x) = 1 / x`` for x >= 2^-300; with a ``floor``, ``f(max(x, floor))`` for every x.

    >>> float(RECIPROCAL.value(4.0)), float(Reciprocal(floor=1.0).value(0.5))
    (0.25, 1.0)

    Raises:
        ValueError: the floor is nan, infinite or below 2^-300.
    """

    name = "reciprocal"
    least = _LEAST
    kernels = _KERNELS

    def above(self, x: Any, xp: Any) -> Any:
        return 1.0 / x


RECIPROCAL = Reciprocal()
