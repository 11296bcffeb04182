"""The Gaussian error linear unit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from transformers_abs._protocol import ScalarKernel
from transformers_abs.compilation import kernel
from transformers_abs.rounding import ERFC_ULPS, TINY, ULP, next_down, next_up, ulps
from transformers_abs.univariate._sections import Sectioned
from transformers_abs.univariate._smooth import Shape, enclosures

_ROOT: float = math.sqrt(0.5)
_DENSITY: float = 1.0 / math.sqrt(2.0 * math.pi)
_TURN: float = math.sqrt(2.0)  # where f'' = density (2 - x^2) changes its sign, up to 1e-16
_STEEPEST: float = 1.128904145464  # f'(sqrt 2)
_TAIL: float = 40.0  # x cdf(x) is below every number from here on


@kernel
def _normal(x):
    """The normal distribution beyond ``|x|``, and its density."""
    return 0.5 * math.erfc(_ROOT * abs(x)), _DENSITY * np.exp(-0.5 * min(x * x, 1600.0))


@kernel
def _slope(x):
    """``cdf + x density``."""
    tail, density = _normal(x)
    return tail + x * density if x < 0.0 else 1.0 - tail + x * density


@kernel
def gelu_point(x, parameters):
    """``0.5 x erfc(-x / sqrt 2)``. The argument of erfc errs by an ulp, which moves erfc(y) by ``2 y^2 + 1 = x^2 + 1``
    ulps where y > 0 (``erfc(y) >= 2 / sqrt(pi) exp(-y^2) / (y + sqrt(y^2 + 2))``), and by less than one elsewhere."""
    value = 0.5 * x * math.erfc(-_ROOT * x)
    count = ERFC_ULPS + 4.0
    if x < 0.0:
        count += min(x * x, 1600.0) + 40.0
    error = ulps(value, count)
    low, high = next_down(value - error), next_up(value + error)
    if x <= 0.0:
        return value, max(low, -0.17004), min(high, 0.0)
    return value, max(low, 0.0), min(high, x)


@kernel
def gelu_derivative(section, x, parameters):
    """``cdf + x density``, the errors of whose terms are those of :func:`gelu_point` and of an exponential. That a
    section is bent otherwise within 1e-16 of its ends changes tangents by less than 1e-31 of a distance."""
    tail, density = _normal(x)
    size, square = tail + abs(x) * density, min(x * x, 1600.0)
    error = (ERFC_ULPS + 10.0 + square) * size + (0.0 if x < 0.0 else 2.0)
    return _slope(x), error * ULP + 64.0 * TINY + 1e-30


@kernel
def gelu_touch(section, slope, parameters):
    """Newton's steps, halving where they leave the bracket."""
    if section == 0:
        if slope >= 0.0:
            return -np.inf
        low, high, rising = -_TAIL, -_TURN, False
    elif section == 1:
        low, high, rising = -_TURN, _TURN, True
    else:
        if slope <= 1.0:
            return np.inf
        low, high, rising = _TURN, _TAIL, False
    if slope >= _STEEPEST or slope <= 1.0 - _STEEPEST:
        return high if (slope >= _STEEPEST) == rising else low if section != 0 else high
    x = 0.5 * low + 0.5 * high
    for _ in range(100):
        excess = _slope(x) - slope
        if (excess > 0.0) == rising:
            high = x
        else:
            low = x
        bend = _normal(x)[1] * (2.0 - x * x)
        step = excess / bend if bend != 0.0 else np.inf
        trial = x - step
        if not low < trial < high:
            trial = 0.5 * low + 0.5 * high
        if abs(trial - x) <= 1e-16 * abs(x) or trial == x:
            return trial
        x = trial
    return x


@kernel
def gelu_bends(section, low, high, parameters):
    """``density (2 - x^2)``, extremal at 0 and 2."""
    near = 0.0 if low <= 0.0 <= high else min(abs(low), abs(high))
    far = max(abs(low), abs(high))
    dense, thin = _normal(near)[1], _normal(far)[1] if far < _TAIL else 0.0
    one, two = dense * (2.0 - near * near), thin * (2.0 - far * far)
    least, most = min(one, two), max(one, two)
    if near <= 2.0 <= far:
        least = min(least, -0.107982)
    error = 1e-11 * (dense * (2.0 + min(near * near, 1600.0))) + 1e-300
    return least - error, most + error


@kernel
def gelu_layout(parameters):
    return -_TURN, _TURN, (-1.0, 1.0, -1.0), 0.0


_SHAPE = Shape(gelu_point, gelu_derivative, gelu_touch, gelu_bends, gelu_layout)
_KERNELS = enclosures("gelu", _SHAPE)


@dataclass(frozen=True)
class Gelu(Sectioned):
    """``f(x) = x (1 + erf(x / sqrt 2)) / 2``.

    >>> float(GELU.value(0.0))
    0.0
    """

    name = "gelu"
    arity = 1
    kernels = _KERNELS

    @property
    def parameters(self) -> tuple[float, float]:
        return 0.0, 0.0

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        x = arguments[0]
        return 0.5 * x * (special if xp is np else xp).erfc(-_ROOT * x)

    def scalar(self) -> ScalarKernel:
        return ScalarKernel(self.kernels.secant, self.parameters)


GELU = Gelu()
