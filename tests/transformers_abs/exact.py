"""The truth that enclosures are tested against: 60-digit arithmetic, and a fast filter in extended precision.

``residual`` evaluates ``f(x) - slopes . x - q(x)`` at one point to 60 digits beyond any cancellation of its
terms. ``extended`` does so for many points in numpy's longdouble, with a bound on its own error, so that
only near-ties need 60 digits.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from transformers_abs import DIRECTIONS, Quadratic, Region, Transformer

DIGITS = 60
CONTEXT = mpmath.mp.clone()
CONTEXT.dps = DIGITS


def _sigmoid(x: mpmath.mpf) -> mpmath.mpf:
    if x >= 0:
        return 1 / (1 + CONTEXT.exp(-x))
    e = CONTEXT.exp(x)
    return e / (1 + e)


def _leaky(transformer: Transformer, x: mpmath.mpf) -> mpmath.mpf:
    return x if x >= 0 else CONTEXT.mpf(transformer.alpha) * x  # type: ignore[attr-defined]


FUNCTIONS: dict[str, Callable[..., mpmath.mpf]] = {
    "tanh": lambda _, x: CONTEXT.tanh(x),
    "sigmoid": lambda _, x: _sigmoid(x),
    "relu": lambda _, x: max(x, CONTEXT.mpf(0)),
    "leaky_relu": _leaky,
    "sigmoid_tanh": lambda _, x, y: _sigmoid(x) * CONTEXT.tanh(y),
    "mul_sigmoid": lambda _, x, y: x * _sigmoid(y),
    "product": lambda _, x, y: x * y,
}
"""60-digit value of each transformer by its ``name``: (transformer, *arguments) -> value."""


def value(transformer: Transformer, *point: float) -> mpmath.mpf:
    """``f(point)`` to 60 digits."""
    return FUNCTIONS[transformer.name](transformer, *(CONTEXT.mpf(float(x)) for x in point))


def residual(
    transformer: Transformer,
    point: np.ndarray,
    slopes: np.ndarray,
    quadratic: Quadratic | None = None,
    index: int = 0,
) -> mpmath.mpf:
    """``f - slopes . x - q`` at ``point`` (arity,), slopes (arity,), with the quadratic of region ``index``.

    The polynomial part is exact (rational); only ``f`` and the last difference are rounded, to 60 digits.
    """
    polynomial = Fraction(0)
    for a, x in zip(slopes, point, strict=True):
        polynomial += Fraction(float(a)) * Fraction(float(x))
    if quadratic is not None:
        polynomial += _quadratic(quadratic, index, point)
    rational = CONTEXT.mpf(polynomial.numerator) / CONTEXT.mpf(polynomial.denominator)
    return value(transformer, *point) - rational


def _quadratic(quadratic: Quadratic, index: int, point: np.ndarray) -> Fraction:
    e = [
        (Fraction(float(x)) - Fraction(float(m))) * Fraction(float(s))
        for x, m, s in zip(point, quadratic.center[:, index], quadratic.scale[:, index], strict=True)
    ]
    c = [Fraction(float(x)) for x in quadratic.coefficients[:, index]]
    if len(e) == 1:
        return c[0] * e[0] ** 2
    return c[0] * e[0] ** 2 + 2 * c[1] * e[0] * e[1] + c[2] * e[1] ** 2


def inside(region: Region, index: int, point: np.ndarray) -> bool:
    """Whether ``point`` (arity,) lies in box ``index`` and satisfies its cuts, decided in exact
    arithmetic."""
    if not ((region.lower[:, index] <= point) & (point <= region.upper[:, index])).all():
        return False
    cuts = region.cuts
    if cuts is None:
        return True
    e = [
        (Fraction(float(x)) - Fraction(float(m))) * Fraction(float(s))
        for x, m, s in zip(point, cuts.center[:, index], cuts.scale[:, index], strict=True)
    ]
    return all(
        width == np.inf
        or abs(Fraction(float(d[0])) * e[0] + Fraction(float(d[1])) * e[1]) <= Fraction(float(width))
        for d, width in zip(DIRECTIONS, cuts.width[:, index], strict=True)
    )


def _extended_sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def _extended_leaky(transformer: Transformer, x: Any) -> Any:
    return np.where(x >= 0, x, np.longdouble(transformer.alpha) * x)  # type: ignore[attr-defined]


EXTENDED: dict[str, Callable[..., Any]] = {
    "tanh": lambda _, x: np.tanh(x),
    "sigmoid": lambda _, x: _extended_sigmoid(x),
    "relu": lambda _, x: np.maximum(x, 0),
    "leaky_relu": _extended_leaky,
    "sigmoid_tanh": lambda _, x, y: _extended_sigmoid(x) * np.tanh(y),
    "mul_sigmoid": lambda _, x, y: x * _extended_sigmoid(y),
    "product": lambda _, x, y: x * y,
}

EXTENDED_ERROR = 64 * float(np.finfo(np.longdouble).eps)
"""Relative error granted to each term of an extended residual: a few roundings and libm's few ulps, times
ten."""


def extended(
    transformer: Transformer, points: np.ndarray, slopes: np.ndarray, quadratic: Quadratic | None = None
) -> tuple[Any, Any]:
    """Residuals at ``points`` (arity, N, P) for slopes (arity, N) in longdouble, and bounds on their
    absolute errors.

    Both results have shape (N, P). Where a result is not finite the error is infinite.
    """
    x = points.astype(np.longdouble)
    f = EXTENDED[transformer.name](transformer, *x)
    total, size = f, np.abs(f)
    terms = [-slopes[k, :, None].astype(np.longdouble) * x[k] for k in range(len(x))]
    if quadratic is not None:
        terms += _extended_quadratic(quadratic, x)
    for term in terms:
        total = total + term
        size = size + np.abs(term)
    error = size * EXTENDED_ERROR + np.longdouble(1e-320)
    return total, np.where(np.isfinite(total), error, np.longdouble(np.inf))


def _extended_quadratic(quadratic: Quadratic, x: Any) -> list[Any]:
    e = (x - quadratic.center[:, :, None]) * quadratic.scale[:, :, None].astype(np.longdouble)
    c = quadratic.coefficients[:, :, None].astype(np.longdouble)
    if len(e) == 1:
        return [-c[0] * e[0] ** 2]
    return [-c[0] * e[0] ** 2, -2 * c[1] * e[0] * e[1], -c[2] * e[1] ** 2]
