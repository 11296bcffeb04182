"""Enclosures of residuals with a quadratic, ``g = f - a x - c ((x - m) s)^2``, by adaptive cells.

On a cell with midpoint z and half-width h, on one side of 0 so that f is smooth there, two bounds hold:

* Taylor: ``g(x) <= g(z) + max over d in [-h, h] of (|g'(z)| d + B d^2 / 2)`` with ``B >= g''`` on the cell;
* range: f is monotone, so ``f <= max(f(ends))``, and the polynomial is its own second-order expansion at z.

Cells whose bound exceeds the best value seen by more than a thousandth of the spread are halved, up to a budget. The
result is the largest bound of a cell left over: the samples, the Newton steps and the tolerance only decide when to
stop. The lower bound is the negated upper bound of -g.
"""

from __future__ import annotations

import numpy as np

from transformers_abs.compilation import kernel
from transformers_abs.rounding import TINY, ULP, next_up, ulps
from transformers_abs.univariate import s_shaped as shapes

PIECEWISE_KIND: int = 2

_BUDGET: int = 300
_TOLERANCE: float = 1e-3
_DERIVATIVE_ERROR: float = 24.0 * ULP
# 1 - t^2 and v (1 - v), given t within 5 ulp and v within 7: at most 2 * 5 + 3 ulp of 1.
_CURVATURE_ERROR: float = 64.0 * ULP
# psi(w) = 2 w (1 - w^2) has |psi'| <= 4 and w carries at most 14 ulp of 1; 4 * 14 + 4 roundings.
_PSI_PEAK: float = 0.7698003589195011  # 4 / (3 sqrt 3), at w = 1 / sqrt 3 = 0.57735..; rounded up


@kernel
def _value(kind, alpha, x):
    if kind == PIECEWISE_KIND:
        return x if x >= 0.0 else alpha * x
    return shapes.value(kind, x)


@kernel
def _value_error(kind, computed):
    if kind == PIECEWISE_KIND:
        return ulps(computed, 1.0)
    return shapes.value_error(kind, computed)


@kernel
def _derivative(kind, alpha, right, computed):
    """f' and a bound on its absolute error, at a point of the cell that ends at ``right``, given the computed f."""
    if kind == PIECEWISE_KIND:
        return (1.0 if right > 0.0 else alpha), 0.0
    if kind == shapes.TANH_KIND:
        return 1.0 - computed * computed, _DERIVATIVE_ERROR
    return computed * (1.0 - computed), _DERIVATIVE_ERROR


@kernel
def _curvature(kind, left, f_left, f_right):
    """Lower and upper bound of f'' on a cell that starts at ``left`` and lies on one side of 0.

    tanh'' = -sign(x) psi(|tanh x|) and sigmoid'' = -sign(x) psi(|2 sigmoid x - 1|) / 8; psi rises up to 1/sqrt(3), then
    falls.
    """
    if kind == PIECEWISE_KIND:
        return 0.0, 0.0
    share = 1.0
    if kind == shapes.SIGMOID_KIND:
        share = 0.125
        f_left = 2.0 * f_left - 1.0
        f_right = 2.0 * f_right - 1.0
    w = min(abs(f_left), abs(f_right))
    v = max(abs(f_left), abs(f_right))
    psi_w = 2.0 * w * (1.0 - w * w)
    psi_v = 2.0 * v * (1.0 - v * v)
    least = max(0.0, share * (min(psi_w, psi_v) - _CURVATURE_ERROR))
    most = share * (max(psi_w, psi_v) + _CURVATURE_ERROR)
    if w <= 0.5774 and v >= 0.5773:
        most = share * _PSI_PEAK
    return (-most, -least) if left >= 0.0 else (least, most)


@kernel
def _parabola_up(steepness, bend):
    """At least ``max over |t| <= 1 of (steepness t + bend t^2 / 2)``, for upper bounds of |steepness| and bend.

    The peak of a concave parabola is ``steepness (steepness / -bend) / 2``, multiplied in this order. The quotient lies
    in [0, 1], so neither it nor the product overflows, and every step is moved up, by TINY at least: what underflows is
    paid for. (``steepness^2 / -bend`` is not: below 1e-154 the square loses all its digits, and the quotient by a bend
    as small turns that absolute error into a relative one.)
    """
    if bend < 0.0 and steepness < -bend:
        return next_up(0.5 * next_up(steepness * next_up(steepness / -bend)))
    return steepness + 0.5 * bend + (steepness + abs(bend)) * 4.0 * ULP + 4.0 * TINY


