"""Enclosures of functions that consist of at most three convex, concave or linear sections, whatever the function.

On a convex section [p, q] every tangent lies below ``g = f - a x``: ``g(x) >= g(z) + g'(z) (x - z)`` for **any** z in
[p, q], so that an inaccurate z costs ``|g'(z)|`` times a distance and never soundness. The largest value on a convex
section is at one of its ends. Concave sections mirror this, and of linear ones the ends say it all.

With a quadratic, ``g = f - a x - c ((x - m) s)^2``, cells are halved as in :mod:`._cells`, from the same two bounds.

A function is five kernels, whose last argument is its pair of ``parameters``:

* ``point(x) -> (value, low, high)``: f(x) as computed, and bounds of it, nan where f is not defined.
* ``derivative(section, x) -> (value, error)``: f'(x) of a section that holds x, and a bound on the absolute error.
* ``touch(section, slope) -> x``: roughly where f' is the slope; what lies outside of the section is brought in.
* ``bends(section, low, high) -> (least, most)``: bounds of f'' on a part of a section; they may be infinite.
* ``layout() -> (first, second, (one, two, three), trend)``: where the sections meet, infinite where there are fewer;
  for each 1 where f is convex, -1 where it is concave, 0 where it is linear; and 1 where f increases everywhere, -1
  where it decreases, else 0.

The templates here call them by these names, and :func:`enclosures` makes of each template a kernel in whose globals the
names stand for a function's own. (Numba keeps on the disk only what is made of names: neither closures over kernels nor
kernels that are handed on as arguments.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from transformers_abs.compilation import kernel
from transformers_abs.rounding import TINY, ULP, next_down, next_up
from transformers_abs.univariate._cells import _parabola_up as parabola_up
from transformers_abs.univariate._cells import _push as push

_NARROW: float = 1e-7
"""Below this width, relative to the middle, the derivative there takes the place of the secant."""

_BUDGET: int = 300
_TOLERANCE: float = 1e-3

point: Any = None
derivative: Any = None
touch: Any = None
bends: Any = None
layout: Any = None


@dataclass(frozen=True, eq=False)
class Shape:
    """The five kernels of a function, see the module."""

    point: Any
    derivative: Any
    touch: Any
    bends: Any
    layout: Any


@dataclass(frozen=True, eq=False)
class Kernels:
    """What encloses a function.

    Args:
        secant: ``(low, high, parameters)``, see :class:`.ScalarKernel`.
        secants: ``(lower, upper, parameters, slopes)`` fills in the slopes of N intervals.
        enclose: ``(parameters, slopes, lower, upper, results)`` fills in low, high, argmin and argmax (4, N).
        cells: ``(parameters, slopes, lower, upper, form, results)``: the same with the coefficients, centers and scales
            (3, N) of a quadratic.
    """

    secant: Any
    secants: Any
    enclose: Any
    cells: Any


@kernel
def residual_up(high, slope, x):
    """At least f(x) - slope x, given an upper bound of f(x)."""
    if slope == 0.0 or x == 0.0:
        return high
    product = slope * x
    difference = high - product
    return next_up(difference + ((abs(product) + abs(difference)) * ULP + TINY))


@kernel
def residual_down(low, slope, x):
    """At most f(x) - slope x, given a lower bound of f(x)."""
    return -residual_up(-low, -slope, x)


@kernel
def product_up(steepness, distance):
    """At least the product of two numbers >= 0 that each carry one rounding; 0 if one of them is 0."""
    if steepness == 0.0 or distance == 0.0:
        return 0.0
    return steepness * distance * (1.0 + 8.0 * ULP) + TINY


@kernel
def drop(derivative, error, slope, z, left, right):
    """How far the tangent of g at z can lie below g(z) on [left, right], rounded up. For a concave section: of -g."""
    tilt = derivative - slope
    room = error + abs(tilt) * ULP + TINY
    ahead, behind = max(0.0, room - tilt), max(0.0, room + tilt)
    return max(product_up(ahead, right - z), product_up(behind, z - left))


@kernel
def section_of(first, second, right):
    """Number of the section that a cell ending at ``right`` lies in."""
    if right <= first:
        return 0
    return 1 if right <= second else 2


@kernel
def within(x, left, right):
    """x brought into [left, right]; the middle where it is nan."""
    if x != x:
        x = 0.5 * left + 0.5 * right
    return min(max(x, left), right)


def slope_of(low, high, parameters):
    """The secant, or the derivative in the middle where the ends are too close to divide by; any will do."""
    middle = 0.5 * low + 0.5 * high
    if high - low <= _NARROW * abs(middle) or high - low < 1e-290:
        first, second, _, _ = layout(parameters)
        slope, _ = derivative(section_of(first, second, middle), middle, parameters)
    else:
        slope = (point(high, parameters)[0] - point(low, parameters)[0]) / (high - low)
    return slope if np.isfinite(slope) else 0.0


def bounds(slope, left, right, parameters):
    """Bounds of f - slope x on [left, right] and where they are nearly met: low, its place, high, its place."""
    first, second, signs, trend = layout(parameters)
    _, lowest, highest = point(left, parameters)
    low, at_low = residual_down(lowest, slope, left), left
    high, at_high = residual_up(highest, slope, left), left
    if right == left:
        return low, at_low, high, at_high
    _, lowest, highest = point(right, parameters)
    if not (low <= high and lowest <= highest):  # an end lies outside of the domain
        return np.nan, left, np.nan, left
    other = residual_down(lowest, slope, right)
    if other < low:
        low, at_low = other, right
    other = residual_up(highest, slope, right)
    if other > high:
        high, at_high = other, right
    if slope == 0.0 and trend != 0.0:
        return low, at_low, high, at_high
    for k in range(3):
        start = left if k == 0 else max(left, first if k == 1 else second)
        stop = right if k == 2 else min(right, first if k == 0 else second)
        if not start < stop:
            continue
        if stop < right:
            _, lowest, highest = point(stop, parameters)
            other = residual_down(lowest, slope, stop)
            if other < low:
                low, at_low = other, stop
            other = residual_up(highest, slope, stop)
            if other > high:
                high, at_high = other, stop
        if signs[k] == 0.0:
            continue
        z = within(touch(k, slope, parameters), start, stop)
        _, lowest, highest = point(z, parameters)
        tangent, error = derivative(k, z, parameters)
        if signs[k] > 0.0:
            other = residual_down(lowest, slope, z)
            depth = drop(tangent, error, slope, z, start, stop)
            other = next_down(other - depth) if depth != 0.0 else other
            if other < low or other != other:
                low, at_low = other, z
        else:
            other = residual_up(highest, slope, z)
            depth = drop(-tangent, error, -slope, z, start, stop)
            other = next_up(other + depth) if depth != 0.0 else other
            if other > high or other != other:
                high, at_high = other, z
    return low, at_low, high, at_high


def secant(low, high, parameters):
    """What a :class:`.ScalarKernel` of one argument returns."""
    slope = slope_of(low, high, parameters)
    below, _, above, _ = bounds(slope, low, high, parameters)
    least, _, most, _ = bounds(0.0, low, high, parameters)
    return slope, below, above, least, most


def secants(lower, upper, parameters, slopes):
    """Fill in the slopes (N,) of N intervals."""
    for i in range(lower.shape[0]):
        slopes[i] = slope_of(lower[i], upper[i], parameters)


def enclose(parameters, slopes, lower, upper, results):
    """Fill in low, high, argmin and argmax (4, N) of ``f - slope x``."""
    for i in range(slopes.shape[0]):
        extrema = bounds(slopes[i], lower[i], upper[i], parameters)
        results[0, i], results[2, i], results[1, i], results[3, i] = extrema


def residual(slope, c, m, s, x, parameters):
    """g(x) and a bound on its absolute error, as :func:`._cells._residual`."""
    computed, low, high = point(x, parameters)
    e = (x - m) * s
    product = slope * x
    square = c * (e * e)
    rest = product + square
    result = computed - rest
    error = next_up(max(high - computed, computed - low))
    error += (abs(product) + abs(rest) + abs(result) + 6.0 * abs(square)) * ULP
    return result, error + 8.0 * TINY * (1.0 + abs(c)) * (1.0 + abs(e))


def cell_bound(sign, slope, c, m, s, left, right, z, parameters):
    """Upper bound of ``sign * g`` on the cell [left, right] around z; the value at z, the bound on its error, and
    steepness, bend and reach of the local parabola. Derived at :func:`._cells._cell_bound`."""
    first, second, signs, trend = layout(parameters)
    k = section_of(first, second, right)
    reach = max(right - z, z - left)
    reach = next_up(reach) if reach > 0.0 else 0.0
    result, error = residual(slope, c, m, s, z, parameters)
    turn = reach * s
    e = (z - m) * s
    tilt = (2.0 * c * e) * turn
    bend = 2.0 * c * (turn * turn)
    underflow = 16.0 * TINY * (1.0 + abs(turn) + abs(e)) * (1.0 + abs(c))
    tilt_error = 8.0 * abs(tilt) * ULP + underflow
    bend_error = 4.0 * abs(bend) * ULP + underflow
    d, d_error = derivative(k, z, parameters)
    least, most = bends(k, left, right, parameters)
    climb = (d - slope) * reach
    steepness = climb - tilt
    curvature = (most if sign > 0.0 else -least) * reach * reach
    parabola = curvature - sign * bend
    steepness_error = (2.0 * abs(climb) + abs(steepness)) * ULP + tilt_error
    steepness_error += d_error * reach * (1.0 + 4.0 * ULP)
    parabola_error = (2.0 * abs(curvature) + abs(parabola)) * ULP + bend_error + TINY * (1.0 + reach)
    taylor = parabola_up(next_up(abs(steepness) + steepness_error), next_up(parabola + parabola_error))
    taylor = next_up(next_up(sign * result + error) + taylor)
    bound = taylor if taylor == taylor else np.inf
    if sign * signs[k] >= 0.0 or trend != 0.0:  # f is largest, times the sign, at an end of the cell
        line = slope * reach
        flat = parabola_up(
            next_up(abs(line + tilt) + (2.0 * abs(line) + abs(tilt)) * ULP + tilt_error),
            next_up(-sign * bend + bend_error),
        )
        one, two, f_z = point(left, parameters), point(right, parameters), point(z, parameters)[0]
        top = max(one[2], two[2]) if sign > 0.0 else max(-one[1], -two[1])
        polynomial = sign * result - sign * f_z
        slack = error + 2.0 * (abs(polynomial) + abs(f_z) + abs(top)) * ULP
        spread = next_up(next_up(top + polynomial + slack + flat) + abs(flat) * ULP)
        bound = spread if spread < bound else bound
    return bound, sign * result, error, sign * steepness, parabola, reach


def highest(sign, slope, c, m, s, lower, upper, parameters, stack):
    """Upper bound of ``sign * g`` on [lower, upper] and a point where it comes close to it."""
    witness = lower
    best = sign * residual(slope, c, m, s, lower, parameters)[0]
    other = sign * residual(slope, c, m, s, upper, parameters)[0]
    worst = min(best, other)
    if other > best:
        best, witness = other, upper
    first, second, _, _ = layout(parameters)
    one, two = within(first, lower, upper), within(second, lower, upper)
    size = 0
    for start, stop in ((lower, one), (one, two), (two, upper)):
        if start < stop or (size == 0 and stop == upper):
            push(stack, size, start, stop, 0.0, 0.0)
            size += 1
    total = -np.inf
    work = 0
    while size > 0:
        size -= 1
        work += 1
        left, right = stack[0, size], stack[1, size]
        z = min(max(0.5 * left + 0.5 * right, left), right)
        cell = cell_bound(sign, slope, c, m, s, left, right, z, parameters)
        bound, here, error, steepness, bend, reach = cell
        worst = min(worst, here)
        if here > best:
            best, witness = here, z
        if not bound <= best + _TOLERANCE * (best - worst) + 4.0 * error:
            if bend < 0.0:
                x = min(max(z - steepness / bend * reach, left), right)
            else:
                x = right if steepness > 0.0 else left
            trial = sign * residual(slope, c, m, s, x, parameters)[0]
            if trial > best:
                best, witness = trial, x
        done = bound <= best + _TOLERANCE * (best - worst) + 4.0 * error
        if done or work >= _BUDGET or not left < z < right:
            total = max(total, bound)
            continue
        push(stack, size, left, z, 0.0, 0.0)
        push(stack, size + 1, z, right, 0.0, 0.0)
        size += 2
    return total, witness


def cells(parameters, slopes, lower, upper, form, results):
    """Fill in low, high, argmin and argmax (4, N) of ``f - slope x - q``, q of coefficients, centers, scales (3, N)."""
    stack = np.empty((4, _BUDGET + 4))
    for i in range(slopes.shape[0]):
        arguments = slopes[i], form[0, i], form[1, i], form[2, i], lower[i], upper[i], parameters, stack
        results[1, i], results[3, i] = highest(1.0, *arguments)
        bound, results[2, i] = highest(-1.0, *arguments)
        results[0, i] = -bound


_TEMPLATES: tuple[Callable[..., Any], ...] = (
    slope_of,
    bounds,
    secant,
    secants,
    enclose,
    residual,
    cell_bound,
    highest,
    cells,
)
"""In an order in which each calls earlier ones."""


def enclosures(name: str, shape: Shape) -> Kernels:
    """The kernels of the function called ``name``."""
    names: dict[str, Any] = {**globals(), **vars(shape)}
    for template in _TEMPLATES:
        made = FunctionType(template.__code__, names, template.__name__)
        made.__module__, made.__qualname__, made.__doc__ = (
            __name__,
            f"{name}_{template.__name__}",
            template.__doc__,
        )
        names[template.__name__] = kernel(made)
    return Kernels(*(names[one] for one in ("secant", "secants", "enclose", "cells")))
