"""The square root."""

from __future__ import annotations

from typing import Any

import numpy as np

from transformers_abs.compilation import kernel
from transformers_abs.rounding import next_down, next_up, ulps
from transformers_abs.univariate._sections import Floored
from transformers_abs.univariate._smooth import Shape, enclosures

_LEAST: float = 0.0
"""Least argument."""


@kernel
def sqrt_point(x, parameters):
    floor, limited = parameters
    if x < floor and limited == 0.0:
        return np.nan, np.nan, np.nan
    argument = max(x, floor)
    if argument == 0.0:
        return 0.0, 0.0, 0.0
    value = np.sqrt(argument)
    return value, max(0.0, next_down(value)), next_up(value)


@kernel
def sqrt_derivative(section, x, parameters):
    if section == 0:
        return 0.0, 0.0
    value = 0.5 / np.sqrt(x)
    return value, ulps(value, 2.0)


@kernel
def sqrt_touch(section, slope, parameters):
    # the slope at 0 is infinite: a tangent has to touch above
    return max(0.25 / (slope * slope), 1e-300) if slope > 0.0 else np.inf


@kernel
def sqrt_bends(section, low, high, parameters):
    if section == 0:
        return 0.0, 0.0
    far = 1.0 / np.sqrt(high)
    near = 1.0 / np.sqrt(low) if low > 0.0 else np.inf
    return -0.25 * near * near * near * (1.0 + 1e-12), -0.25 * far * far * far * (1.0 - 1e-12)


@kernel
def sqrt_layout(parameters):
    return parameters[0], np.inf, (0.0, -1.0, 0.0), 1.0


_SHAPE = Shape(sqrt_point, sqrt_derivative, sqrt_touch, sqrt_bends, sqrt_layout)
_KERNELS = enclosures("sqrt", _SHAPE)


class Sqrt(Floored):
    """``f(x) = sqrt(x)`` for x >= 0; with a ``floor``, ``f(max(x, floor))`` for every x.

    >>> float(SQRT.value(4.0)), float(Sqrt(floor=1.0).value(0.5))
    (2.0, 1.0)

    Raises:
        ValueError: the floor is nan, infinite or below 0.
    """

    name = "sqrt"
    least = _LEAST
    kernels = _KERNELS

    def above(self, x: Any, xp: Any) -> Any:
        return xp.sqrt(x if self.floor is None else xp.clip(x, 1e-300, None))


SQRT = Sqrt()
