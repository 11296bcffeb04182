"""What a factor of a separable product p(x) q(y) does on the intervals of its axis.

A factor is the identity, sigmoid or tanh. For every interval with centre c and half-width h its block says: p, p' h and
p'' h^2 / 2 at c, by how much p can differ from p(c), and by how much P in ``p(x) = p(c) + p' h xi + P xi^2`` (x = c +
h xi, |xi| <= 1) can differ from p'' h^2 / 2.

Both functions are one, ``sig(z) = 1 / (1 + exp(-z))``: sigmoid is sig(m x) with m = 1, and tanh is 2 sig(m x) - 1 with
m = 2. So ``p^(j)(x) h^j = m sig^(j)(z) k^j`` for j >= 1, with z = m x and k = m h. Everything follows from
``E = exp(-|z|)``, computed here and not by libm, so that the error is proven and the loop is SIMD. With v = sig'(z) and
t = tanh(z / 2), hence t^2 = 1 - 4 v and 0 < v <= 1/4:

    sig'' = -v t,   sig''' = v (1 - 6 v),   sig'''' = -v t (1 - 12 v).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from transformers_abs._bounding import _layout as at
from transformers_abs._bounding._layout import SLOTS
from transformers_abs.compilation import inlined
from transformers_abs.rounding import UNIT_ROUNDOFF

IDENTITY, SIGMOID, TANH = 0, 1, 2

_LN2_HIGH = 6.93147180369123816490e-01  # 32 trailing zero bits: k * _LN2_HIGH is exact for |k| < 2^20
_LN2_LOW = 1.90821492927058770002e-10
_INVERSE_LN2 = 1.4426950408889634
_LARGEST = 700.0  # exp(-700) is a normal number; beyond, exp(-700) stands for exp(-z), 1e-304 off
_SECOND = 0.0963  # |sig''| = v sqrt(1 - 4 v) <= 1 / (6 sqrt 3) = 0.09622..
_THIRD = 0.125  # |sig'''| = v |1 - 6 v|: 1/8 at v = 1/4, and 1/24 at v = 1/12
_FOURTH = 0.128  # |sig''''| = v sqrt(1 - 4 v) |1 - 12 v| <= 0.12769 (at v = 0.2104), 0.0191 below v = 1/12


@inlined
def exp_minus(z):
    """exp(-z) for z >= 0, relative error below 4 u (for z <= 700).

    ``z = k ln 2 + r``, |r| <= 0.3466: the product with the high part and the difference are exact, the low part
    errs by less than u |r|. Taylor to degree 13 leaves r^14/14! < 4.2e-18 < 0.04 u; Horner's last steps err by
    u (1 + 0.35 + ..) (1 + ..) < 2.5 u; before them comes T(r) = 1/3! + r/4! + .. + r^10/13!, evaluated pairwise for
    speed: it errs by less than 10 u |T| < 2.5 u, times |r|^3 < 0.042. The power of two is exact.
    """
    z = z if z < _LARGEST else _LARGEST
    k = math.floor(z * _INVERSE_LN2 + 0.5)
    r = -((z - k * _LN2_HIGH) - k * _LN2_LOW)
    r2 = r * r
    r4 = r2 * r2
    a = (1.0 / 6.0 + r * (1.0 / 24.0)) + r2 * (1.0 / 120.0 + r * (1.0 / 720.0))
    b = (1.0 / 5040.0 + r * (1.0 / 40320.0)) + r2 * (1.0 / 362880.0 + r * (1.0 / 3628800.0))
    c = (1.0 / 39916800.0 + r * (1.0 / 479001600.0)) + r2 * (1.0 / 6227020800.0)
    s = a + r4 * (b + r4 * c)
    s = s * r + 0.5
    s = s * r + 1.0
    s = s * r + 1.0
    power = (np.int64(1023) - np.int64(k)) << np.int64(52)
    return s * np.int64(power).view(np.float64)


def _factor_kernels(axis: int, inputs: int) -> Any:
    """The kernels that say what a factor does on the intervals of the block at ``axis``, and the polynomial that is
    ``inputs`` (constants to the compiler)."""

    @inlined
    def given_terms(w):
        """What :func:`polynomial` needs: read before a loop, or the loop's own writes would have it read every time."""
        form = w[inputs + at.BENDING], w[inputs + at.MIDPOINT], w[inputs + at.SCALE]
        return w[inputs + at.SLOPE], form, w[inputs + at.CUT_MIDPOINT], w[inputs + at.CUT_SCALE]

    @inlined
    def polynomial(w, i, x, h, terms):
        """The linear and quadratic terms of this axis alone; the coordinates of the quadratic and of the cuts."""
        slope, (bend, center, scale), cut_center, cut_scale = terms
        e, g = (x - center) * scale, h * scale
        w[axis + at.E * SLOTS + i] = e
        w[axis + at.E_STEP * SLOTS + i] = g
        w[axis + at.LINEAR * SLOTS + i] = slope * x + bend * e * e
        w[axis + at.LINEAR_STEP * SLOTS + i] = slope * h + 2.0 * bend * e * g
        w[axis + at.BEND * SLOTS + i] = bend * g * g
        w[axis + at.CUT_E * SLOTS + i] = (x - cut_center) * cut_scale
        w[axis + at.CUT_STEP * SLOTS + i] = h * cut_scale

    @inlined
    def identity(w):
        terms = given_terms(w)
        for i in range(SLOTS):
            x, h = w[axis + at.CENTER * SLOTS + i], w[axis + at.HALF * SLOTS + i]
            polynomial(w, i, x, h, terms)
            w[axis + at.VALUE * SLOTS + i] = x
            w[axis + at.VALUE_SPREAD * SLOTS + i] = h
            w[axis + at.FIRST * SLOTS + i] = h
            w[axis + at.SECOND * SLOTS + i] = 0.0
            w[axis + at.SECOND_SPREAD * SLOTS + i] = 0.0

    @inlined
    def s_shaped(w, m):
        """Sigmoid (m = 1) or tanh (m = 2) from :func:`exponentials`. The spreads hold where k <= 1.7, as everywhere but
        in wide cells.

        Taylor: ``P = sig'' k^2 / 2 + sig''' k^3 xi / 6 + N k^4 xi^2 / 24`` with N = sig'''' somewhere in the interval.
        |N| <= _FOURTH; also, |t (1 - 12 v)| <= 1 (its square (1 - 4 v) (1 - 12 v)^2 is 1 at v = 0 and nowhere larger on
        [0, 1/4]), so |N| <= sig' there, and |(ln sig')'| = |t| <= 1, so |N| <= v e^k; and e^k <= 1 + k + k^2 for
        k <= 1.7. The first three terms of the same series and |P| <= |p'' h^2 / 2| + SECOND_SPREAD bound p - p(c).

        Errors: E below 4 u, 1 / (1 + E) and t below 8 u, v below 16 u v, sig'' below 32 u v, v (1 - 6 v) below 48 u v:
        128 u v in SECOND_SPREAD's parts covers these and the roundings of the parts; 128 u in e^k covers those of N.
        Where numbers underflow, all that is off by less than 1e-318: a trifle of :func:`._enclose.rounding_budget`.
        """
        u = UNIT_ROUNDOFF
        weight, terms = 0.5 * m, given_terms(w)
        for i in range(SLOTS):
            x, h = w[axis + at.CENTER * SLOTS + i], w[axis + at.HALF * SLOTS + i]
            polynomial(w, i, x, h, terms)
            z, k = m * x, m * h
            e = w[axis + at.EXPONENTIAL * SLOTS + i]
            r = 1.0 / (1.0 + e)
            v, t = e * r * r, (1.0 - e) * r
            t = t if z >= 0.0 else -t
            area = 0.5 * k * k
            growth = v * ((1.0 + 128.0 * u) + k + k * k)
            fourth = growth if growth < _FOURTH else _FOURTH
            third = v * (abs(1.0 - 6.0 * v) + 128.0 * u)
            first, second = m * (v * k), -m * (v * t * area)
            spread = m * area * (k * (third * (1.0 / 3.0) + fourth * k * (1.0 / 12.0)) + 128.0 * u * v)
            w[axis + at.VALUE * SLOTS + i] = (1.0 - weight) + weight * t
            w[axis + at.VALUE_SPREAD * SLOTS + i] = first + abs(second) + spread + 32.0 * u
            w[axis + at.FIRST * SLOTS + i] = first
            w[axis + at.SECOND * SLOTS + i] = second
            w[axis + at.SECOND_SPREAD * SLOTS + i] = spread

    return identity, s_shaped


