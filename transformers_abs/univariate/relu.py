"""The rectifier and its leaky form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from transformers_abs._protocol import Quadratic, Region, Residual, ScalarKernel, Transformer
from transformers_abs.compilation import kernel
from transformers_abs.univariate import _secants
from transformers_abs.univariate._kernels import piecewise


@kernel
def _secant(low, high, parameters):
    return _secants.piecewise(parameters[0], low, high)


@dataclass(frozen=True)
class Relu(Transformer):
    """``f(x) = max(x, 0)``.

    >>> RELU.value(np.array([-2.0, 3.0])).tolist()
    [0.0, 3.0]
    """

    name = "relu"
    arity = 1

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        return xp.clip(arguments[0], 0.0, None)

    def residual(self, slopes: np.ndarray, region: Region, quadratic: Quadratic | None = None) -> Residual:
        return piecewise(self.name, 0.0, slopes, region, quadratic)

    def scalar(self) -> ScalarKernel:
        return ScalarKernel(_secant)


@dataclass(frozen=True)
class LeakyRelu(Transformer):
    """``f(x) = x`` for x >= 0 and ``alpha x`` for x < 0; any finite ``alpha``, negative and above 1 included.

    >>> LeakyRelu(0.5).value(np.array([-2.0, 3.0])).tolist()
    [-1.0, 3.0]

    Raises:
        ValueError: ``alpha`` is nan or infinite.
    """

    alpha: float = 0.01

    name = "leaky_relu"
    arity = 1

    def __post_init__(self) -> None:
        if not math.isfinite(self.alpha):
            raise ValueError(f"LeakyRelu: alpha is finite; got {self.alpha!r}")

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        x = arguments[0]
        return xp.clip(x, 0.0, None) + self.alpha * xp.clip(x, None, 0.0)

    def residual(self, slopes: np.ndarray, region: Region, quadratic: Quadratic | None = None) -> Residual:
        return piecewise(self.name, self.alpha, slopes, region, quadratic)

    def scalar(self) -> ScalarKernel:
        return ScalarKernel(_secant, (self.alpha, 0.0))


RELU = Relu()
