"""The exponential linear unit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from transformers_abs._protocol import ScalarKernel
from transformers_abs.compilation import kernel
from transformers_abs.rounding import EXP_ULPS, next_down, next_up, ulps
from transformers_abs.univariate._sections import Sectioned
from transformers_abs.univariate._smooth import Shape, enclosures


@kernel
def elu_point(x, parameters):
    if x >= 0.0:
        return x, x, x
    value = parameters[0] * np.expm1(x)
    error = ulps(value, EXP_ULPS + 1.0)
    return value, next_down(value - error), next_up(value + error)


@kernel
def elu_derivative(section, x, parameters):
    if section > 0:
        return 1.0, 0.0
    value = parameters[0] * np.exp(x)
    return value, ulps(value, EXP_ULPS + 1.0)


@kernel
def elu_touch(section, slope, parameters):
    share = slope / parameters[0] if parameters[0] != 0.0 else 0.0
    return np.log(share) if share > 0.0 else -np.inf


@kernel
def elu_bends(section, low, high, parameters):
    if section > 0:
        return 0.0, 0.0
    one, two = parameters[0] * np.exp(low), parameters[0] * np.exp(high)
    least, most = min(one, two), max(one, two)
    return least - abs(least) * 1e-12 - 1e-322, most + abs(most) * 1e-12 + 1e-322


@kernel
def elu_layout(parameters):
    bent = 1.0 if parameters[0] > 0.0 else (-1.0 if parameters[0] < 0.0 else 0.0)
    return 0.0, np.inf, (bent, 0.0, 0.0), (1.0 if parameters[0] >= 0.0 else 0.0)


_SHAPE = Shape(elu_point, elu_derivative, elu_touch, elu_bends, elu_layout)
_KERNELS = enclosures("elu", _SHAPE)


@dataclass(frozen=True)
class Elu(Sectioned):
    """``f(x) = x`` for x >= 0 and ``alpha (exp(x) - 1)`` for x < 0; any finite ``alpha``.

    >>> Elu(0.5).value(np.array([-800.0, 3.0])).tolist()
    [-0.5, 3.0]

    Raises:
        ValueError: ``alpha`` is nan or infinite.
    """

    alpha: float = 1.0

    name = "elu"
    arity = 1
    kernels = _KERNELS

    def __post_init__(self) -> None:
        if not math.isfinite(self.alpha):
            raise ValueError(f"Elu: alpha is finite; got {self.alpha!r}")

    @property
    def parameters(self) -> tuple[float, float]:
        return self.alpha, 0.0

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        x = arguments[0]
        return xp.where(x >= 0.0, x, self.alpha * xp.expm1(xp.clip(x, None, 0.0)))

    def scalar(self) -> ScalarKernel:
        return ScalarKernel(self.kernels.secant, self.parameters)