def _wide_kernel(axis: int) -> Any:
    """The kernel for intervals that may be wide, in the block at ``axis`` (a constant to the compiler)."""

    @inlined
    def wide_spreads(w, m):
        """The spreads of :func:`s_shaped`, which has run, on intervals of any width, from the ends.

        p is monotone, so its values at the ends bound it. sig' falls away from 0: it is at most ``most``, its larger
        value at the ends, or 1/4 if the interval holds 0. So |sig''| <= min(_SECOND, most) and |sig'''| <=
        min(_THIRD, most), and P = integral of (1 - s) p''(c + s h xi) h^2 over [0, 1] differs from p'' h^2 / 2 by no
        more than the latter times k^3 / 6, and by no more than sig'' varies times k^2 / 2; where an interval does not
        hold 0, sig'' and its bound have one sign.
        """
        u = UNIT_ROUNDOFF
        weight = 0.5 * m
        for i in range(2 * SLOTS):
            z = m * w[axis + at.LOW * SLOTS + i]
            e = exp_minus(abs(z))
            r = 1.0 / (1.0 + e)
            t = (1.0 - e) * r
            w[axis + at.END_VALUE * SLOTS + i] = (1.0 - weight) + weight * (t if z >= 0.0 else -t)
            w[axis + at.END_SLOPE * SLOTS + i] = e * r * r
        for i in range(SLOTS):
            low, high = w[axis + at.LOW * SLOTS + i], w[axis + at.HIGH * SLOTS + i]
            k, value = m * w[axis + at.HALF * SLOTS + i], w[axis + at.VALUE * SLOTS + i]
            right = w[axis + (at.END_VALUE + 1) * SLOTS + i] - value
            left = value - w[axis + at.END_VALUE * SLOTS + i]
            w[axis + at.VALUE_SPREAD * SLOTS + i] = (right if right > left else left) + 32.0 * u
            at_low, at_high = w[axis + at.END_SLOPE * SLOTS + i], w[axis + (at.END_SLOPE + 1) * SLOTS + i]
            most = (at_low if at_low > at_high else at_high) * (1.0 + 64.0 * u)
            holds = low * high <= 0.0
            most = 0.25 if holds else most
            third, second = (most if most < _THIRD else _THIRD), (most if most < _SECOND else _SECOND)
            area = 0.5 * k * k
            taylor = m * area * k * third * (1.0 / 3.0)
            varies = m * area * second + (abs(w[axis + at.SECOND * SLOTS + i]) if holds else 0.0)
            spread = (taylor if taylor < varies else varies) + 128.0 * u * m * area * most
            w[axis + at.SECOND_SPREAD * SLOTS + i] = spread

    return wide_spreads


