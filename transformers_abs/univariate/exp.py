"""The exponential, as it is and with a ceiling on its argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from transformers_abs._protocol import LARGEST, ScalarKernel
from transformers_abs.compilation import kernel
from transformers_abs.rounding import exp_error, next_down, next_up
from transformers_abs.univariate._sections import Sectioned
from transformers_abs.univariate._smooth import Shape, enclosures

_CEILING: float = 700.0
"""Largest argument, about where exp overflows."""


@kernel
def exp_point(x, parameters):
    ceiling, limited = parameters
    if x > ceiling and limited == 0.0:
        return np.nan, np.nan, np.nan
    value = np.exp(min(x, ceiling))
    error = exp_error(value)
    return value, max(0.0, next_down(value - error)), next_up(value + error)


@kernel
def exp_derivative(section, x, parameters):
    if section > 0:
        return 0.0, 0.0
    value = np.exp(x)
    return value, exp_error(value)


@kernel
def exp_touch(section, slope, parameters):
    return np.log(slope) if slope > 0.0 else -np.inf


@kernel
def exp_bends(section, low, high, parameters):
    if section > 0:
        return 0.0, 0.0
    return exp_point(low, parameters)[1], exp_point(high, parameters)[2]


@kernel
def exp_layout(parameters):
    return parameters[0], np.inf, (1.0, 0.0, 0.0), 1.0


_SHAPE = Shape(exp_point, exp_derivative, exp_touch, exp_bends, exp_layout)
_KERNELS = enclosures("exp", _SHAPE)


@dataclass(frozen=True)
class Exp(Sectioned):
    """``f(x) = exp(x)`` for x <= 700; with a ``ceiling``, ``exp(min(x, ceiling))`` for every x.

    >>> float(EXP.value(0.0)), float(Exp(ceiling=0.0).value(3.0))
    (1.0, 1.0)

    Raises:
        ValueError: the ceiling is nan or above 700.
    """

    ceiling: float | None = None

    name = "exp"
    arity = 1
    kernels = _KERNELS

    def __post_init__(self) -> None:
        if self.ceiling is not None and not abs(self.ceiling) <= _CEILING:
            raise ValueError(f"Exp: the ceiling lies in [-{_CEILING:g}, {_CEILING:g}]; got {self.ceiling!r}")

    @property
    def domain(self) -> tuple[float, float]:  # type: ignore[override]
        return (-LARGEST, _CEILING if self.ceiling is None else LARGEST)

    @property
    def parameters(self) -> tuple[float, float]:
        return (_CEILING, 0.0) if self.ceiling is None else (self.ceiling, 1.0)

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        x = arguments[0]
        return xp.exp(x if self.ceiling is None else xp.clip(x, None, self.ceiling))

    def scalar(self) -> ScalarKernel:
        return ScalarKernel(self.kernels.secant, self.parameters)


EXP = Exp()
