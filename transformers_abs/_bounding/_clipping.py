"""What cuts do to cells: exclude them, or bound the linear part over what is left of them.

A strip says ``|d . e| <= w`` for e = (e_x, e_y). On a cell, e = e_c + (gx xi, gy eta) with |xi|, |eta| <= 1, so for ANY
multiplier l (weak duality, both sides of the strip at once)

    a xi + b eta <= |a - l d1 gx| + |b - l d2 gy| + |l| w - l d . e_c

and likewise with one multiplier each for two strips. The best multipliers sit where one of the moduli vanishes (a
strip against a side of the cell) or both do (a vertex of two strips); those are tried, the least bound is kept.

Computed are ``sx = a / gx`` and ``sy = b / gy``; multipliers are these by powers of two, or differences of such. The
modulus that vanishes is left out and the other is ``g |sx d2 - sy d1|`` by a power of two. With W the width as widened
by :func:`._enclose.inflate_widths` and R the reach used there (steps, and |e_c| on either axis, are at most R; so
|d . e_c| <= 2 R) this errs as follows, l standing for one multiplier, or for the sum of the moduli of two:

* ``|a - sx gx| <= 3 u |sx| gx`` with the error of gx; likewise b. So the moduli err by less than 16 u |l| R + 5 u |b|
  (or |a|): for a vertex, a multiplier's own rounding is another u of itself, times 2 R on each axis.
* l W and l s and their sums err by less than 16 u |l| R + 4 u |l| W, the error of s included.

That is below the 128 u |l| (R + w) by which |l| W exceeds |l| w, but for 5 u |b|, which the budget covers. Underflow
costs a few TINY R < 1e-290. Overflow gives nan or an infinity, and these change nothing.
"""

from __future__ import annotations

import numpy as np

from transformers_abs._bounding import _layout as at
from transformers_abs._bounding._layout import CELL, LANES
from transformers_abs._protocol import DIRECTIONS
from transformers_abs.compilation import inlined

D1 = tuple(float(d) for d in DIRECTIONS[:, 0])
D2 = tuple(float(d) for d in DIRECTIONS[:, 1])
VERTICES = ((4, 0), (0, 2), (5, 1), (1, 3))
"""Strips whose directions are neighbours, none of them on the side of a box; the determinants are +-1."""


@inlined
def _room(x, y, gx, gy, width, d1, d2, room):
    """Lower (centre's room, nearest point's room, mask of strips that cross, next bit) by one strip's part."""
    center, nearest, mask, bit = room
    here = width - abs(d1 * x + d2 * y)
    radius = abs(d1) * gx + abs(d2) * gy
    center = here if here < center else center
    nearest = here + radius if here + radius < nearest else nearest
    return center, nearest, mask | (0 if here >= radius else bit), 2 * bit


@inlined
def rooms(w):
    """How far inside every strip the centre and the nearest point of each cell lie (negative: outside of some strip),
    and how many strips cross the cell (2: two or more). Returns the mask of the strips that cross any cell.
    :func:`._cells.taylor_terms` has run."""
    w0, w1, w2 = w[at.WIDTHS], w[at.WIDTHS + 1], w[at.WIDTHS + 2]
    w3, w4, w5 = w[at.WIDTHS + 3], w[at.WIDTHS + 4], w[at.WIDTHS + 5]
    crossed = 0
    for k in range(LANES):
        x, y = w[CELL + at.CUT_X * LANES + k], w[CELL + at.CUT_Y * LANES + k]
        gx, gy = w[CELL + at.STEP_X * LANES + k], w[CELL + at.STEP_Y * LANES + k]
        room = _room(x, y, gx, gy, w0, D1[0], D2[0], (np.inf, np.inf, 0, 1))
        room = _room(x, y, gx, gy, w1, D1[1], D2[1], room)
        room = _room(x, y, gx, gy, w2, D1[2], D2[2], room)
        room = _room(x, y, gx, gy, w3, D1[3], D2[3], room)
        room = _room(x, y, gx, gy, w4, D1[4], D2[4], room)
        room = _room(x, y, gx, gy, w5, D1[5], D2[5], room)
        w[CELL + at.CENTER_ROOM * LANES + k] = room[0]
        w[CELL + at.NEAREST_ROOM * LANES + k] = room[1]
        mask = room[2]
        # 0 strips, one (a power of two), or more
        w[CELL + at.CROSSED * LANES + k] = 0.0 if mask == 0 else (1.0 if mask & (mask - 1) == 0 else 2.0)
        crossed |= mask
    return crossed


