"""The smooth rectifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from transformers_abs._protocol import ScalarKernel
from transformers_abs.compilation import kernel
from transformers_abs.rounding import EXP_ULPS, LOG_ULPS, next_down, next_up, sigmoid, sigmoid_error, ulps
from transformers_abs.univariate._sections import Sectioned
from transformers_abs.univariate._smooth import Shape, enclosures


@kernel
def softplus_point(x, parameters):
    """``max(x, 0) + log1p(exp(-|x|))``: ``d ln log1p(e) / d ln e <= 1``, so that the errors of both and of a sum of
    positive numbers add up."""
    value = max(x, 0.0) + np.log1p(np.exp(-abs(x)))
    error = ulps(value, EXP_ULPS + LOG_ULPS + 2.0)
    return value, max(max(x, 0.0), next_down(value - error)), next_up(value + error)


@kernel
def softplus_derivative(section, x, parameters):
    value = sigmoid(x)
    return value, sigmoid_error(value)


@kernel
def softplus_touch(section, slope, parameters):
    if slope <= 0.0:
        return -np.inf
    return np.log(slope) - np.log1p(-slope) if slope < 1.0 else np.inf


@kernel
def softplus_bends(section, low, high, parameters):
    """``sigmoid (1 - sigmoid)`` falls away from 0."""
    near = 0.0 if low <= 0.0 <= high else min(abs(low), abs(high))
    e, f = np.exp(-max(abs(low), abs(high))), np.exp(-near)
    least, most = e / ((1.0 + e) * (1.0 + e)), f / ((1.0 + f) * (1.0 + f))
    return least * (1.0 - 1e-12), most * (1.0 + 1e-12) + 1e-322


@kernel
def softplus_layout(parameters):
    return np.inf, np.inf, (1.0, 0.0, 0.0), 1.0


_SHAPE = Shape(softplus_point, softplus_derivative, softplus_touch, softplus_bends, softplus_layout)
_KERNELS = enclosures("softplus", _SHAPE)


@dataclass(frozen=True)
class Softplus(Sectioned):
    """``f(x) = log(1 + exp(x))``.

    >>> round(float(SOFTPLUS.value(0.0)), 6)
    0.693147
    """

    name = "softplus"
    arity = 1
    kernels = _KERNELS

    @property
    def parameters(self) -> tuple[float, float]:
        return 0.0, 0.0

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        return xp.logaddexp(arguments[0], xp.zeros_like(arguments[0]))

    def scalar(self) -> ScalarKernel:
        return ScalarKernel(self.kernels.secant, self.parameters)


SOFTPLUS = Softplus()
