"""What cuts do to cells: exclude them, or bound the linear part over what is left of them.

A strip says ``|d . e| <= w`` for e = (e_x, e_y). On a cell, e = e_c + (gx xi, gy eta) with |xi|, |eta| <= 1, so for ANY
multiplier l (weak duality, both sides of the strip at once)

    a xi + b eta <= |a - l d1 gx| + |b - l d2 gy| + |l| w - l d . e_c

and likewise with one multiplier each for two strips. The best multipliers sit where one of the moduli vanishes (a
strip against a side of the cell) or both do (a vertex of two strips); those are tried, the least bound is kept.
"""

from __future__ import annotations

import numpy as np

from transformers_abs._bounding import _layout as at
from transformers_abs._bounding._layout import CELL, LANES, STRIPS
from transformers_abs._compile import kernel
from transformers_abs._protocol import DIRECTIONS
from transformers_abs._rounding import UNIT_ROUNDOFF

D1 = tuple(float(d) for d in DIRECTIONS[:, 0])
D2 = tuple(float(d) for d in DIRECTIONS[:, 1])
VERTICES = ((4, 0), (0, 2), (5, 1), (1, 3))
"""Strips whose directions are neighbours, none of them on the side of a box; the determinants are +-1."""
_SLACK = 8.0 * UNIT_ROUNDOFF  # relative rounding of a dual bound's terms


@kernel
def _room(x, y, gx, gy, width, d1, d2, room):
    """Lower (centre's room, nearest point's room, mask of strips that cross, next bit) by one strip's part."""
    center, nearest, mask, bit = room
    here = width - abs(d1 * x + d2 * y)
    radius = abs(d1) * gx + abs(d2) * gy
    center = here if here < center else center
    nearest = here + radius if here + radius < nearest else nearest
    return center, nearest, mask | (0 if here >= radius else bit), 2 * bit


@kernel
def rooms(w):
    """How far inside every strip the centre and the nearest point of each cell lie (negative: outside of some strip),
    and how many strips cross the cell (2: two or more). Returns the mask of the strips that cross any cell.
    :func:`._cells.place_in_cuts` has run."""
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


@kernel
def _slopes(w):
    """Slopes of the linear part in e; below 1e-290 the steps have lost relative accuracy to underflow, and nan makes
    every comparison with a dual bound fail."""
    for k in range(LANES):
        a, b = w[CELL + at.SA * LANES + k], w[CELL + at.SB * LANES + k]
        gx, gy = w[CELL + at.STEP_X * LANES + k], w[CELL + at.STEP_Y * LANES + k]
        w[CELL + at.SLOPE_X * LANES + k] = a / (gx if gx > 1e-290 else np.nan)
        w[CELL + at.SLOPE_Y * LANES + k] = b / (gy if gy > 1e-290 else np.nan)
        w[CELL + at.REACH * LANES + k] = abs(a) + abs(b)


@kernel
def _strip_bounds(w, width, d1, d2):
    """One strip against a side of the cell: lower REACH where that helps."""
    for k in range(LANES):
        gx, gy = d1 * w[CELL + at.STEP_X * LANES + k], d2 * w[CELL + at.STEP_Y * LANES + k]
        s = d1 * w[CELL + at.CUT_X * LANES + k] + d2 * w[CELL + at.CUT_Y * LANES + k]
        a, b, best = w[CELL + at.SA * LANES + k], w[CELL + at.SB * LANES + k], w[CELL + at.REACH * LANES + k]
        size = width + abs(s)
        lam = w[CELL + at.SLOPE_X * LANES + k] * (1.0 / d1)
        left = abs(a - lam * gx) + abs(b - lam * gy)
        bound = left + (abs(lam) * width - lam * s) + _SLACK * (left + abs(lam) * size)
        best = bound if bound < best else best
        lam = w[CELL + at.SLOPE_Y * LANES + k] * (1.0 / d2)
        left = abs(a - lam * gx) + abs(b - lam * gy)
        bound = left + (abs(lam) * width - lam * s) + _SLACK * (left + abs(lam) * size)
        w[CELL + at.REACH * LANES + k] = bound if bound < best else best


@kernel
def _vertex_bounds(w, width1, width2, c1, c2, d1, d2):
    """Two strips at once: lower REACH where that helps."""
    det = c1 * d2 - c2 * d1
    for k in range(LANES):
        ex, gx = w[CELL + at.CUT_X * LANES + k], w[CELL + at.STEP_X * LANES + k]
        ey, gy = w[CELL + at.CUT_Y * LANES + k], w[CELL + at.STEP_Y * LANES + k]
        sx, sy = w[CELL + at.SLOPE_X * LANES + k], w[CELL + at.SLOPE_Y * LANES + k]
        lam, mu = (sx * d2 - sy * d1) * det, (c1 * sy - c2 * sx) * det
        s1, s2 = c1 * ex + c2 * ey, d1 * ex + d2 * ey
        left = abs(w[CELL + at.SA * LANES + k] - (lam * c1 + mu * d1) * gx)
        left += abs(w[CELL + at.SB * LANES + k] - (lam * c2 + mu * d2) * gy)
        size = abs(lam) * (width1 + abs(s1) + 4.0 * (gx + gy)) + abs(mu) * (
            width2 + abs(s2) + 4.0 * (gx + gy)
        )
        bound = left + (abs(lam) * width1 - lam * s1) + (abs(mu) * width2 - mu * s2) + _SLACK * (left + size)
        best = w[CELL + at.REACH * LANES + k]
        w[CELL + at.REACH * LANES + k] = bound if bound < best else best


@kernel
def clip_bounds(w, crossed):
    """Tighten BOUND to what the cuts leave of a cell. :func:`rooms` has run.

    Where one strip only crosses a cell, duality is strong and the linear part attains REACH inside the cuts.
    """
    _slopes(w)
    for strip in range(STRIPS):
        if crossed >> strip & 1:
            _strip_bounds(w, w[at.WIDTHS + strip], D1[strip], D2[strip])
    for i, j in VERTICES:
        if (crossed >> i & 1) and (crossed >> j & 1):
            _vertex_bounds(w, w[at.WIDTHS + i], w[at.WIDTHS + j], D1[i], D2[i], D1[j], D2[j])
    for k in range(LANES):
        bound, before = (
            w[CELL + at.REST * LANES + k] + w[CELL + at.REACH * LANES + k],
            w[CELL + at.BOUND * LANES + k],
        )
        w[CELL + at.BOUND * LANES + k] = bound if bound < before else before
        w[CELL + at.LOSS * LANES + k] = bound - w[CELL + at.LOSS * LANES + k]


@kernel
def exclude(w, reached):
    """BOUND of -inf for cells outside of the cuts; SEEN only where the cell has points inside that attain it. With
    ``reached``, :func:`clip_bounds` has run."""
    for k in range(LANES):
        r, crossed = w[CELL + at.SR * LANES + k], w[CELL + at.CROSSED * LANES + k]
        value = r if w[CELL + at.CENTER_ROOM * LANES + k] >= 0.0 else -np.inf
        gone = w[CELL + at.NEAREST_ROOM * LANES + k] < 0.0
        w[CELL + at.BOUND * LANES + k] = -np.inf if gone else w[CELL + at.BOUND * LANES + k]
        touched = w[CELL + at.LOSS * LANES + k]
        value = touched if reached and (crossed == 1.0) and touched > value and not gone else value
        w[CELL + at.SEEN * LANES + k] = w[CELL + at.SEEN * LANES + k] if crossed == 0.0 else value
