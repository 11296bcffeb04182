"""One by the square root, of positive numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from transformers_abs.compilation import kernel
from transformers_abs.rounding import next_down, next_up, ulps
from transformers_abs.univariate._sections import Floored
from transformers_abs.univariate._smooth import Shape, enclosures

_LEAST: float = 2.0**-300
"""Least argument; powers of its reciprocal are finite."""


@kernel
def rsqrt_point(x, parameters):
    floor, limited = parameters
    if x < floor and limited == 0.0:
        return np.nan, np.nan, np.nan
    value = 1.0 / np.sqrt(max(x, floor))
    error = ulps(value, 2.0)
    return value, max(0.0, next_down(value - error)), next_up(value + error)


@kernel
def rsqrt_derivative(section, x, parameters):
    if section == 0:
        return 0.0, 0.0
    value = 1.0 / np.sqrt(x)
    cube = 0.5 * value * value * value
    return -cube, ulps(cube, 8.0)


@kernel
def rsqrt_touch(section, slope, parameters):
    return (-2.0 * slope) ** (-2.0 / 3.0) if slope < 0.0 else np.inf


@kernel
def rsqrt_bends(section, low, high, parameters):
    if section == 0:
        return 0.0, 0.0
    far, near = 1.0 / np.sqrt(high), 1.0 / np.sqrt(low)
    least, most = 0.75 * far * (far * far) * (far * far), 0.75 * near * (near * near) * (near * near)
    return least * (1.0 - 1e-12), most * (1.0 + 1e-12) + 1e-322


@kernel
def rsqrt_layout(parameters):
    return parameters[0], np.inf, (0.0, 1.0, 0.0), -1.0


_SHAPE = Shape(rsqrt_point, rsqrt_derivative, rsqrt_touch, rsqrt_bends, rsqrt_layout)
_KERNELS = enclosures("rsqrt", _SHAPE)


class Rsqrt(Floored):
    """``f(x) = 1 / sqrt(x)`` for x >= 2^-300; with a ``floor``, ``f(max(x, floor))`` for every x.

    >>> float(RSQRT.value(4.0)), float(Rsqrt(floor=1.0).value(0.5))
    (0.5, 1.0)

    Raises:
        ValueError: the floor is nan, infinite or below 2^-300.
    """

    name = "rsqrt"
    least = _LEAST
    kernels = _KERNELS

    def above(self, x: Any, xp: Any) -> Any:
        return 1.0 / xp.sqrt(x)


RSQRT = Rsqrt()
