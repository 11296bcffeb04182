"""The transformers made of :mod:`._smooth` kernels: from a checked region to what encloses it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from transformers_abs import _validate
from transformers_abs._protocol import LARGEST, Quadratic, Region, Residual, ScalarKernel, Transformer
from transformers_abs.univariate._kernels import _row
from transformers_abs.univariate._smooth import Kernels


class Sectioned(Transformer):
    """A function of at most three convex, concave or linear sections."""

    kernels: ClassVar[Kernels]
    arity = 1

    @property
    @abstractmethod
    def parameters(self) -> tuple[float, float]:
        """What its kernels are told."""

    def residual(self, slopes: np.ndarray, region: Region, quadratic: Quadratic | None = None) -> Residual:
        _validate.arguments(self.name, 1, slopes, region, quadratic, self.domain)
        results = np.empty((4, slopes.shape[1]))
        arguments = self.parameters, _row(slopes), _row(region.lower), _row(region.upper)
        if quadratic is None:
            self.kernels.enclose(*arguments, results)
        else:
            form = np.concatenate([quadratic.coefficients, quadratic.center, quadratic.scale])
            self.kernels.cells(*arguments, form, results)
        return _validate.finite_bounds(self.name, Residual(results[0], results[1], results[2:3], results[3:]))

    def secant(self, region: Region) -> np.ndarray | None:
        slopes = np.empty(region.lower.shape)
        self.kernels.secants(_row(region.lower), _row(region.upper), self.parameters, slopes[0])
        return slopes

    def scalar(self) -> ScalarKernel | None:
        return ScalarKernel(self.kernels.secant, self.parameters)


@dataclass(frozen=True)
class Floored(Sectioned):
    """A function of numbers from ``least`` on; with a ``floor``, ``f(max(x, floor))`` for every x.

    Raises:
        ValueError: the floor is nan, infinite or below ``least``.
    """

    floor: float | None = None

    least: ClassVar[float]
    """The least argument."""

    def __post_init__(self) -> None:
        if self.floor is not None and not self.least <= self.floor <= LARGEST:
            kind = type(self).__name__
            raise ValueError(f"{kind}: the floor is finite and at least {self.least:g}; got {self.floor!r}")

    @property
    def domain(self) -> tuple[float, float]:  # type: ignore[override]
        return (self.least if self.floor is None else -LARGEST, LARGEST)

    @property
    def parameters(self) -> tuple[float, float]:
        return (self.least, 0.0) if self.floor is None else (self.floor, 1.0)

    @abstractmethod
    def above(self, x: Any, xp: Any) -> Any:
        """``f`` in plain floating point, of numbers from ``least`` or the floor on."""

    def value(self, *arguments: Any, xp: Any = np) -> Any:
        return self.above(arguments[0] if self.floor is None else xp.clip(arguments[0], self.floor, None), xp)

    def scalar(self) -> ScalarKernel:
        return ScalarKernel(self.kernels.secant, self.parameters)
