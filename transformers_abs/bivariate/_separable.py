"""What the products of two factors share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from transformers_abs import _validate
from transformers_abs._bounding import IDENTITY, SIGMOID, TANH, enclose_separable
from transformers_abs._protocol import Quadratic, Region, Residual, Transformer

_FACTORS: dict[str, tuple[int, Callable[[Any, Any], Any]]] = {
    "identity": (IDENTITY, lambda x, xp: x),
    "sigmoid": (SIGMOID, lambda x, xp: 0.5 * (1.0 + xp.tanh(0.5 * x))),
    "tanh": (TANH, lambda x, xp: xp.tanh(x)),
}


@dataclass(frozen=True)
class SeparableProduct(Transformer):
    """``f(x, y) = p(x) q(y)``, enclosed to about a percent of the best offsets (:mod:`transformers_abs._bounding`).

    Parameters
    ----------
    name: how reports and messages call it.
    factors: (p, q), each ``"identity"``, ``"sigmoid"`` or ``"tanh"``.

    Raises
    ------
    ValueError: an unknown factor.

    >>> SeparableProduct("square wave", ("identity", "sign"))
    Traceback (most recent call last):
    ...
    ValueError: square wave: factors are two of identity, sigmoid, tanh; got ('identity', 'sign')
    """

    name: str
    factors: tuple[str, str]
    arity: int = 2

    def __post_init__(self) -> None:
        if len(self.factors) != 2 or any(factor not in _FACTORS for factor in self.factors):
            raise ValueError(f"{self.name}: factors are two of {', '.join(_FACTORS)}; got {self.factors}")

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        x, y = arguments
        return _FACTORS[self.factors[0]][1](x, xp) * _FACTORS[self.factors[1]][1](y, xp)

    def residual(self, slopes: np.ndarray, region: Region, quadratic: Quadratic | None = None) -> Residual:
        _validate.arguments(self.name, 2, slopes, region, quadratic)
        kinds = (_FACTORS[self.factors[0]][0], _FACTORS[self.factors[1]][0])
        return _validate.finite_bounds(self.name, enclose_separable(kinds, slopes, region, quadratic))