_identity_x, _s_shaped_x = _factor_kernels(at.AXIS_X, at.GIVEN_X)
_identity_y, _s_shaped_y = _factor_kernels(at.AXIS_Y, at.GIVEN_Y)
_wide_spreads_x, _wide_spreads_y = _wide_kernel(at.AXIS_X), _wide_kernel(at.AXIS_Y)


@inlined
def exponentials(w, mx, my):
    """E at the centres, for both axes at once: a processor overlaps such long chains of operations only where little
    else lies between them."""
    for i in range(SLOTS):
        x, y = w[at.AXIS_X + at.CENTER * SLOTS + i], w[at.AXIS_Y + at.CENTER * SLOTS + i]
        w[at.AXIS_X + at.EXPONENTIAL * SLOTS + i] = exp_minus(mx * abs(x))
        w[at.AXIS_Y + at.EXPONENTIAL * SLOTS + i] = exp_minus(my * abs(y))


@inlined
def tabulate_axes(w, kx, ky, wide, again):
    """Fill both axis blocks from their intervals and from what is given of each axis; that of y only if it is not the
    same ``again``."""
    mx, my = (2.0 if kx == TANH else 1.0), (2.0 if ky == TANH else 1.0)
    if kx != IDENTITY or ky != IDENTITY:
        exponentials(w, mx, my)
    if kx == IDENTITY:
        _identity_x(w)
    else:
        _s_shaped_x(w, mx)
        if wide:
            _wide_spreads_x(w, mx)
    if again:
        return
    if ky == IDENTITY:
        _identity_y(w)
    else:
        _s_shaped_y(w, my)
        if wide:
            _wide_spreads_y(w, my)