@inlined
def _strip_bound(reach, line, steps, width, d1, d2):
    """What one strip leaves of ``reach``: against the sides of the cell in x and in y."""
    sx, sy, ax, ay, ex, ey = line
    gx, gy = steps
    across, s = abs(sx * d2 - sy * d1), d1 * ex + d2 * ey
    bound = (gy * across + (ax * width - sx * s)) * (1.0 / d1)
    reach = bound if bound < reach else reach
    bound = gx * across * (1.0 / abs(d2)) + (ay * (width * (1.0 / abs(d2))) - sy * (s * (1.0 / d2)))
    return bound if bound < reach else reach


@inlined
def _vertex_bound(reach, line, width1, width2, c1, c2, d1, d2):
    """What two strips at once leave of ``reach``."""
    sx, sy, _, _, ex, ey = line
    det = c1 * d2 - c2 * d1
    lam, mu = (sx * d2 - sy * d1) * det, (sy * c1 - sx * c2) * det
    first, second = abs(lam) * width1 - lam * (c1 * ex + c2 * ey), abs(mu) * width2 - mu * (d1 * ex + d2 * ey)
    return first + second if first + second < reach else reach


@inlined
def clip_bounds(w):
    """REACH: the largest increase of the linear part that the cuts leave of a cell.

    Below 1e-290 the steps have lost relative accuracy to underflow, and nan makes every comparison with a dual bound
    fail.
    """
    w0, w1, w2 = w[at.WIDTHS], w[at.WIDTHS + 1], w[at.WIDTHS + 2]
    w3, w4, w5 = w[at.WIDTHS + 3], w[at.WIDTHS + 4], w[at.WIDTHS + 5]
    for k in range(LANES):
        a, b = w[CELL + at.SA * LANES + k], w[CELL + at.SB * LANES + k]
        gx, gy = w[CELL + at.STEP_X * LANES + k], w[CELL + at.STEP_Y * LANES + k]
        sx, sy = a / (gx if gx > 1e-290 else np.nan), b / (gy if gy > 1e-290 else np.nan)
        line = sx, sy, abs(sx), abs(sy), w[CELL + at.CUT_X * LANES + k], w[CELL + at.CUT_Y * LANES + k]
        reach = abs(a) + abs(b)
        reach = _strip_bound(reach, line, (gx, gy), w0, D1[0], D2[0])
        reach = _strip_bound(reach, line, (gx, gy), w1, D1[1], D2[1])
        reach = _strip_bound(reach, line, (gx, gy), w2, D1[2], D2[2])
        reach = _strip_bound(reach, line, (gx, gy), w3, D1[3], D2[3])
        reach = _strip_bound(reach, line, (gx, gy), w4, D1[4], D2[4])
        reach = _strip_bound(reach, line, (gx, gy), w5, D1[5], D2[5])
        reach = _vertex_bound(reach, line, w4, w0, D1[4], D2[4], D1[0], D2[0])
        reach = _vertex_bound(reach, line, w0, w2, D1[0], D2[0], D1[2], D2[2])
        reach = _vertex_bound(reach, line, w5, w1, D1[5], D2[5], D1[1], D2[1])
        reach = _vertex_bound(reach, line, w1, w3, D1[1], D2[1], D1[3], D2[3])
        w[CELL + at.REACH * LANES + k] = reach if reach > -np.inf else abs(a) + abs(b)
