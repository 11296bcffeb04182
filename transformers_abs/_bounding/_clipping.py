"""What cuts do to cells: exclude them, or bound the linear part over what is left of them.

A strip says ``|d . e| <= w`` for e = (e_x, e_y). On a cell, e = e_c + (gx xi, gy eta) with |xi|, |eta| <= 1, so for ANY
multiplier l (weak duality, both sides of the strip at once)

    a xi + b eta <= |a - l d1 gx| + |b - l d2 gy| + |l| w - l d . e_c

and likewise with one multiplier each for two strips. The best multipliers sit where one of the moduli vanishes (a
strip against a side of the cell) or both do (a vertex of two strips); those are tried, the least bound is kept.
"""

from __future__ import annotations

import numpy as np

from transformers_abs._bounding._axis import COARSE, CUT_E, CUT_STEP, SPLIT
from transformers_abs._bounding._cells import (
    ALONG_X,
    ALONG_Y,
    BILINEAR,
    LOWER,
    MIDDLE,
    REST,
    SEEN_DOWN,
    SEEN_UP,
    UPPER,
)
from transformers_abs._compile import kernel
from transformers_abs._protocol import DIRECTIONS
from transformers_abs._rounding import UNIT_ROUNDOFF

STRIPS = len(DIRECTIONS)
D1 = tuple(float(d) for d in DIRECTIONS[:, 0])
D2 = tuple(float(d) for d in DIRECTIONS[:, 1])
VERTICES = ((4, 0), (0, 2), (5, 1), (1, 3))
"""Strips whose directions are neighbours, none of them on the side of a box; the determinants are +-1."""

# Rows of a clipping array: how far inside every strip the centre, the farthest and the nearest point of a cell lie
# (negative: outside of some strip).
CENTER_ROOM, FARTHEST_ROOM, NEAREST_ROOM, SLOPE_X, SLOPE_Y, BEST = 0, 1, 2, 3, 4, 5
CLIP_ROWS = 6


@kernel
def rooms(tx, ty, widths, i0, j0, count, clip):
    """Fill the rooms of the count x count cells from (i0, j0) on."""
    for k in range(count * count):
        clip[CENTER_ROOM, k] = np.inf
        clip[FARTHEST_ROOM, k] = np.inf
        clip[NEAREST_ROOM, k] = np.inf
    for strip in range(STRIPS):
        w = widths[strip]
        if w == np.inf:
            continue
        d1, d2 = D1[strip], D2[strip]
        for m in range(count):
            s1, r1 = d1 * tx[CUT_E, i0 + m], abs(d1) * tx[CUT_STEP, i0 + m]
            for n in range(count):
                s = w - abs(s1 + d2 * ty[CUT_E, j0 + n])
                radius = r1 + abs(d2) * ty[CUT_STEP, j0 + n]
                k = m * count + n
                clip[CENTER_ROOM, k] = min(clip[CENTER_ROOM, k], s)
                clip[FARTHEST_ROOM, k] = min(clip[FARTHEST_ROOM, k], s - radius)
                clip[NEAREST_ROOM, k] = min(clip[NEAREST_ROOM, k], s + radius)


@kernel
def _strip_bounds(tx, ty, widths, i0, j0, cells, clip):
    """One strip against a side of the cell: lower BEST where that helps."""
    slack = 8.0 * UNIT_ROUNDOFF
    for strip in range(STRIPS):
        w = widths[strip]
        if w == np.inf:
            continue
        d1, d2 = D1[strip], D2[strip]
        for m in range(SPLIT):
            s1, gx = d1 * tx[CUT_E, i0 + m], tx[CUT_STEP, i0 + m]
            for n in range(SPLIT):
                k = m * SPLIT + n
                s, gy = s1 + d2 * ty[CUT_E, j0 + n], ty[CUT_STEP, j0 + n]
                a, b, best = cells[ALONG_X, k], cells[ALONG_Y, k], clip[BEST, k]
                reach = w + abs(s)
                lam = clip[SLOPE_X, k] / d1
                left = abs(a - lam * d1 * gx) + abs(b - lam * d2 * gy)
                bound = left + (abs(lam) * w - lam * s) + slack * (left + abs(lam) * reach)
                best = bound if bound < best else best
                lam = clip[SLOPE_Y, k] / d2
                left = abs(a - lam * d1 * gx) + abs(b - lam * d2 * gy)
                bound = left + (abs(lam) * w - lam * s) + slack * (left + abs(lam) * reach)
                clip[BEST, k] = bound if bound < best else best


