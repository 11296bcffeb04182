"""The rational sigmoid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from transformers_abs._protocol import ScalarKernel
from transformers_abs.compilation import kernel
from transformers_abs.rounding import next_down, next_up, ulps
from transformers_abs.univariate._sections import Sectioned
from transformers_abs.univariate._smooth import Shape, enclosures


@kernel
def softsign_point(x, parameters):
    value = x / (1.0 + abs(x))
    error = ulps(value, 2.0)
    return value, max(-1.0, next_down(value - error)), min(1.0, next_up(value + error))


@kernel
def softsign_derivative(section, x, parameters):
    inverse = 1.0 / (1.0 + abs(x))
    value = inverse * inverse
    return value, ulps(value, 5.0)


@kernel
def softsign_touch(section, slope, parameters):
    """``1 / sqrt(slope) - 1``, without cancellation."""
    if slope <= 0.0:
        return -np.inf if section == 0 else np.inf
    root = np.sqrt(slope)
    z = (1.0 - slope) / (root * (1.0 + root)) if slope < 1.0 else 0.0
    return -z if section == 0 else z


@kernel
def softsign_bends(section, low, high, parameters):
    """``2 / (1 + |x|)^3``, of the sign of -x."""
    near, far = 1.0 / (1.0 + min(abs(low), abs(high))), 1.0 / (1.0 + max(abs(low), abs(high)))
    most, least = 2.0 * near * near * near * (1.0 + 1e-12) + 1e-322, 2.0 * far * far * far * (1.0 - 1e-12)
    return (least, most) if section == 0 else (-most, -least)


@kernel
def softsign_layout(parameters):
    return 0.0, np.inf, (1.0, -1.0, 0.0), 1.0


_SHAPE = Shape(softsign_point, softsign_derivative, softsign_touch, softsign_bends, softsign_layout)
_KERNELS = enclosures("softsign", _SHAPE)


@dataclass(frozen=True)
class Softsign(Sectioned):
    """``f(x) = x / (1 + |x|)``.

    >>> float(SOFTSIGN.value(-1.0))
    -0.5
    """

    name = "softsign"
    arity = 1
    kernels = _KERNELS

    @property
    def parameters(self) -> tuple[float, float]:
        return 0.0, 0.0

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        return arguments[0] / (1.0 + xp.abs(arguments[0]))

    def scalar(self) -> ScalarKernel:
        return ScalarKernel(self.kernels.secant, self.parameters)


SOFTSIGN = Softsign()
