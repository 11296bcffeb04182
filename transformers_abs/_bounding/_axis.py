"""One axis of the grid: where its cells lie, and what a factor does on each of them.

A factor is one of the functions p of a separable product p(x) q(y). Its table says, for every cell with centre c and
half-width h: p, p' h and p'' h^2 / 2 at c, and by how much each can differ from that anywhere in the cell.

Everything follows from ``E = exp(-m |x|)``, computed here and not by libm, so that the error is proven and the loop
is SIMD: ``sig(x)`` (m = 1) and ``tanh(x)`` (m = 2) and their derivatives are rational in E.
"""

from __future__ import annotations

import math

import numpy as np

from transformers_abs._compile import kernel
from transformers_abs._rounding import UNIT_ROUNDOFF

IDENTITY, SIGMOID, TANH = 0, 1, 2

COARSE = 8
"""Cells of an axis in the coarse pass."""
SPLIT = 4
"""Each coarse cell is split into SPLIT x SPLIT fine ones where that can matter."""
FINE = COARSE * SPLIT
POINTS = 2 * FINE + 1
"""Points of an axis: the FINE + 1 nodes at even places and a centre between each two."""

# Rows of a table.
CENTER, HALF, VALUE, VALUE_SPREAD, FIRST, FIRST_SPREAD, SECOND, SECOND_SPREAD = 0, 1, 2, 3, 4, 5, 6, 7
LINEAR, LINEAR_STEP, E, E_STEP, BEND, CUT_E, CUT_STEP = 8, 9, 10, 11, 12, 13, 14
ROWS = 15

# Rows of the points.
AT, P, P1, P2 = 0, 1, 2, 3

_LN2_HIGH = 6.93147180369123816490e-01  # 32 trailing zero bits: k * _LN2_HIGH is exact for |k| < 2^20
_LN2_LOW = 1.90821492927058770002e-10
_INVERSE_LN2 = 1.4426950408889634
_LARGEST = 700.0  # exp(-700) is a normal number; beyond, exp(-700) stands for exp(-z), 1e-304 off
_BEND_AT = 1.3169578969248166  # sig'' is extremal at -+ this, where sig = (3 -+ sqrt 3) / 6
_BEND_SIGMOID = 0.09622504486493763  # 1 / (6 sqrt 3)
_BEND_TANH = 0.7698003589195010  # 4 / (3 sqrt 3)


@kernel
def _exp_minus(z):
    """exp(-z) for z >= 0, relative error below 4 u (for z <= 700).

    ``z = k ln 2 + r``, |r| <= 0.3466: the product with the high part and the difference are exact, the low part errs
    by less than u |r|. Taylor to degree 13 leaves r^14/14! < 4.2e-18 < 0.04 u; Horner's last steps err by
    u (1 + 0.35 + ..) (1 + ..) < 2.5 u; the power of two is exact.
    """
    z = min(z, _LARGEST)
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


@kernel
def place_points(kind, lower, upper, points):
    """Put the points of an axis between lower and upper, in ascending order.

    Coarse nodes are equidistant in ``w(x) = x / (s + |x|)``: where a box is wide they crowd where sigmoid and tanh
    vary, and every tail gets its own cell. Nothing rests on their exact places; only the ends must be the box's.
    """
    scale = 2.0 if kind == TANH else 4.0
    first = lower / (scale + abs(lower))
    last = upper / (scale + abs(upper))
    previous = lower
    for i in range(COARSE):
        w = first + (last - first) * ((i + 1) / COARSE)
        following = upper if kind == IDENTITY else scale * w / (1.0 - abs(w))
        if kind == IDENTITY:
            following = lower + (upper - lower) * ((i + 1) / COARSE)
        following = min(max(following, previous), upper)
        if i == COARSE - 1:
            following = upper
        width = following - previous
        for m in range(2 * SPLIT):
            points[AT, 2 * SPLIT * i + m] = min(previous + width * (m / (2 * SPLIT)), following)
        previous = following
    points[AT, POINTS - 1] = upper


