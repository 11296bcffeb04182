"""Bounds of a residual over cells.

On a cell with half-widths (hx, hy) and coordinates |xi|, |eta| <= 1, write p(x) = p + p1 xi + P xi^2 with p1 = p' hx
and P in an enclosure of p'' hx^2 / 2, and q(y) likewise. Then

    p(x) q(y) = (p + p1 xi) (q + q1 eta) + P q(y) xi^2 + (p + p1 xi) Q eta^2,

so the residual g satisfies, without any further remainder,

    g = r + a xi + b eta + c xi eta + X xi^2 + Y eta^2

where r is the value at the centre, a = g_x hx, b = g_y hy, c = g_xy hx hy there, X = P q(y) less the quadratic's part
and Y = Q (p + p1 xi) less the quadratic's part. These lie within XX_SPREAD and YY_SPREAD of XX = p2 q and YY = p q2
(less those parts), p2 = p'' hx^2 / 2: with qr the spread of q, and p2r, q2r those of P and Q,

    |P q(y) - p2 q| <= |p2| qr + p2r (|q| + qr),   |Q (p + p1 xi) - p q2| <= |q2| |p1| + q2r (|p| + |p1|).

Two bounds above g follow:

* the bilinear part is extremal at a corner: max(|a + b| + c, |a - b| - c) + max(0, X) + max(0, Y);
* axis by axis, with credit for concavity: |c| + psi(|a|, X) + psi(|b|, Y), psi(s, X) = max(s / 2, s + X),
  which is at least the maximum of s t + X t^2 on [0, 1]: s + X if s >= -2 X, and else s^2 / (-4 X) <= s / 2.

Where cells are wide, plain interval arithmetic is intersected; where cuts cross them, see :mod:`._clipping`.
Rounding is paid for at the end, once (:func:`._enclose.rounding_budget`).
"""

from __future__ import annotations

from typing import Any

from transformers_abs._bounding import _layout as at
from transformers_abs._bounding._layout import CELL, LANES, PARENTS, SLOTS
from transformers_abs.compilation import inlined


def _quarter(m: int, n: int) -> Any:
    """The kernels that fill the lanes of half m in x and half n in y (constants to the compiler)."""
    X, Y, OUT = at.AXIS_X + m * PARENTS, at.AXIS_Y + n * PARENTS, CELL + (2 * m + n) * PARENTS

    @inlined
    def taylor_terms(w):
        cross = w[at.CROSS]
        for s in range(PARENTS):
            p, p1 = w[X + at.VALUE * SLOTS + s], w[X + at.FIRST * SLOTS + s]
            p2, p2r = w[X + at.SECOND * SLOTS + s], w[X + at.SECOND_SPREAD * SLOTS + s]
            q, q1 = w[Y + at.VALUE * SLOTS + s], w[Y + at.FIRST * SLOTS + s]
            q2, q2r = w[Y + at.SECOND * SLOTS + s], w[Y + at.SECOND_SPREAD * SLOTS + s]
            qr = w[Y + at.VALUE_SPREAD * SLOTS + s]
            ex, gx = cross * w[X + at.E * SLOTS + s], cross * w[X + at.E_STEP * SLOTS + s]
            ey, gy = w[Y + at.E * SLOTS + s], w[Y + at.E_STEP * SLOTS + s]
            linear = w[X + at.LINEAR * SLOTS + s] + w[Y + at.LINEAR * SLOTS + s]
            w[OUT + at.R * LANES + s] = p * q - linear - ex * ey
            w[OUT + at.A * LANES + s] = p1 * q - w[X + at.LINEAR_STEP * SLOTS + s] - gx * ey
            w[OUT + at.B * LANES + s] = p * q1 - w[Y + at.LINEAR_STEP * SLOTS + s] - ex * gy
            w[OUT + at.C * LANES + s] = p1 * q1 - gx * gy
            w[OUT + at.XX * LANES + s] = p2 * q - w[X + at.BEND * SLOTS + s]
            w[OUT + at.YY * LANES + s] = p * q2 - w[Y + at.BEND * SLOTS + s]
            w[OUT + at.XX_SPREAD * LANES + s] = abs(p2) * qr + p2r * (abs(q) + qr)
            w[OUT + at.YY_SPREAD * LANES + s] = p1 * abs(q2) + q2r * (abs(p) + p1)
            w[OUT + at.CUT_X * LANES + s] = w[X + at.CUT_E * SLOTS + s]
            w[OUT + at.CUT_Y * LANES + s] = w[Y + at.CUT_E * SLOTS + s]
            w[OUT + at.STEP_X * LANES + s] = w[X + at.CUT_STEP * SLOTS + s]
            w[OUT + at.STEP_Y * LANES + s] = w[Y + at.CUT_STEP * SLOTS + s]

    @inlined
    def interval_radii(w):
        cross = abs(w[at.CROSS])
        for s in range(PARENTS):
            p, pr = abs(w[X + at.VALUE * SLOTS + s]), w[X + at.VALUE_SPREAD * SLOTS + s]
            q, qr = abs(w[Y + at.VALUE * SLOTS + s]), w[Y + at.VALUE_SPREAD * SLOTS + s]
            ex, gx = abs(w[X + at.E * SLOTS + s]), abs(w[X + at.E_STEP * SLOTS + s])
            ey, gy = abs(w[Y + at.E * SLOTS + s]), abs(w[Y + at.E_STEP * SLOTS + s])
            radius = p * qr + pr * (q + qr) + cross * (ex * gy + gx * (ey + gy))
            radius += abs(w[X + at.LINEAR_STEP * SLOTS + s]) + abs(w[X + at.BEND * SLOTS + s])
            radius += abs(w[Y + at.LINEAR_STEP * SLOTS + s]) + abs(w[Y + at.BEND * SLOTS + s])
            w[OUT + at.RADIUS * LANES + s] = radius

    return taylor_terms, interval_radii


