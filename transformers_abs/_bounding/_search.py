"""The enclosure of one residual: a coarse pass over the box, a fine pass over the cells that can still hold an extremum.

Soundness needs one fact only: every point of the region lies in some cell whose bound has been counted. Which cells are
refined, and in which order, is guided by values that are surely attained (SEEN_UP) and affects tightness alone.
"""

from __future__ import annotations

import numpy as np

from transformers_abs._bounding._axis import (
    AT,
    COARSE,
    FINE,
    HALF,
    IDENTITY,
    POINTS,
    ROWS,
    SPLIT,
    TANH,
    evaluate_points,
    fill_cells,
    fill_polynomial,
    place_points,
)
from transformers_abs._bounding._cells import (
    ALONG_X,
    ALONG_Y,
    BILINEAR,
    CELL_ROWS,
    LOWER,
    MIDDLE,
    SEEN_DOWN,
    SEEN_UP,
    UPPER,
    coarse_cells,
    coarse_intervals,
    fine_cells,
    fine_intervals,
)
from transformers_abs._bounding._clipping import CLIP_ROWS, STRIPS, clip_coarse_cells, clip_fine_cells
from transformers_abs._compile import kernel
from transformers_abs._rounding import UNIT_ROUNDOFF

_LARGEST = 1e60  # magnitudes up to here cannot overflow below: products have at most four factors
_WIDE = 1.0  # half-width of a coarse cell, in units of the factor's scale, from which interval bounds are worth their time


@kernel
def rounding_budget(kx, ky, lower, upper, slopes, coefficients, reach):
    """Bound on the rounding errors of every bound computed from a grid; nan where magnitudes may overflow.

    With M the sum of the magnitudes of all the terms (a factor's value, and its first and second Taylor terms on a cell,
    are at most |x| for the identity; for sigmoid and tanh at most 1, since x p'(x) <= 0.45, x^2 |p''(x)| < 1 and cells
    that hold 0 have half-widths below 1.4): values err by 8 u, slopes and polynomials by 16 u relative to M, and each
    bound takes fewer than 40 further operations on numbers of at most 3 M. 256 u M covers that with room. The remainders,
    all positive, may exceed M; their error is relative to the bound itself and paid for at the end. The last term covers
    underflow.
    """
    x, y = max(abs(lower[0]), abs(upper[0])), max(abs(lower[1]), abs(upper[1]))
    p, q = 2.0 * (x if kx == IDENTITY else 1.0), 2.0 * (y if ky == IDENTITY else 1.0)
    a, b, c = abs(coefficients[0]), abs(coefficients[1]), abs(coefficients[2])
    size = p * q + abs(slopes[0]) * x + abs(slopes[1]) * y
    size += a * reach[0] * reach[0] + 2.0 * b * reach[0] * reach[1] + c * reach[1] * reach[1]
    scale = 1.0 + x + y + abs(slopes[0]) + abs(slopes[1]) + a + b + c + reach[0] + reach[1]
    if not scale <= _LARGEST:
        return np.nan
    return 256.0 * UNIT_ROUNDOFF * size + 1e-290 * scale * scale


@kernel
def axis_tables(kind, lower, upper, points, coarse, fine, slope, bend, center, scale, cut_center, cut_scale):
    """Tables of one axis at both resolutions; returns whether its coarse cells are wide."""
    place_points(kind, lower, upper, points)
    evaluate_points(kind, points)
    fill_cells(kind, points, COARSE, coarse)
    fill_cells(kind, points, FINE, fine)
    fill_polynomial(COARSE, coarse, slope, bend, center, scale, cut_center, cut_scale)
    fill_polynomial(FINE, fine, slope, bend, center, scale, cut_center, cut_scale)
    if kind == IDENTITY:
        return False
    widest = 0.0
    for i in range(COARSE):
        widest = max(widest, coarse[HALF, i])
    return widest * (2.0 if kind == TANH else 1.0) > _WIDE


@kernel
def _witness(points_x, points_y, i, j, fine, k, witness):
    """The corner or centre of fine cell (i, j) where its attained value was seen."""
    at_x, at_y = 2 * i + 1, 2 * j + 1
    if fine[SEEN_UP, k] > fine[MIDDLE, k]:
        a, b, c = fine[ALONG_X, k], fine[ALONG_Y, k], fine[BILINEAR, k]
        same = abs(a + b) + c >= abs(a - b) - c
        to_x = a + b >= 0.0 if same else a - b >= 0.0
        to_y = to_x if same else not to_x
        at_x += 1 if to_x else -1
        at_y += 1 if to_y else -1
    witness[0] = points_x[AT, at_x]
    witness[1] = points_y[AT, at_y]


