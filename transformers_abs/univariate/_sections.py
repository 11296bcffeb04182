"""The transformers made of :mod:`._smooth` kernels: from a checked region to what encloses it."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from transformers_abs import _validate
from transformers_abs._protocol import Quadratic, Region, Residual, ScalarKernel, Transformer
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
