"""The loop over regions, and what rounding costs."""

from __future__ import annotations

import numpy as np

from transformers_abs._bounding._axis import IDENTITY
from transformers_abs._bounding._clipping import STRIPS
from transformers_abs._bounding._layout import PARENTS, WORK_SIZE
from transformers_abs._bounding._search import (
    AT_X,
    AT_Y,
    CAPACITY,
    COARSE,
    QUEUE_ROWS,
    STATE_ROWS,
    TOP,
    bound_both,
)
from transformers_abs._compile import kernel
from transformers_abs._rounding import UNIT_ROUNDOFF

_LARGEST = 1e60  # magnitudes up to here cannot overflow: products have at most four such factors


@kernel
def rounding_budget(kx, ky, lower, upper, slopes, form, reach):
    """Bound on the rounding errors of every bound computed from cells; nan where magnitudes may overflow.

    With M the sum of the magnitudes of all the terms (a factor's value, and its first and second Taylor terms on a
    cell, are at most |x| for the identity; for sigmoid and tanh at most 1, since x p'(x) <= 0.45, x^2 |p''(x)| < 1 and
    cells that hold 0 have half-widths below 1.4): values err by 8 u, slopes and polynomials by 16 u relative to M, and
    each bound takes fewer than 40 further operations on numbers of at most 3 M. 256 u M covers that with room. The
    remainders, all positive, may exceed M; their error is relative to the bound itself and added where it is known.
    The last term covers underflow.
    """
    x, y = max(abs(lower[0]), abs(upper[0])), max(abs(lower[1]), abs(upper[1]))
    p, q = 2.0 * (x if kx == IDENTITY else 1.0), 2.0 * (y if ky == IDENTITY else 1.0)
    a, b, c = abs(form[0]), abs(form[1]), abs(form[2])
    size = p * q + abs(slopes[0]) * x + abs(slopes[1]) * y
    size += a * reach[0] * reach[0] + 2.0 * b * reach[0] * reach[1] + c * reach[1] * reach[1]
    scale = 1.0 + x + y + abs(slopes[0]) + abs(slopes[1]) + a + b + c + reach[0] + reach[1]
    if not scale <= _LARGEST:
        return np.nan
    return 256.0 * UNIT_ROUNDOFF * size + 1e-290 * scale * scale


@kernel
def inflate_widths(lower, upper, center, scale, given, widths):
    """Widths of the strips plus every error of a cell's place in them; False where that may overflow.

    e errs by 2 u |e|, a step by u of itself, a strip's d . e by 3 more roundings of at most 4 |e|: below 64 u |e| and,
    for the comparison itself, a few u of the width.
    """
    reach = 0.0
    for k in range(2):
        reach += max(abs(lower[k] - center[k]), abs(upper[k] - center[k])) * scale[k]
    if not reach <= _LARGEST:
        return False
    for strip in range(STRIPS):
        widths[strip] = given[strip] + 64.0 * UNIT_ROUNDOFF * (reach + given[strip]) + 1e-300
    return True


@kernel
def enclose_range(kx, ky, slopes, boxes, cut, cuts, bent, quadratic, results, start, stop):
    """Enclose regions start..stop and write their bounds and witnesses.

    boxes: (lower, upper); cuts: (center, scale, width), read if ``cut``; quadratic: (coefficients, center, scale), read
    if ``bent``; results: (lower, upper, argmin, argmax).
    """
    lower, upper = boxes
    low, high, argmin, argmax = results
    queue, other = np.empty((QUEUE_ROWS, CAPACITY)), np.empty((QUEUE_ROWS, CAPACITY))
    state, nodes = np.zeros((STATE_ROWS, 2)), np.zeros((2, COARSE + 1))
    memory = (np.zeros(WORK_SIZE), state, queue, other, nodes, np.zeros(PARENTS))
    widths, reach, form = np.empty(STRIPS), np.zeros(2), np.zeros(3)
    center, scale, cut_center, cut_scale = np.zeros(2), np.ones(2), np.zeros(2), np.ones(2)
    box_low, box_high, slope = np.empty(2), np.empty(2), np.empty(2)
    for n in range(start, stop):
        for k in range(2):
            box_low[k], box_high[k], slope[k] = lower[k, n], upper[k, n], slopes[k, n]
            if bent:
                center[k], scale[k] = quadratic[1][k, n], quadratic[2][k, n]
                reach[k] = max(abs(box_low[k] - center[k]), abs(box_high[k] - center[k])) * abs(scale[k])
            if cut:
                cut_center[k], cut_scale[k] = cuts[0][k, n], cuts[1][k, n]
        if bent:
            for k in range(3):
                form[k] = quadratic[0][k, n]
        budget = rounding_budget(kx, ky, box_low, box_high, slope, form, reach)
        if not budget >= 0.0:
            low[n], high[n] = np.nan, np.nan
            argmin[0, n], argmin[1, n], argmax[0, n], argmax[1, n] = np.nan, np.nan, np.nan, np.nan
            continue
        clipped = cut and inflate_widths(box_low, box_high, cut_center, cut_scale, cuts[2][:, n], widths)
        given = (kx, ky, box_low, box_high, slope, form, center, scale, cut_center, cut_scale, 2.0 * budget)
        bound_both(*given, clipped, widths, memory)
        if clipped and (state[TOP, 0] == -np.inf or state[TOP, 1] == -np.inf):
            bound_both(*given, False, widths, memory)  # the cuts are numerically empty: the box remains
        above, below = state[TOP, 0], state[TOP, 1]
        high[n] = above + (budget + 32.0 * UNIT_ROUNDOFF * abs(above))
        low[n] = -(below + (budget + 32.0 * UNIT_ROUNDOFF * abs(below)))
        argmax[0, n], argmax[1, n] = state[AT_X, 0], state[AT_Y, 0]
        argmin[0, n], argmin[1, n] = state[AT_X, 1], state[AT_Y, 1]
