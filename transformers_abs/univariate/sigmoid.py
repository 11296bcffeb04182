"""The logistic function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from transformers_abs._protocol import Quadratic, Region, Residual, ScalarKernel, Transformer
from transformers_abs.compilation import kernel
from transformers_abs.univariate import _secants
from transformers_abs.univariate._kernels import s_shaped
from transformers_abs.univariate.s_shaped import SIGMOID_KIND


@kernel
def _secant(low, high, parameters):
    return _secants.s_shaped(SIGMOID_KIND, low, high)


@dataclass(frozen=True)
class Sigmoid(Transformer):
    """``f(x) = 1 / (1 + exp(-x))``.

    >>> float(SIGMOID.value(0.0))
    0.5
    """

    name = "sigmoid"
    arity = 1

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        # Not 1 / (1 + exp(-x)): its automatic derivative is nan once exp overflows.
        return 0.5 * (1.0 + xp.tanh(0.5 * arguments[0]))

    def residual(self, slopes: np.ndarray, region: Region, quadratic: Quadratic | None = None) -> Residual:
        return s_shaped(self.name, SIGMOID_KIND, slopes, region, quadratic)

    def scalar(self) -> ScalarKernel:
        return ScalarKernel(_secant)


SIGMOID = Sigmoid()