@kernel
def _residual(kind, alpha, slope, c, m, s, x, computed):
    """g(x) and a bound on its absolute error, given the computed f(x).

    Relative errors: u of the slope's product, of the sum and of the difference, 6 u of the square (two in e, so four in
    e^2, and two products); half of what is added. Underflow: e errs by TINY / 2, e^2 by |e| TINY for that and TINY / 2,
    the products by TINY / 2 each: ``TINY (|c| |e| + |c| / 2 + 1)``, an eighth of what is added, which leaves room for
    the underflow of the error terms themselves.
    """
    e = (x - m) * s
    product = slope * x
    square = c * (e * e)
    rest = product + square
    result = computed - rest
    error = _value_error(kind, computed)
    error += (abs(product) + abs(rest) + abs(result) + 6.0 * abs(square)) * ULP
    return result, error + 8.0 * TINY * (1.0 + abs(c)) * (1.0 + abs(e))


@kernel
def _cell_bound(kind, alpha, sign, slope, c, m, s, left, right, f_left, f_right, z, f_z):
    """Upper bound of ``sign * g`` on the cell [left, right] around z, given the computed f at its ends and at z.

    Written in t = (x - z) / reach, |t| <= 1: a quadratic scaled to a tiny box then neither over- nor underflows.
    Returns also the value at z, the bound on its error, and steepness and bend of the local parabola.
    """
    reach = max(right - z, z - left)
    reach = next_up(reach) if reach > 0.0 else 0.0
    result, error = _residual(kind, alpha, slope, c, m, s, z, f_z)
    # q(x) = q(z) + tilt t + bend t^2 / 2
    turn = reach * s
    e = (z - m) * s
    tilt = (2.0 * c * e) * turn
    bend = 2.0 * c * (turn * turn)
    # A product that underflows errs by TINY / 2. In `tilt`, e, 2 c e, turn and the last product do: at most
    # (2 |c| |turn| + |turn| + 2 |c| |e| + 1) TINY / 2; in `bend`, turn, its square and the last product: at most
    # (4 |c| |turn| + 2 |c| + 1) TINY / 2. Both are below 2 TINY (1 + |turn| + |e|) (1 + |c|). The other 14 such terms
    # pay for the magnitudes here being rounded themselves and for what underflows in the error terms below: fewer than
    # ten products, each off by at most TINY / 2.
    underflow = 16.0 * TINY * (1.0 + abs(turn) + abs(e)) * (1.0 + abs(c))
    tilt_error = 8.0 * abs(tilt) * ULP + underflow
    bend_error = 4.0 * abs(bend) * ULP + underflow
    # Taylor
    d, d_error = _derivative(kind, alpha, right, f_z)
    low, high = _curvature(kind, left, f_left, f_right)
    climb = (d - slope) * reach
    steepness = climb - tilt
    curvature = (high if sign > 0.0 else -low) * reach * reach
    parabola = curvature - sign * bend
    steepness_error = (2.0 * abs(climb) + abs(steepness)) * ULP + tilt_error
    steepness_error += d_error * reach * (1.0 + 4.0 * ULP)
    parabola_error = (2.0 * abs(curvature) + abs(parabola)) * ULP + bend_error + TINY * (1.0 + reach)
    taylor = _parabola_up(next_up(abs(steepness) + steepness_error), next_up(parabola + parabola_error))
    taylor = next_up(next_up(sign * result + error) + taylor)
    # Range: f(z) and its error are in `result`; what is left of it is the polynomial at z.
    line = slope * reach
    flat = _parabola_up(
        next_up(abs(line + tilt) + (2.0 * abs(line) + abs(tilt)) * ULP + tilt_error),
        next_up(-sign * bend + bend_error),
    )
    top = max(sign * f_left, sign * f_right) + (_value_error(kind, f_left) + _value_error(kind, f_right))
    polynomial = sign * result - sign * f_z
    slack = error + 2.0 * (abs(polynomial) + abs(f_z) + abs(top)) * ULP
    spread = next_up(next_up(top + polynomial + slack + flat) + abs(flat) * ULP)
    bound = min(taylor, spread)
    if bound != bound:  # an overflow somewhere: say nothing rather than something
        bound = np.inf
    return bound, sign * result, error, sign * steepness, parabola, reach


