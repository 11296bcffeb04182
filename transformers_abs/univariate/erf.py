"""The error function."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from transformers_abs._protocol import ScalarKernel
from transformers_abs.compilation import kernel
from transformers_abs.rounding import ERF_ULPS, next_down, next_up, ulps
from transformers_abs.univariate._sections import Sectioned
from transformers_abs.univariate._smooth import Shape, enclosures

_STEEPEST: float = 2.0 / math.sqrt(math.pi)
_PEAK: float = 0.967883  # of |f''|: 4 / sqrt(2 e pi) = 0.96788288.., at |x| = 1 / sqrt 2


@kernel
def erf_point(x, parameters):
    value = math.erf(x)
    error = ulps(value, ERF_ULPS)
    return value, max(-1.0, next_down(value - error)), min(1.0, next_up(value + error))


@kernel
def erf_derivative(section, x, parameters):
    """``2 / sqrt(pi) exp(-x^2)``: the rounding of x^2, half an ulp of it, moves the exponential by as much; exp, the
    constant and a product on top."""
    square = min(x * x, 800.0)
    value = _STEEPEST * np.exp(-square)
    return value, ulps(value, 8.0 + square)


@kernel
def erf_touch(section, slope, parameters):
    if slope <= 0.0:
        return -np.inf if section == 0 else np.inf
    share = slope / _STEEPEST
    z = np.sqrt(-np.log(share)) if share < 1.0 else 0.0
    return -z if section == 0 else z


@kernel
def erf_bends(section, low, high, parameters):
    """``f'' = -2 x f'``, whose size rises up to ``|x| = 1 / sqrt 2`` and then falls."""
    near, far = min(abs(low), abs(high)), max(abs(low), abs(high))
    one = 2.0 * near * _STEEPEST * np.exp(-near * near)
    two = 2.0 * far * _STEEPEST * np.exp(-far * far) if far < 30.0 else 0.0
    least = min(one, two) * (1.0 - 1e-11)
    most = max(one, two) * (1.0 + 1e-11) + 1e-322
    if near <= 0.7072 and far >= 0.7071:
        most = _PEAK
    return (least, most) if section == 0 else (-most, -least)


@kernel
def erf_layout(parameters):
    return 0.0, np.inf, (1.0, -1.0, 0.0), 1.0


_SHAPE = Shape(erf_point, erf_derivative, erf_touch, erf_bends, erf_layout)
_KERNELS = enclosures("erf", _SHAPE)


@dataclass(frozen=True)
class Erf(Sectioned):
    """``f(x) = 2 / sqrt(pi) * integral of exp(-t^2) over [0, x]``.

    >>> float(ERF.value(0.0))
    0.0
    """

    name = "erf"
    arity = 1
    kernels = _KERNELS

    @property
    def parameters(self) -> tuple[float, float]:
        return 0.0, 0.0

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        return (special if xp is np else xp).erf(arguments[0])

    def scalar(self) -> ScalarKernel:
        return ScalarKernel(self.kernels.secant, self.parameters)


ERF = Erf()
