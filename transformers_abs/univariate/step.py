"""The step at 0: what a comparison with a constant computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from transformers_abs import _validate
from transformers_abs._protocol import Quadratic, Region, Residual, ScalarKernel, Transformer
from transformers_abs.compilation import kernel
from transformers_abs.univariate.relu import RELU

TINIEST = float(np.nextafter(0.0, 1.0))
"""The smallest positive number."""


@kernel
def _flat(low, high, parameters):
    """The slope 0: with any other, the residual is as wide, and the function's range wider."""
    inclusive = parameters[0] > 0.0
    above = low > 0.0 or (inclusive and low == 0.0)
    below = high < 0.0 or (not inclusive and high == 0.0)
    least = 1.0 if above else 0.0
    most = 0.0 if below else 1.0
    return 0.0, least, most, least, most


@dataclass(frozen=True)
class Step(Transformer):
    """``f(x) = 1`` for x > 0, with ``inclusive`` for x >= 0, and 0 elsewhere; its derivative is 0 everywhere.

    On either side of 0 it is constant, and there the residual is that of the rectifier's flat side: :data:`RELU` is 0
    for x <= 0, and ``1 + RELU(-x)`` is 1 for x >= 0.

    >>> Step().value(np.array([-2.0, 0.0, 3.0])).tolist(), Step(inclusive=True).value(np.zeros(1)).tolist()
    ([0.0, 0.0, 1.0], [1.0])
    """

    inclusive: bool = False

    name = "step"
    arity = 1

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        x = arguments[0]
        # 0, or nan, in the type of x and with its gradient
        return xp.clip(x, 0.0, 0.0) + (x >= 0.0 if self.inclusive else x > 0.0)

    def residual(self, slopes: np.ndarray, region: Region, quadratic: Quadratic | None = None) -> Residual:
        _validate.arguments(self.name, 1, slopes, region, quadratic)
        low, high = region.lower[0], region.upper[0]
        zero = np.flatnonzero((low < 0.0) if self.inclusive else (low <= 0.0))
        one = np.flatnonzero((high >= 0.0) if self.inclusive else (high > 0.0))
        least, most = np.full(low.shape, np.inf), np.full(low.shape, -np.inf)
        argmin, argmax = np.empty_like(region.lower), np.empty_like(region.upper)
        flat = RELU.residual(
            slopes[:, zero], _box(low[zero], np.minimum(high[zero], 0.0)), _of(quadratic, zero)
        )
        least[zero], most[zero] = flat.lower, flat.upper
        argmin[:, zero], argmax[:, zero] = self._left(flat.argmin), self._left(flat.argmax)
        mirror = _box(-high[one], -np.maximum(low[one], 0.0))
        flat = RELU.residual(-slopes[:, one], mirror, _of(quadratic, one, mirrored=True))
        below, above = _one_and(flat.lower, -np.inf), _one_and(flat.upper, np.inf)
        argmin[:, one] = np.where(below < least[one], self._right(-flat.argmin), argmin[:, one])
        argmax[:, one] = np.where(above > most[one], self._right(-flat.argmax), argmax[:, one])
        least[one], most[one] = np.minimum(below, least[one]), np.maximum(above, most[one])
        return Residual(least, most, argmin, argmax)

    def _left(self, points: np.ndarray) -> np.ndarray:
        """The points, where the function is 0."""
        return np.where((points == 0.0) & self.inclusive, -TINIEST, points)

    def _right(self, points: np.ndarray) -> np.ndarray:
        """The points, where the function is 1."""
        return np.where((points == 0.0) & (not self.inclusive), TINIEST, points)

    def secant(self, region: Region) -> np.ndarray:
        return np.zeros_like(region.lower)

    def scalar(self) -> ScalarKernel:
        return ScalarKernel(_flat, (float(self.inclusive), 0.0))


def _box(lower: np.ndarray, upper: np.ndarray) -> Region:
    return Region(lower[None], upper[None])


def _of(quadratic: Quadratic | None, rows: np.ndarray, mirrored: bool = False) -> Quadratic | None:
    """The quadratics of these regions, or the same numbers as quadratics of -x: ``((-x) - (-m)) s`` has the square of
    ``(x - m) s``."""
    if quadratic is None:
        return None
    center = quadratic.center[:, rows]
    return Quadratic(
        quadratic.coefficients[:, rows], -center if mirrored else center, quadratic.scale[:, rows]
    )


def _one_and(bound: np.ndarray, outward: float) -> np.ndarray:
    """``1 + bound``, rounded outward by a unit where it is not exact."""
    return np.where(bound == 0.0, 1.0, np.nextafter(1.0 + bound, outward))


STEP = Step()
