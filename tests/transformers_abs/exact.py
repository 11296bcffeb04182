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
from scipy import special

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


def _elu(transformer: Transformer, x: mpmath.mpf) -> mpmath.mpf:
    return x if x >= 0 else CONTEXT.mpf(transformer.alpha) * CONTEXT.expm1(x)  # type: ignore[attr-defined]


def _gelu(_: Transformer, x: mpmath.mpf) -> mpmath.mpf:
    return x * CONTEXT.erfc(-x / CONTEXT.sqrt(2)) / 2


def _softplus(_: Transformer, x: mpmath.mpf) -> mpmath.mpf:
    return max(x, CONTEXT.mpf(0)) + CONTEXT.log1p(CONTEXT.exp(-abs(x)))


def _limited(transformer: Transformer, x: mpmath.mpf) -> mpmath.mpf:
    """The argument with the function's own floor or ceiling."""
    ceiling, floor = getattr(transformer, "ceiling", None), getattr(transformer, "floor", None)
    x = x if ceiling is None else min(x, CONTEXT.mpf(ceiling))
    return x if floor is None else max(x, CONTEXT.mpf(floor))


FUNCTIONS: dict[str, Callable[..., mpmath.mpf]] = {
    "tanh": lambda _, x: CONTEXT.tanh(x),
    "sigmoid": lambda _, x: _sigmoid(x),
    "relu": lambda _, x: max(x, CONTEXT.mpf(0)),
    "leaky_relu": _leaky,
    "exp": lambda t, x: CONTEXT.exp(_limited(t, x)),
    "log": lambda t, x: CONTEXT.log(_limited(t, x)),
    "sqrt": lambda t, x: CONTEXT.sqrt(_limited(t, x)),
    "rsqrt": lambda t, x: 1 / CONTEXT.sqrt(_limited(t, x)),
    "reciprocal": lambda t, x: 1 / _limited(t, x),
    "erf": lambda _, x: CONTEXT.erf(x),
    "gelu": _gelu,
    "softplus": _softplus,
    "softsign": lambda _, x: x / (1 + abs(x)),
    "elu": _elu,
    "power": lambda t, x: x**t.exponent,  # type: ignore[attr-defined]
    "step": lambda t, x: CONTEXT.mpf(x > 0 or (t.inclusive and x == 0)),  # type: ignore[attr-defined]
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


def _extended_limited(transformer: Transformer, x: Any) -> Any:
    ceiling, floor = getattr(transformer, "ceiling", None), getattr(transformer, "floor", None)
    x = x if ceiling is None else np.minimum(x, np.longdouble(ceiling))
    return x if floor is None else np.maximum(x, np.longdouble(floor))


def _extended_elu(transformer: Transformer, x: Any) -> Any:
    return np.where(x >= 0, x, np.longdouble(transformer.alpha) * np.expm1(np.minimum(x, 0)))  # type: ignore[attr-defined]


def _double_gelu(_: Transformer, x: Any) -> Any:
    """Two parts from double precision: what cancels for negative x is one number there."""
    return np.longdouble(0.5) * x * special.erfc(-np.asarray(x / np.sqrt(np.longdouble(2)), dtype=np.float64))


EXTENDED: dict[str, Callable[..., Any]] = {
    "tanh": lambda _, x: np.tanh(x),
    "sigmoid": lambda _, x: _extended_sigmoid(x),
    "relu": lambda _, x: np.maximum(x, 0),
    "leaky_relu": _extended_leaky,
    "exp": lambda t, x: np.exp(_extended_limited(t, x)),
    "log": lambda t, x: np.log(_extended_limited(t, x)),
    "sqrt": lambda t, x: np.sqrt(_extended_limited(t, x)),
    "rsqrt": lambda t, x: 1 / np.sqrt(_extended_limited(t, x)),
    "reciprocal": lambda t, x: 1 / _extended_limited(t, x),
    "erf": lambda _, x: special.erf(np.asarray(x, dtype=np.float64)).astype(np.longdouble),
    "gelu": _double_gelu,
    "softplus": lambda _, x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "softsign": lambda _, x: x / (1 + np.abs(x)),
    "elu": _extended_elu,
    "power": lambda t, x: x**t.exponent,  # type: ignore[attr-defined]
    "step": lambda t, x: np.where((x > 0) | ((x == 0) & t.inclusive), np.longdouble(1), np.longdouble(0)),  # type: ignore[attr-defined]
    "sigmoid_tanh": lambda _, x, y: _extended_sigmoid(x) * np.tanh(y),
    "mul_sigmoid": lambda _, x, y: x * _extended_sigmoid(y),
    "product": lambda _, x, y: x * y,
}

EXTENDED_ERROR = 64 * float(np.finfo(np.longdouble).eps)
"""Relative error granted to each term of an extended residual: a few roundings and libm's few ulps, times
ten."""

DOUBLE = {
    "erf": lambda x: 16.0 * np.finfo(np.float64).eps + 0.0 * x,
    "gelu": lambda x: 2.0 * (16.0 + np.minimum(x * x, 1600.0)) * np.finfo(np.float64).eps,
}
"""Relative errors of functions that extended precision does not know, and that are taken from double precision."""


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
    own = size * DOUBLE[transformer.name](x[0]) if transformer.name in DOUBLE else np.longdouble(0)
    terms = [-slopes[k, :, None].astype(np.longdouble) * x[k] for k in range(len(x))]
    if quadratic is not None:
        terms += _extended_quadratic(quadratic, x)
    for term in terms:
        total = total + term
        size = size + np.abs(term)
    error = size * EXTENDED_ERROR + own + np.longdouble(1e-320)
    return total, np.where(np.isfinite(total), error, np.longdouble(np.inf))


def _extended_quadratic(quadratic: Quadratic, x: Any) -> list[Any]:
    e = (x - quadratic.center[:, :, None]) * quadratic.scale[:, :, None].astype(np.longdouble)
    c = quadratic.coefficients[:, :, None].astype(np.longdouble)
    if len(e) == 1:
        return [-c[0] * e[0] ** 2]
    return [-c[0] * e[0] ** 2, -2 * c[1] * e[0] * e[1], -c[2] * e[1] ** 2]
