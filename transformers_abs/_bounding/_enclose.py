"""The loop over regions, and what rounding costs."""

from __future__ import annotations

import numpy as np

from transformers_abs._bounding import _layout as at
from transformers_abs._bounding._axis import IDENTITY
from transformers_abs._bounding._layout import GIVEN_ROWS, GIVEN_X, GIVEN_Y, STRIPS, WORK_SIZE
from transformers_abs._bounding._search import bound_both
from transformers_abs.compilation import inlined, kernel
from transformers_abs.rounding import UNIT_ROUNDOFF

_LARGEST = 1e60  # magnitudes up to here cannot overflow: products have at most four such factors
_LARGEST_REACH = 1e30  # of a cut's coordinates: beyond, cuts are left out, and TINY times one is below 1e-290


@inlined
def _reach(w, inputs, center, scale):
    """Largest |(x - center) scale| on one axis of the box."""
    left, right = w[inputs + at.LOWER] - w[inputs + center], w[inputs + at.UPPER] - w[inputs + center]
    return max(abs(left), abs(right)) * abs(w[inputs + scale])


@inlined
def _size(w, inputs):
    """Largest |x| on one axis of the box."""
    return max(abs(w[inputs + at.LOWER]), abs(w[inputs + at.UPPER]))


@inlined
def rounding_budget(w, kx, ky):
    """Bound on the rounding errors of every bound computed from cells; nan where magnitudes may overflow.

    With M the sum of the magnitudes of all the terms (a factor's value, and its first and second Taylor terms on a
    cell, are at most |x| for the identity; for sigmoid and tanh at most 1, since x p'(x) <= 0.45, x^2 |p''(x)| < 1 and
    cells that hold 0 have half-widths below 1.4): values err by 8 u, slopes and polynomials by 16 u relative to M, and
    each bound takes fewer than 40 further operations on numbers of at most 3 M (one over cuts also errs by 5 u of a
    slope, see :mod:`._clipping`). 256 u M covers that with room. The remainders, all positive, may exceed M; their
    error is relative to the bound itself and added where it is known. exp(-700) in place of a smaller exponential is
    1e-304 off; derivatives carry that times h^2 < 1e120, nothing beside M. The last term covers underflow: a product
    that underflows errs by TINY / 2, and at most two more magnitudes, each below ``scale``, are multiplied onto that
    (the longest products are ``cross E_x E_y`` and ``2 bend e g``). That leaves room for 1e30 such products.
    """
    x, y = _size(w, GIVEN_X), _size(w, GIVEN_Y)
    p, q = 2.0 * (x if kx == IDENTITY else 1.0), 2.0 * (y if ky == IDENTITY else 1.0)
    slope_x, slope_y = abs(w[GIVEN_X + at.SLOPE]), abs(w[GIVEN_Y + at.SLOPE])
    a, b, c = abs(w[GIVEN_X + at.BENDING]), abs(w[at.CROSS]), abs(w[GIVEN_Y + at.BENDING])
    e, f = _reach(w, GIVEN_X, at.MIDPOINT, at.SCALE), _reach(w, GIVEN_Y, at.MIDPOINT, at.SCALE)
    size = p * q + slope_x * x + slope_y * y + a * e * e + b * e * f + c * f * f
    scale = 1.0 + x + y + slope_x + slope_y + a + b + c + e + f
    if not scale <= _LARGEST:
        return np.nan
    return 256.0 * UNIT_ROUNDOFF * size + 1e-290 * scale * scale


@inlined
def inflate_widths(w):
    """Widen the strips by every error of a cell's place in them; False where that may overflow.

    e errs by 2 u |e|, a step by u of itself, a strip's d . e by 3 more roundings of at most 4 |e|: below 64 u |e| and,
    for the comparison itself, a few u of the width. Twice as much again is for
    :mod:`._clipping`.
    """
    reach = _reach(w, GIVEN_X, at.CUT_MIDPOINT, at.CUT_SCALE) + _reach(
        w, GIVEN_Y, at.CUT_MIDPOINT, at.CUT_SCALE
    )
    if not reach <= _LARGEST_REACH:
        return False
    for strip in range(at.WIDTHS, at.WIDTHS + STRIPS):
        w[strip] = w[strip] + 192.0 * UNIT_ROUNDOFF * (reach + w[strip]) + 1e-300
    return True


@kernel
def enclose_range(kx, ky, slopes, boxes, cut, cuts, bent, quadratic, results, start, stop):
    """Enclose regions start..stop and write their bounds and witnesses.

    boxes: (lower, upper); cuts: (center, scale, width), read if ``cut``; quadratic: (coefficients, center, scale), read
    if ``bent``; results: (lower, upper, argmin, argmax).
    """
    lower, upper = boxes
    low, high, argmin, argmax = results
    cut_center, cut_scale, cut_width = cuts
    form, center, scale = quadratic
    # One array and no views of it inside the loop: each would cost two atomic reference counts.
    raw = np.zeros(WORK_SIZE + 8)
    w = raw[(-raw.ctypes.data // 8) % 8 :]
    for n in range(start, stop):
        for k in range(2):
            inputs = GIVEN_X + k * GIVEN_ROWS
            w[inputs + at.LOWER], w[inputs + at.UPPER] = lower[k, n], upper[k, n]
            w[inputs + at.SLOPE] = slopes[k, n]
            if bent:
                w[inputs + at.BENDING] = form[2 * k, n]
                w[inputs + at.MIDPOINT], w[inputs + at.SCALE] = center[k, n], scale[k, n]
            if cut:
                w[inputs + at.CUT_MIDPOINT], w[inputs + at.CUT_SCALE] = cut_center[k, n], cut_scale[k, n]
        if bent:
            w[at.CROSS] = 2.0 * form[1, n]
        if cut:
            for strip in range(STRIPS):
                w[at.WIDTHS + strip] = cut_width[strip, n]
        budget = rounding_budget(w, kx, ky)
        if not budget >= 0.0:
            low[n], high[n] = np.nan, np.nan
            argmin[0, n], argmin[1, n], argmax[0, n], argmax[1, n] = np.nan, np.nan, np.nan, np.nan
            continue
        clipped = cut and inflate_widths(w)
        up, down = at.STATE, at.STATE + at.STATE_ROWS
        for attempt in range(2):
            bound_both(w, kx, ky, 2.0 * budget, clipped and attempt == 0)
            if w[up + at.TOP] > -np.inf and w[down + at.TOP] > -np.inf:
                break  # or else the cuts are numerically empty: the box remains
        above, below = w[up + at.TOP], w[down + at.TOP]
        high[n] = above + (budget + 32.0 * UNIT_ROUNDOFF * abs(above))
        low[n] = -(below + (budget + 32.0 * UNIT_ROUNDOFF * abs(below)))
        argmax[0, n], argmax[1, n] = w[up + at.AT_X], w[up + at.AT_Y]
        argmin[0, n], argmin[1, n] = w[down + at.AT_X], w[down + at.AT_Y]
