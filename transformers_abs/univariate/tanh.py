"""The hyperbolic tangent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from transformers_abs._protocol import Quadratic, Region, Residual, ScalarKernel, Transformer
from transformers_abs.compilation import kernel
from transformers_abs.univariate import _secants
from transformers_abs.univariate._kernels import s_shaped
from transformers_abs.univariate.s_shaped import TANH_KIND


@kernel
def _secant(low, high, parameters):
    return _secants.s_shaped(TANH_KIND, low, high)


@dataclass(frozen=True)
class Tanh(Transformer):
    """``f(x) = tanh(x)``.

    >>> from transformers_abs import Region
    >>> box = Region(np.array([[-1.0]]), np.array([[1.0]]))
    >>> enclosure = TANH.residual(np.array([[0.8]]), box)
    >>> round(float(enclosure.lower[0]), 4), round(float(enclosure.upper[0]), 4)
    (-0.0622, 0.0622)
    """

    name = "tanh"
    arity = 1

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        return xp.tanh(arguments[0])

    def residual(self, slopes: np.ndarray, region: Region, quadratic: Quadratic | None = None) -> Residual:
        return s_shaped(self.name, TANH_KIND, slopes, region, quadratic)

    def scalar(self) -> ScalarKernel:
        return ScalarKernel(_secant)


TANH = Tanh()