@kernel
def refine(work, side, k, budget, wide, clipped, cross, widths):
    """Bounds on the fine cells of coarse cell k: the largest, the best value seen, and where."""
    points_x, points_y, _, _, tx, ty, _, fine, clip = work
    i0, j0 = SPLIT * (k // COARSE), SPLIT * (k % COARSE)
    sign = 1.0 - 2.0 * side
    fine_cells(tx, ty, cross, i0, j0, sign, fine)
    if wide:
        fine_intervals(tx, ty, cross, i0, j0, fine)
    if clipped:
        clip_fine_cells(tx, ty, widths, i0, j0, fine, clip)
    top, seen, where = -np.inf, -np.inf, 0
    for m in range(SPLIT * SPLIT):
        top = max(top, fine[UPPER, m])
        if fine[SEEN_UP, m] > seen:
            seen, where = fine[SEEN_UP, m], m
    return top, seen, where


@kernel
def maximum(work, side, budget, wide, clipped, cross, widths, witness):
    """An upper bound on ``g`` (side 0) or ``-g`` (side 1) from the coarse cells, refined; -inf where cuts leave nothing.

    Cells are left unrefined only where their bound is below a value attained elsewhere; the margin of two budgets makes
    that true in exact arithmetic too, so that a region with cuts never gets a looser bound than its box.
    """
    points_x, points_y, _, _, _, _, cells, fine, _ = work
    seen, first = -np.inf, 0
    for k in range(COARSE * COARSE):
        if cells[SEEN_UP + side, k] > seen:
            seen, first = cells[SEEN_UP + side, k], k
    bound, found = -np.inf, -np.inf
    for step in range(-1, COARSE * COARSE):
        k = first if step < 0 else step
        coarse = cells[UPPER + side, k]
        if step == first or coarse == -np.inf:
            continue
        if step >= 0 and coarse <= seen - 2.0 * budget:
            bound = max(bound, coarse)
            continue
        top, value, where = refine(work, side, k, budget, wide, clipped, cross, widths)
        bound = max(bound, min(top, coarse))
        seen = max(seen, value)
        if value > found or found == -np.inf and bound == min(top, coarse):
            found = max(found, value)
            i, j = SPLIT * (k // COARSE) + where // SPLIT, SPLIT * (k % COARSE) + where % SPLIT
            _witness(points_x, points_y, i, j, fine, where, witness)
    return bound


@kernel
def _inflated_widths(box_lower, box_upper, center, scale, given, widths):
    """Widths of the strips plus every error of a cell's place in them; False where that may overflow.

    e errs by 2 u |e|, a step by u of itself, a strip's d . e by 3 more roundings of at most 4 |e|: below 64 u |e| and,
    for the comparison itself, a few u w.
    """
    reach = 0.0
    for k in range(2):
        reach += max(abs(box_lower[k] - center[k]), abs(box_upper[k] - center[k])) * scale[k]
    if not reach <= _LARGEST:
        return False
    for strip in range(STRIPS):
        widths[strip] = given[strip] + 64.0 * UNIT_ROUNDOFF * (reach + given[strip]) + 1e-300
    return True


@kernel
def _both_bounds(work, kx, ky, budget, wide, clipped, cross, widths, low_witness, high_witness):
    _, _, cx, cy, _, _, cells, _, clip = work
    coarse_cells(cx, cy, cross, cells)
    if wide:
        coarse_intervals(cx, cy, cross, cells)
    if clipped and not clip_coarse_cells(cx, cy, widths, cells, clip):
        return -np.inf, -np.inf
    high = maximum(work, 0, budget, wide, clipped, cross, widths, high_witness)
    low = maximum(work, 1, budget, wide, clipped, cross, widths, low_witness)
    return low, high


@kernel
def enclose_range(
    kx,
    ky,
    slopes,
    lower,
    upper,
    clipped,
    cut_center,
    cut_scale,
    cut_width,
    bent,
    coefficients,
    center,
    scale,
    low,
    high,
    argmin,
    argmax,
    start,
    stop,
):
    """Enclose regions start..stop of arrays (N, rows) and write their bounds and witnesses."""
    points_x, points_y = np.empty((4, POINTS)), np.empty((4, POINTS))
    coarse_x, coarse_y = np.empty((ROWS, COARSE)), np.empty((ROWS, COARSE))
    fine_x, fine_y = np.empty((ROWS, FINE)), np.empty((ROWS, FINE))
    cells, fine, clip = (
        np.empty((5, COARSE * COARSE)),
        np.empty((CELL_ROWS, SPLIT * SPLIT)),
        np.empty((CLIP_ROWS, COARSE * COARSE)),
    )
    work = (points_x, points_y, coarse_x, coarse_y, fine_x, fine_y, cells, fine, clip)
    widths, reach, m, c, s, cm, cs = (
        np.empty(STRIPS),
        np.zeros(2),
        np.zeros(3),
        np.zeros(2),
        np.ones(2),
        np.zeros(2),
        np.ones(2),
    )
    for n in range(start, stop):
        if bent:
            m[:], c[:], s[:] = coefficients[:, n], center[:, n], scale[:, n]
            for k in range(2):
                reach[k] = max(abs(lower[k, n] - c[k]), abs(upper[k, n] - c[k])) * abs(s[k])
        if clipped:
            cm[:], cs[:] = cut_center[:, n], cut_scale[:, n]
        budget = rounding_budget(kx, ky, lower[:, n], upper[:, n], slopes[:, n], m, reach)
        if not budget <= _LARGEST * _LARGEST:
            low[n], high[n] = np.nan, np.nan
            continue
        wide_x = axis_tables(
            kx,
            lower[0, n],
            upper[0, n],
            points_x,
            coarse_x,
            fine_x,
            slopes[0, n],
            m[0],
            c[0],
            s[0],
            cm[0],
            cs[0],
        )
        wide_y = axis_tables(
            ky,
            lower[1, n],
            upper[1, n],
            points_y,
            coarse_y,
            fine_y,
            slopes[1, n],
            m[2],
            c[1],
            s[1],
            cm[1],
            cs[1],
        )
        wide = wide_x or wide_y
        cut = clipped and _inflated_widths(lower[:, n], upper[:, n], cm, cs, cut_width[:, n], widths)
        below, above = _both_bounds(
            work, kx, ky, budget, wide, cut, 2.0 * m[1], widths, argmin[:, n], argmax[:, n]
        )
        if cut and (below == -np.inf or above == -np.inf):  # the cuts are numerically empty: the box remains
            below, above = _both_bounds(
                work, kx, ky, budget, wide, False, 2.0 * m[1], widths, argmin[:, n], argmax[:, n]
            )
        low[n] = -(below + (budget + 32.0 * UNIT_ROUNDOFF * abs(below)))
        high[n] = above + (budget + 32.0 * UNIT_ROUNDOFF * abs(above))
