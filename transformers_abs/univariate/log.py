"""The natural logarithm of positive numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from transformers_abs.compilation import kernel
from transformers_abs.rounding import LOG_ULPS, next_down, next_up, ulps
from transformers_abs.univariate._sections import Floored
from transformers_abs.univariate._smooth import Shape, enclosures

_LEAST: float = 2.0**-500
"""Least argument; the square of its reciprocal is finite."""


@kernel
def log_point(x, parameters):
    floor, limited = parameters
    if x < floor and limited == 0.0:
        return np.nan, np.nan, np.nan
    value = np.log(max(x, floor))
    error = ulps(value, LOG_ULPS)
    return value, next_down(value - error), next_up(value + error)


@kernel
def log_derivative(section, x, parameters):
    if section == 0:
        return 0.0, 0.0
    value = 1.0 / x
    return value, ulps(value, 1.0)


@kernel
def log_touch(section, slope, parameters):
    return 1.0 / slope if slope > 0.0 else np.inf


@kernel
def log_bends(section, low, high, parameters):
    if section == 0:
        return 0.0, 0.0
    far, near = 1.0 / high, 1.0 / low
    return -near * near * (1.0 + 1e-12) - 1e-322, -far * far * (1.0 - 1e-12)


@kernel
def log_layout(parameters):
    return parameters[0], np.inf, (0.0, -1.0, 0.0), 1.0


_SHAPE = Shape(log_point, log_derivative, log_touch, log_bends, log_layout)
_KERNELS = enclosures("log", _SHAPE)


class Log(Floored):
    """``f(x) = log(x)`` for x >= 2^-500; with a ``floor``, ``f(max(x, floor))`` for every x.

    >>> float(LOG.value(1.0)), float(Log(floor=1.0).value(0.5))
    (0.0, 0.0)

    Raises:
        ValueError: the floor is nan, infinite or below 2^-500.
    """

    name = "log"
    least = _LEAST
    kernels = _KERNELS

    def above(self, x: Any, xp: Any) -> Any:
        return xp.log(x)


LOG = Log()
