"""From a checked region to the kernel that encloses it: the glue shared by the functions of one argument."""

from __future__ import annotations

import numpy as np

from transformers_abs import _validate
from transformers_abs._protocol import Quadratic, Region, Residual
from transformers_abs.univariate import _cells
from transformers_abs.univariate import piecewise as _piecewise
from transformers_abs.univariate import s_shaped as shapes


def _row(array: np.ndarray) -> np.ndarray:
    """The only row of a (1, N) array, contiguous so that one compiled kernel serves every caller."""
    return np.ascontiguousarray(array[0])


def _filled(operation: str, kernel, head: tuple, slopes: np.ndarray, region: Region, tail: tuple) -> Residual:
    low, high = np.empty(slopes.shape[1]), np.empty(slopes.shape[1])
    argmin, argmax = np.empty(slopes.shape), np.empty(slopes.shape)
    kernel(
        *head, _row(slopes), _row(region.lower), _row(region.upper), *tail, low, high, argmin[0], argmax[0]
    )
    return _validate.finite_bounds(operation, Residual(low, high, argmin, argmax))


def _form(quadratic: Quadratic) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return _row(quadratic.coefficients), _row(quadratic.center), _row(quadratic.scale)


def s_shaped(
    operation: str, kind: int, slopes: np.ndarray, region: Region, quadratic: Quadratic | None
) -> Residual:
    """Enclose the residual of tanh or sigmoid, by ``kind``; errors as :meth:`Transformer.residual`."""
    _validate.arguments(operation, 1, slopes, region, quadratic)
    if quadratic is None:
        return _filled(operation, shapes.enclose, (kind,), slopes, region, ())
    return _filled(operation, _cells.enclose, (kind, 0.0), slopes, region, _form(quadratic))


def piecewise(
    operation: str, alpha: float, slopes: np.ndarray, region: Region, quadratic: Quadratic | None
) -> Residual:
    """Enclose the residual of the (leaky) rectifier; errors as :meth:`Transformer.residual`."""
    _validate.arguments(operation, 1, slopes, region, quadratic)
    if quadratic is None:
        return _filled(operation, _piecewise.enclose, (alpha,), slopes, region, ())
    return _filled(
        operation, _cells.enclose, (_cells.PIECEWISE_KIND, alpha), slopes, region, _form(quadratic)
    )
