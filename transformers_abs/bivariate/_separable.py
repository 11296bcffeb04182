"""What the products of two factors share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from transformers_abs import _validate
from transformers_abs._bounding import IDENTITY, SIGMOID, TANH, enclose_separable
from transformers_abs._protocol import Quadratic, Region, Residual, Transformer


@dataclass(frozen=True)
class SeparableProduct(Transformer):
    """``f(x, y) = p(x) q(y)`` with factors p, q among identity, sigmoid and tanh.

    Parameters
    ----------
    name: how reports and messages call it.
    factors: (p, q), each ``"identity"``, ``"sigmoid"`` or ``"tanh"``.
    """

    name: str
    factors: tuple[str, str]
    arity: int = 2

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        p, q = (_FACTORS[factor](x, xp) for factor, x in zip(self.factors, arguments, strict=True))
        return p * q

    def residual(self, slopes: np.ndarray, region: Region, quadratic: Quadratic | None = None) -> Residual:
        _validate.arguments(self.name, 2, slopes, region, quadratic)
        kinds = (_KINDS[self.factors[0]], _KINDS[self.factors[1]])
        return _validate.finite_bounds(self.name, enclose_separable(kinds, slopes, region, quadratic))


_FACTORS: dict[str, Any] = {
    "identity": lambda x, xp: x,
    "sigmoid": lambda x, xp: 0.5 * (1.0 + xp.tanh(0.5 * x)),
    "tanh": lambda x, xp: xp.tanh(x),
}
_KINDS: dict[str, int] = {"identity": IDENTITY, "sigmoid": SIGMOID, "tanh": TANH}
