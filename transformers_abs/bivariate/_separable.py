"""What the products of two factors share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from transformers_abs import _validate
from transformers_abs._bounding import IDENTITY, SIGMOID, TANH, enclose_separable
from transformers_abs._protocol import Quadratic, Region, Residual, ScalarKernel, Transformer
from transformers_abs.bivariate._corners import corner_fit
from transformers_abs.univariate.sigmoid import Sigmoid
from transformers_abs.univariate.tanh import Tanh

_FACTORS: dict[str, tuple[int, Callable[[Any, Any], Any]]] = {
    "identity": (IDENTITY, lambda x, xp: x),
    "sigmoid": (SIGMOID, lambda x, xp: 0.5 * (1.0 + xp.tanh(0.5 * x))),
    "tanh": (TANH, lambda x, xp: xp.tanh(x)),
}


@dataclass(frozen=True)
class SeparableProduct(Transformer):
    """``f(x, y) = p(x) q(y)``, enclosed to about a percent of the best offsets (:mod:`transformers_abs._bounding`).

    Args:
        name: how reports and messages call it.
        factors: (p, q), each ``"identity"``, ``"sigmoid"`` or ``"tanh"``.

    Raises:
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
        return _validate.finite_bounds(self.name, enclose_separable(self._kinds, slopes, region, quadratic))

    def scalar(self) -> ScalarKernel:
        return ScalarKernel(corner_fit, self._kinds)

    @property
    def _kinds(self) -> tuple[int, int]:
        """Numbers of the two factors."""
        return _FACTORS[self.factors[0]][0], _FACTORS[self.factors[1]][0]

    def range(self, region: Region) -> Residual:
        """Enclose ``f`` itself from the corners: both factors increase, and their product is extremal at the ends of
        their ranges. Smaller boxes have smaller ranges, which the cells of :meth:`residual` do not promise; with cuts
        the two are intersected."""
        _validate.region(self.name, 2, region)
        rows = [Region(region.lower[k : k + 1], region.upper[k : k + 1]) for k in (0, 1)]
        (p, q) = (_factor_range(factor, row) for factor, row in zip(self.factors, rows, strict=True))
        with np.errstate(over="ignore"):
            corners = np.stack([x * y for x in p for y in q])
        bounds = np.nextafter(corners.min(axis=0), -np.inf), np.nextafter(corners.max(axis=0), np.inf)
        ends = [np.array([row.lower[0], row.upper[0]]) for row in rows]
        at = [
            np.stack([np.where(k // 2, *ends[0][::-1]), np.where(k % 2, *ends[1][::-1])])
            for k in (corners.argmin(axis=0), corners.argmax(axis=0))
        ]
        plain = _validate.finite_bounds(self.name, Residual(*bounds, *at))
        if region.cuts is None:
            return plain
        cut = self.residual(np.zeros_like(region.lower), region)
        lower, upper = np.maximum(plain.lower, cut.lower), np.minimum(plain.upper, cut.upper)
        return Residual(lower, upper, cut.argmin, cut.argmax)


def _factor_range(factor: str, row: Region) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds (N,) of an increasing factor on boxes of one argument."""
    if factor == "identity":
        return row.lower[0], row.upper[0]
    enclosure = (Sigmoid() if factor == "sigmoid" else Tanh()).range(row)
    return enclosure.lower, enclosure.upper