@kernel
def evaluate_points(kind, points):
    """p, p', p'' at every point: errors below 8 u, 16 u |p'|, 32 u |p'|.

    sig = 1/(1+E) or E/(1+E) and sig' = E/(1+E)^2 inherit E's relative error, below 4 u, and a u each operation; sig''
    = sig' (1-E)/(1+E) has the absolute error of 1 - E times sig'. tanh(x) = (1-E)/(1+E) with E at 2x; tanh' = 4
    E/(1+E)^2; tanh'' = -2 tanh tanh'.
    """
    if kind == IDENTITY:
        for i in range(POINTS):
            points[P, i] = points[AT, i]
            points[P1, i] = 1.0
            points[P2, i] = 0.0
        return
    for i in range(POINTS):
        x = points[AT, i]
        z = abs(x)
        e = _exp_minus(z if kind == SIGMOID else 2.0 * z)
        r = 1.0 / (1.0 + e)
        w = e * r * r
        t = (1.0 - e) * r
        t = t if x >= 0.0 else -t
        if kind == SIGMOID:
            points[P, i] = r if x >= 0.0 else e * r
            points[P1, i] = w
            points[P2, i] = -w * t
        else:
            points[P, i] = t
            points[P1, i] = 4.0 * w
            points[P2, i] = -8.0 * w * t


@kernel
def fill_cells(kind, points, cells, table):
    """Values of the factor and their spreads over ``cells`` equal groups of points.

    p is monotone; p' falls away from 0; p'' is monotone but for its two extrema: so the values at the ends of a cell,
    and the peaks where the cell holds them, bound each over the cell.
    """
    step = 2 * FINE // cells
    u = UNIT_ROUNDOFF
    floor = 0.0 if kind == IDENTITY else 16.0 * u
    bend_at = _BEND_AT if kind == SIGMOID else 0.5 * _BEND_AT
    bend = _BEND_SIGMOID if kind == SIGMOID else _BEND_TANH
    peak = 0.25 if kind == SIGMOID else 1.0
    for i in range(cells):
        a, c, b = i * step, i * step + step // 2, (i + 1) * step
        low, mid, high = points[AT, a], points[AT, c], points[AT, b]
        h = max(high - mid, mid - low) * (1.0 + 4.0 * u)
        table[CENTER, i] = mid
        table[HALF, i] = h
        table[VALUE, i] = points[P, c]
        if kind == IDENTITY:
            table[VALUE_SPREAD, i] = h
            table[FIRST, i] = h
            table[FIRST_SPREAD, i] = 0.0
            table[SECOND, i] = 0.0
            table[SECOND_SPREAD, i] = 0.0
            continue
        p = points[P, c]
        table[VALUE_SPREAD, i] = max(abs(points[P, b] - p), abs(p - points[P, a])) + floor
        d = points[P1, c]
        most = max(max(points[P1, a], points[P1, b]), d)
        most = peak if low <= 0.0 <= high else most
        least = min(points[P1, a], points[P1, b])
        table[FIRST, i] = d * h
        table[FIRST_SPREAD, i] = (max(most - d, d - least) + 64.0 * u * most) * h
        d2 = points[P2, c]
        top = max(max(points[P2, a], points[P2, b]), d2)
        low2 = min(min(points[P2, a], points[P2, b]), d2)
        top = bend if low <= 1e-9 - bend_at and high >= -1e-9 - bend_at else top
        low2 = -bend if low <= bend_at + 1e-9 and high >= bend_at - 1e-9 else low2
        area = 0.5 * h * h
        table[SECOND, i] = d2 * area
        table[SECOND_SPREAD, i] = (max(top - d2, d2 - low2) + 128.0 * u * most) * area


@kernel
def fill_polynomial(cells, table, slope, bend, center, scale, cut_center, cut_scale):
    """The linear and quadratic terms of this axis alone, and the coordinates of the quadratic and of the cuts."""
    for i in range(cells):
        x, h = table[CENTER, i], table[HALF, i]
        e = (x - center) * scale
        g = h * scale
        table[E, i] = e
        table[E_STEP, i] = g
        table[LINEAR, i] = slope * x + bend * e * e
        table[LINEAR_STEP, i] = slope * h + 2.0 * bend * e * g
        table[BEND, i] = bend * g * g
        table[CUT_E, i] = (x - cut_center) * cut_scale
        table[CUT_STEP, i] = h * cut_scale