_taylor_00, _radii_00 = _quarter(0, 0)
_taylor_01, _radii_01 = _quarter(0, 1)
_taylor_10, _radii_10 = _quarter(1, 0)
_taylor_11, _radii_11 = _quarter(1, 1)


@inlined
def taylor_terms(w):
    """The Taylor terms of every lane, and its coordinates in the cuts."""
    _taylor_00(w)
    _taylor_01(w)
    _taylor_10(w)
    _taylor_11(w)


@inlined
def cell_radii(w):
    """How far the residual can be from its value at the centre of a cell, by interval arithmetic."""
    _radii_00(w)
    _radii_01(w)
    _radii_10(w)
    _radii_11(w)


@inlined
def signed_bounds(w, flip):
    """BOUND above ``SIGN * g`` on every lane, and SEEN, a value attained at its best corner or its centre, after SIGN
    has been multiplied by ``flip``."""
    for k in range(LANES):
        sign = flip * w[CELL + at.SIGN * LANES + k]
        w[CELL + at.SIGN * LANES + k] = sign
        r, a = sign * w[CELL + at.R * LANES + k], sign * w[CELL + at.A * LANES + k]
        b, c = sign * w[CELL + at.B * LANES + k], sign * w[CELL + at.C * LANES + k]
        x, xr = sign * w[CELL + at.XX * LANES + k], w[CELL + at.XX_SPREAD * LANES + k]
        y, yr = sign * w[CELL + at.YY * LANES + k], w[CELL + at.YY_SPREAD * LANES + k]
        x0, x1, y0, y1 = x - xr, x + xr, y - yr, y + yr
        same, opposite = abs(a + b) + c, abs(a - b) - c
        corner = same if same > opposite else opposite
        bends = (x1 if x1 > 0.0 else 0.0) + (y1 if y1 > 0.0 else 0.0)
        s, t = abs(a), abs(b)
        along_x, along_y = max(0.5 * s, s + x1), max(0.5 * t, t + y1)
        bound = min(corner + bends, abs(c) + along_x + along_y)
        seen = corner + x0 + y0
        loss = (x0 if x0 < 0.0 else 0.0) + (y0 if y0 < 0.0 else 0.0)
        w[CELL + at.SR * LANES + k] = r
        w[CELL + at.SA * LANES + k] = a
        w[CELL + at.SB * LANES + k] = b
        w[CELL + at.REST * LANES + k] = r + bends + abs(c)
        w[CELL + at.LOSS * LANES + k] = 2.0 * abs(c) + bends - loss
        w[CELL + at.BOUND * LANES + k] = r + min(bound, w[CELL + at.RADIUS * LANES + k])
        w[CELL + at.SEEN * LANES + k] = r + (seen if seen > 0.0 else 0.0)
