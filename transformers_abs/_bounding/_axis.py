"""What a factor of a separable product p(x) q(y) does on the intervals of its axis.

A factor is the identity, sigmoid or tanh. For every interval with centre c and half-width h its block says: p, p' h and
p'' h^2 / 2 at c, and by how much each can differ from that anywhere in the interval.

Everything follows from ``E = exp(-m |x|)``, computed here and not by libm, so that the error is proven and the loop
is SIMD: ``sig(x)`` (m = 1) and ``tanh(x)`` (m = 2) and their derivatives are rational in E.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from transformers_abs._bounding import _layout as at
from transformers_abs._bounding._layout import SLOTS
from transformers_abs._compile import kernel
from transformers_abs._rounding import UNIT_ROUNDOFF

IDENTITY, SIGMOID, TANH = 0, 1, 2

_LN2_HIGH = 6.93147180369123816490e-01  # 32 trailing zero bits: k * _LN2_HIGH is exact for |k| < 2^20
_LN2_LOW = 1.90821492927058770002e-10
_INVERSE_LN2 = 1.4426950408889634
_LARGEST = 700.0  # exp(-700) is a normal number; beyond, exp(-700) stands for exp(-z), 1e-304 off
_BEND_AT = 1.3169578969248166  # sig'' is extremal at -+ this, where sig = (3 -+ sqrt 3) / 6
_BEND_SIGMOID = 0.09622504486493764  # 1 / (6 sqrt 3), rounded up
_BEND_TANH = 0.7698003589195011  # 4 / (3 sqrt 3), rounded up


@kernel
def exp_minus(z):
    """exp(-z) for z >= 0, relative error below 4 u (for z <= 700).

    ``z = k ln 2 + r``, |r| <= 0.3466: the product with the high part and the difference are exact, the low part
    errs by less than u |r|. Taylor to degree 13 leaves r^14/14! < 4.2e-18 < 0.04 u; Horner's last steps err by
    u (1 + 0.35 + ..) (1 + ..) < 2.5 u; the power of two is exact.
    """
    z = z if z < _LARGEST else _LARGEST
    k = math.floor(z * _INVERSE_LN2 + 0.5)
    r = -((z - k * _LN2_HIGH) - k * _LN2_LOW)
    s = 1.0 / 6227020800.0
    s = s * r + 1.0 / 479001600.0
    s = s * r + 1.0 / 39916800.0
    s = s * r + 1.0 / 3628800.0
    s = s * r + 1.0 / 362880.0
    s = s * r + 1.0 / 40320.0
    s = s * r + 1.0 / 5040.0
    s = s * r + 1.0 / 720.0
    s = s * r + 1.0 / 120.0
    s = s * r + 1.0 / 24.0
    s = s * r + 1.0 / 6.0
    s = s * r + 0.5
    s = s * r + 1.0
    s = s * r + 1.0
    power = (np.int64(1023) - np.int64(k)) << np.int64(52)
    return s * np.int64(power).view(np.float64)


def _function_kernels(axis: int) -> Any:
    """The kernels that evaluate the factors in the block at ``axis`` (a constant to the compiler)."""

    @kernel
    def evaluate_sigmoid(w):
        """sig, sig', sig'' at the ends and centres: errors below 8 u, 16 u sig', 32 u sig'.

        sig = 1/(1+E) or E/(1+E) and sig' = E/(1+E)^2 inherit E's relative error, below 4 u, and a u each operation;
        sig'' = -sig' (1-E)/(1+E) (x >= 0) has the absolute error of 1 - E times sig'.
        """
        for i in range(3 * SLOTS):
            x = w[axis + at.LOW * SLOTS + i]
            e = exp_minus(abs(x))
            r = 1.0 / (1.0 + e)
            d = e * r * r
            t = (1.0 - e) * r
            w[axis + at.P * SLOTS + i] = r if x >= 0.0 else e * r
            w[axis + at.P1 * SLOTS + i] = d
            w[axis + at.P2 * SLOTS + i] = -d * t if x >= 0.0 else d * t

    @kernel
    def evaluate_tanh(w):
        """tanh, tanh', tanh'': errors below 8 u, 16 u tanh', 32 u tanh'; tanh = (1-E)/(1+E), tanh' = 4 E/(1+E)^2."""
        for i in range(3 * SLOTS):
            x = w[axis + at.LOW * SLOTS + i]
            e = exp_minus(2.0 * abs(x))
            r = 1.0 / (1.0 + e)
            d = 4.0 * e * r * r
            t = (1.0 - e) * r
            t = t if x >= 0.0 else -t
            w[axis + at.P * SLOTS + i] = t
            w[axis + at.P1 * SLOTS + i] = d
            w[axis + at.P2 * SLOTS + i] = -2.0 * d * t

    return evaluate_sigmoid, evaluate_tanh


def _interval_kernels(axis: int) -> Any:
    """The kernels that say what a factor does on the intervals of the block at ``axis``."""

    @kernel
    def centers(w):
        for i in range(SLOTS):
            low, high = w[axis + at.LOW * SLOTS + i], w[axis + at.HIGH * SLOTS + i]
            mid = 0.5 * (low + high)
            right, left = high - mid, mid - low
            w[axis + at.CENTER * SLOTS + i] = mid
            w[axis + at.HALF * SLOTS + i] = (right if right > left else left) * (1.0 + 4.0 * UNIT_ROUNDOFF)

    @kernel
    def identity(w):
        for i in range(SLOTS):
            h = w[axis + at.HALF * SLOTS + i]
            w[axis + at.VALUE * SLOTS + i] = w[axis + at.CENTER * SLOTS + i]
            w[axis + at.VALUE_SPREAD * SLOTS + i] = h
            w[axis + at.FIRST * SLOTS + i] = h
            w[axis + at.FIRST_SPREAD * SLOTS + i] = 0.0
            w[axis + at.SECOND * SLOTS + i] = 0.0
            w[axis + at.SECOND_SPREAD * SLOTS + i] = 0.0

    @kernel
    def spreads(w, peak, bend, bend_at):
        """p is monotone; p' falls away from 0; p'' is monotone but for its two extrema: so the values at the ends of
        an interval, and the peaks where the interval holds them, bound each over the interval."""
        u = UNIT_ROUNDOFF
        for i in range(SLOTS):
            low, high, h = (
                w[axis + at.LOW * SLOTS + i],
                w[axis + at.HIGH * SLOTS + i],
                w[axis + at.HALF * SLOTS + i],
            )
            p = w[axis + (at.P + 2) * SLOTS + i]
            right, left = w[axis + (at.P + 1) * SLOTS + i] - p, p - w[axis + at.P * SLOTS + i]
            w[axis + at.VALUE * SLOTS + i] = p
            w[axis + at.VALUE_SPREAD * SLOTS + i] = (right if right > left else left) + 32.0 * u
            d, da, db = (
                w[axis + (at.P1 + 2) * SLOTS + i],
                w[axis + at.P1 * SLOTS + i],
                w[axis + (at.P1 + 1) * SLOTS + i],
            )
            most, least = (da, db) if da > db else (db, da)
            most = peak if low * high <= 0.0 else most
            up, down = most - d, d - least
            w[axis + at.FIRST * SLOTS + i] = d * h
            w[axis + at.FIRST_SPREAD * SLOTS + i] = ((up if up > down else down) + 64.0 * u * most) * h
            c, ca, cb = (
                w[axis + (at.P2 + 2) * SLOTS + i],
                w[axis + at.P2 * SLOTS + i],
                w[axis + (at.P2 + 1) * SLOTS + i],
            )
            top, bottom = (ca, cb) if ca > cb else (cb, ca)
            top = bend if (low < 1e-9 - bend_at) & (high > -1e-9 - bend_at) else top
            bottom = -bend if (low < bend_at + 1e-9) & (high > bend_at - 1e-9) else bottom
            up, down = top - c, c - bottom
            area = 0.5 * h * h
            w[axis + at.SECOND * SLOTS + i] = c * area
            w[axis + at.SECOND_SPREAD * SLOTS + i] = ((up if up > down else down) + 128.0 * u * most) * area

    return centers, identity, spreads


def _polynomial_kernel(axis: int, given: int) -> Any:
    """The kernel that fills in the polynomial of the block at ``axis`` from what lies at ``given``."""

    @kernel
    def polynomial(w):
        """The linear and quadratic terms of this axis alone; the coordinates of the quadratic and of the cuts."""
        slope, bend = w[given + at.SLOPE], w[given + at.BENDING]
        center, scale = w[given + at.MIDPOINT], w[given + at.SCALE]
        cut_center, cut_scale = w[given + at.CUT_MIDPOINT], w[given + at.CUT_SCALE]
        for i in range(SLOTS):
            x, h = w[axis + at.CENTER * SLOTS + i], w[axis + at.HALF * SLOTS + i]
            e, g = (x - center) * scale, h * scale
            w[axis + at.E * SLOTS + i] = e
            w[axis + at.E_STEP * SLOTS + i] = g
            w[axis + at.LINEAR * SLOTS + i] = slope * x + bend * e * e
            w[axis + at.LINEAR_STEP * SLOTS + i] = slope * h + 2.0 * bend * e * g
            w[axis + at.BEND * SLOTS + i] = bend * g * g
            w[axis + at.CUT_E * SLOTS + i] = (x - cut_center) * cut_scale
            w[axis + at.CUT_STEP * SLOTS + i] = h * cut_scale

    return polynomial


_sigmoid_x, _tanh_x = _function_kernels(at.AXIS_X)
_sigmoid_y, _tanh_y = _function_kernels(at.AXIS_Y)
_centers_x, _identity_x, _spreads_x = _interval_kernels(at.AXIS_X)
_centers_y, _identity_y, _spreads_y = _interval_kernels(at.AXIS_Y)
_polynomial_x = _polynomial_kernel(at.AXIS_X, at.GIVEN_X)
_polynomial_y = _polynomial_kernel(at.AXIS_Y, at.GIVEN_Y)


@kernel
def tabulate_axes(w, kx, ky):
    """Fill both axis blocks from the ends of their intervals and from what is given of each axis."""
    _centers_x(w)
    if kx == IDENTITY:
        _identity_x(w)
    elif kx == SIGMOID:
        _sigmoid_x(w)
        _spreads_x(w, 0.25, _BEND_SIGMOID, _BEND_AT)
    else:
        _tanh_x(w)
        _spreads_x(w, 1.0, _BEND_TANH, 0.5 * _BEND_AT)
    _polynomial_x(w)
    _centers_y(w)
    if ky == IDENTITY:
        _identity_y(w)
    elif ky == SIGMOID:
        _sigmoid_y(w)
        _spreads_y(w, 0.25, _BEND_SIGMOID, _BEND_AT)
    else:
        _tanh_y(w)
        _spreads_y(w, 1.0, _BEND_TANH, 0.5 * _BEND_AT)
    _polynomial_y(w)
