"""Squares and higher powers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from transformers_abs._protocol import ScalarKernel
from transformers_abs.compilation import kernel
from transformers_abs.rounding import next_down, next_up, ulps
from transformers_abs.univariate._sections import Sectioned
from transformers_abs.univariate._smooth import Shape, enclosures

_MOST: int = 16


@kernel
def _raised(x, exponent):
    """``x^exponent`` in ``exponent - 1`` roundings."""
    value = 1.0
    for _ in range(int(exponent)):
        value = value * x
    return value


@kernel
def _even(exponent):
    return exponent % 2.0 == 0.0


@kernel
def power_point(x, parameters):
    exponent, largest = parameters
    if abs(x) > largest:
        return np.nan, np.nan, np.nan
    if x == 0.0:
        return 0.0, 0.0, 0.0
    value = _raised(x, exponent)
    error = ulps(value, exponent)
    low, high = next_down(value - error), next_up(value + error)
    if x > 0.0 or _even(exponent):
        return value, max(0.0, low), high
    return value, low, min(0.0, high)


@kernel
def power_derivative(section, x, parameters):
    if x == 0.0:
        return 0.0, 0.0
    value = parameters[0] * _raised(x, parameters[0] - 1.0)
    return value, ulps(value, parameters[0] + 1.0)


@kernel
def power_touch(section, slope, parameters):
    exponent = parameters[0]
    if exponent == 2.0:
        return 0.5 * slope
    z = (abs(slope) / exponent) ** (1.0 / (exponent - 1.0))
    if _even(exponent):
        return z if slope > 0.0 else -z
    z = z if slope > 0.0 else 0.0
    return -z if section == 0 else z


@kernel
def power_bends(section, low, high, parameters):
    """``n (n - 1) x^(n - 2)``: even powers are least at 0, odd ones increase."""
    exponent = parameters[0]
    factor = exponent * (exponent - 1.0)
    one, two = factor * _raised(low, exponent - 2.0), factor * _raised(high, exponent - 2.0)
    least, most = min(one, two), max(one, two)
    if low < 0.0 < high and exponent > 2.0:
        least = min(least, 0.0)
    return least - abs(least) * 1e-12 - 1e-322, most + abs(most) * 1e-12 + 1e-322


@kernel
def power_layout(parameters):
    if _even(parameters[0]):
        return np.inf, np.inf, (1.0, 0.0, 0.0), 0.0
    return 0.0, np.inf, (-1.0, 1.0, 0.0), 1.0


_SHAPE = Shape(power_point, power_derivative, power_touch, power_bends, power_layout)
_KERNELS = enclosures("power", _SHAPE)


@dataclass(frozen=True)
class Power(Sectioned):
    """``f(x) = x^exponent`` for a whole exponent of at least 2 and at most 16, and arguments whose powers are finite.

    >>> Power(3).value(np.array([-2.0, 3.0])).tolist()
    [-8.0, 27.0]

    Raises:
        ValueError: another exponent.
    """

    exponent: int = 2

    name = "power"
    arity = 1
    kernels = _KERNELS

    def __post_init__(self) -> None:
        if self.exponent not in range(2, _MOST + 1):
            raise ValueError(f"Power: the exponent is one of 2, .., {_MOST}; got {self.exponent!r}")

    @property
    def domain(self) -> tuple[float, float]:  # type: ignore[override]
        largest = 2.0 ** (900 // self.exponent)
        return (-largest, largest)

    @property
    def parameters(self) -> tuple[float, float]:
        return float(self.exponent), self.domain[1]

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        return arguments[0] ** self.exponent

    def scalar(self) -> ScalarKernel:
        return ScalarKernel(self.kernels.secant, self.parameters)


SQUARE = Power(2)