@kernel
def _vertex_bounds(tx, ty, widths, i0, j0, cells, clip):
    """Two neighbouring strips: lower BEST where that helps."""
    slack = 8.0 * UNIT_ROUNDOFF
    for first, second in VERTICES:
        w1, w2 = widths[first], widths[second]
        if w1 == np.inf or w2 == np.inf:
            continue
        c1, c2, d1, d2 = D1[first], D2[first], D1[second], D2[second]
        det = c1 * d2 - c2 * d1
        for m in range(SPLIT):
            ex, gx = tx[CUT_E, i0 + m], tx[CUT_STEP, i0 + m]
            for n in range(SPLIT):
                k = m * SPLIT + n
                ey, gy = ty[CUT_E, j0 + n], ty[CUT_STEP, j0 + n]
                sx, sy = clip[SLOPE_X, k], clip[SLOPE_Y, k]
                lam, mu = (sx * d2 - sy * d1) * det, (c1 * sy - c2 * sx) * det
                s1, s2 = c1 * ex + c2 * ey, d1 * ex + d2 * ey
                left = abs(cells[ALONG_X, k] - (lam * c1 + mu * d1) * gx)
                left += abs(cells[ALONG_Y, k] - (lam * c2 + mu * d2) * gy)
                bound = left + (abs(lam) * w1 - lam * s1) + (abs(mu) * w2 - mu * s2)
                size = abs(lam) * (w1 + abs(s1) + 4.0 * (gx + gy)) + abs(mu) * (
                    w2 + abs(s2) + 4.0 * (gx + gy)
                )
                bound += slack * (left + size)
                clip[BEST, k] = bound if bound < clip[BEST, k] else clip[BEST, k]


@kernel
def clip_fine_cells(tx, ty, widths, i0, j0, cells, clip):
    """Tighten UPPER of the fine cells of one coarse cell to what the cuts leave of them, and withdraw values
    (SEEN_UP) that may be attained outside of the cuts only."""
    rooms(tx, ty, widths, i0, j0, SPLIT, clip)
    for m in range(SPLIT):
        gx = tx[CUT_STEP, i0 + m]
        for n in range(SPLIT):
            k = m * SPLIT + n
            a, b = cells[ALONG_X, k], cells[ALONG_Y, k]
            gy = ty[CUT_STEP, j0 + n]
            # Below 1e-290 the steps have lost relative accuracy to underflow; nan makes every comparison fail.
            clip[SLOPE_X, k] = a / gx if gx > 1e-290 else np.nan
            clip[SLOPE_Y, k] = b / gy if gy > 1e-290 else np.nan
            clip[BEST, k] = abs(a) + abs(b)
    _strip_bounds(tx, ty, widths, i0, j0, cells, clip)
    _vertex_bounds(tx, ty, widths, i0, j0, cells, clip)
    for k in range(SPLIT * SPLIT):
        bound = cells[REST, k] + clip[BEST, k] + abs(cells[BILINEAR, k])
        bound = min(bound, cells[UPPER, k])
        cells[UPPER, k] = -np.inf if clip[NEAREST_ROOM, k] < 0.0 else bound
        middle = cells[MIDDLE, k] if clip[CENTER_ROOM, k] >= 0.0 else -np.inf
        cells[SEEN_UP, k] = cells[SEEN_UP, k] if clip[FARTHEST_ROOM, k] >= 0.0 else middle


@kernel
def clip_coarse_cells(tx, ty, widths, cells, clip):
    """Exclude coarse cells (bounds of -inf) and withdraw values attained outside of the cuts only.

    Returns False where every cell would be excluded: the cuts are numerically empty, and nothing is done.
    """
    rooms(tx, ty, widths, 0, 0, COARSE, clip)
    alive = 0
    for k in range(COARSE * COARSE):
        alive += 0 if clip[NEAREST_ROOM, k] < 0.0 else 1
    if alive == 0:
        return False
    for k in range(COARSE * COARSE):
        r = cells[MIDDLE, k]
        gone, whole, centre = (
            clip[NEAREST_ROOM, k] < 0.0,
            clip[FARTHEST_ROOM, k] >= 0.0,
            clip[CENTER_ROOM, k] >= 0.0,
        )
        cells[UPPER, k] = -np.inf if gone else cells[UPPER, k]
        cells[LOWER, k] = -np.inf if gone else cells[LOWER, k]
        cells[SEEN_UP, k] = cells[SEEN_UP, k] if whole else (r if centre else -np.inf)
        cells[SEEN_DOWN, k] = cells[SEEN_DOWN, k] if whole else (-r if centre else -np.inf)
    return True