@kernel
def _newton(z, steepness, bend, reach, left, right):
    """Where the local parabola, in t = (x - z) / reach, is largest on [left, right]."""
    if bend < 0.0:
        return min(max(z - steepness / bend * reach, left), right)
    return right if steepness > 0.0 else left


@kernel
def _highest(kind, alpha, sign, slope, c, m, s, lower, upper, stack):
    """Upper bound of ``sign * g`` on [lower, upper] and a point where it comes close to it.

    ``stack`` is scratch, (4, _BUDGET + 3): left and right end of each open cell, and f there.
    """
    f_lower = _value(kind, alpha, lower)
    f_upper = _value(kind, alpha, upper)
    witness = lower
    best = sign * _residual(kind, alpha, slope, c, m, s, lower, f_lower)[0]
    other = sign * _residual(kind, alpha, slope, c, m, s, upper, f_upper)[0]
    worst = min(best, other)
    if other > best:
        best, witness = other, upper
    size = _open_cells(kind, alpha, lower, upper, f_lower, f_upper, stack)
    total = -np.inf
    work = 0
    while size > 0:
        size -= 1
        work += 1
        left, right, f_left, f_right = stack[0, size], stack[1, size], stack[2, size], stack[3, size]
        z = min(max(0.5 * left + 0.5 * right, left), right)
        f_z = _value(kind, alpha, z)
        bound, here, error, steepness, bend, reach = _cell_bound(
            kind, alpha, sign, slope, c, m, s, left, right, f_left, f_right, z, f_z
        )
        worst = min(worst, here)
        if here > best:
            best, witness = here, z
        if not bound <= best + _TOLERANCE * (best - worst) + 4.0 * error:
            x = _newton(z, steepness, bend, reach, left, right)
            trial = sign * _residual(kind, alpha, slope, c, m, s, x, _value(kind, alpha, x))[0]
            if trial > best:
                best, witness = trial, x
        done = bound <= best + _TOLERANCE * (best - worst) + 4.0 * error
        if done or work >= _BUDGET or not left < z < right:
            total = max(total, bound)
            continue
        _push(stack, size, left, z, f_left, f_z)
        _push(stack, size + 1, z, right, f_z, f_right)
        size += 2
    return total, witness


@kernel
def _push(stack, place, left, right, f_left, f_right):
    stack[0, place] = left
    stack[1, place] = right
    stack[2, place] = f_left
    stack[3, place] = f_right


@kernel
def _open_cells(kind, alpha, lower, upper, f_lower, f_upper, stack):
    """Fill the stack with the box, split at 0; returns the number of cells."""
    if not lower < 0.0 < upper:
        _push(stack, 0, lower, upper, f_lower, f_upper)
        return 1
    f_zero = _value(kind, alpha, 0.0)
    _push(stack, 0, lower, 0.0, f_lower, f_zero)
    _push(stack, 1, 0.0, upper, f_zero, f_upper)
    return 2


@kernel
def enclose(kind, alpha, slopes, lower, upper, coefficients, centers, scales, low, high, argmin, argmax):
    """Fill ``low``, ``high``, ``argmin``, ``argmax`` (N,) with bounds of f - slope x - q on [lower, upper]."""
    stack = np.empty((4, _BUDGET + 3))
    for i in range(slopes.shape[0]):
        a, c, m, s = slopes[i], coefficients[i], centers[i], scales[i]
        high[i], argmax[i] = _highest(kind, alpha, 1.0, a, c, m, s, lower[i], upper[i], stack)
        bound, argmin[i] = _highest(kind, alpha, -1.0, a, c, m, s, lower[i], upper[i], stack)
        low[i] = -bound
