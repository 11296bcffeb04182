"""Cells that are being quartered, and queues of those that are still to be."""

from __future__ import annotations

import numpy as np

from transformers_abs._bounding import _layout as at
from transformers_abs._bounding._layout import AXIS_X, AXIS_Y, CELL, LANES, PARENT, PARENTS, QUEUE_ROWS, SLOTS
from transformers_abs.compilation import inlined
from transformers_abs.rounding import UNIT_ROUNDOFF


@inlined
def load_coarse(w, batch):
    """A batch of the coarse cells as the quarters of 2 x 4 parents."""
    for s in range(PARENTS):
        i, j = at.NODES_X + 4 * batch + 2 * (s // 4), at.NODES_Y + 2 * (s % 4)
        for k in range(3):
            w[PARENT + (at.X0 + k) * PARENTS + s] = w[i + k]
            w[PARENT + (at.Y0 + k) * PARENTS + s] = w[j + k]
        w[PARENT + at.BOUND_BEFORE * PARENTS + s], w[PARENT + at.SIGN_BEFORE * PARENTS + s] = np.inf, 1.0


@inlined
def load_queued(w, c, end, up, down):
    """Take up to PARENTS cells from a queue at c, and count those whose bounds are no longer above the thresholds of
    their sides. Returns where to go on, and how many were taken. Idle slots keep what they held (a cell of the same
    region) with a bound of -inf: they count for nothing."""
    top_up, top_down = w[at.STATE + at.TOP], w[at.STATE + at.STATE_ROWS + at.TOP]
    taken = 0
    while c < end and taken < PARENTS:
        x0, x2, y0, y2 = w[c + at.X_LOW], w[c + at.X_HIGH], w[c + at.Y_LOW], w[c + at.Y_HIGH]
        bound, sign, p = w[c + at.QUEUED_BOUND], w[c + at.QUEUED_SIGN], PARENT + taken
        w[p + at.X0 * PARENTS], w[p + at.X1 * PARENTS], w[p + at.X2 * PARENTS] = x0, 0.5 * (x0 + x2), x2
        w[p + at.Y0 * PARENTS], w[p + at.Y1 * PARENTS], w[p + at.Y2 * PARENTS] = y0, 0.5 * (y0 + y2), y2
        w[p + at.BOUND_BEFORE * PARENTS], w[p + at.SIGN_BEFORE * PARENTS] = bound, sign
        above, low = sign > 0.0, bound <= (up if sign > 0.0 else down)
        top_up = bound if low & above & (bound > top_up) else top_up
        top_down = bound if low & (not above) & (bound > top_down) else top_down
        taken += 0 if low else 1
        c += QUEUE_ROWS
    w[at.STATE + at.TOP], w[at.STATE + at.STATE_ROWS + at.TOP] = top_up, top_down
    for s in range(taken, PARENTS):
        w[PARENT + at.BOUND_BEFORE * PARENTS + s] = -np.inf
    return c, taken


@inlined
def _interval(w, slot, low, high):
    mid = 0.5 * (low + high)
    right, left = high - mid, mid - low
    w[slot + at.LOW * SLOTS], w[slot + at.HIGH * SLOTS], w[slot + at.CENTER * SLOTS] = low, high, mid
    w[slot + at.HALF * SLOTS] = (right if right > left else left) * (1.0 + 4.0 * UNIT_ROUNDOFF)


@inlined
def quarter(w):
    """Put the halves of the parents into the slots, and what is known of a parent into the lanes of its quarters;
    there, also what holds without cuts and where intervals are not wide."""
    for s in range(PARENTS):
        x1, y1 = w[PARENT + at.X1 * PARENTS + s], w[PARENT + at.Y1 * PARENTS + s]
        _interval(w, AXIS_X + s, w[PARENT + at.X0 * PARENTS + s], x1)
        _interval(w, AXIS_X + PARENTS + s, x1, w[PARENT + at.X2 * PARENTS + s])
        _interval(w, AXIS_Y + s, w[PARENT + at.Y0 * PARENTS + s], y1)
        _interval(w, AXIS_Y + PARENTS + s, y1, w[PARENT + at.Y2 * PARENTS + s])
        bound, sign = w[PARENT + at.BOUND_BEFORE * PARENTS + s], w[PARENT + at.SIGN_BEFORE * PARENTS + s]
        for k in range(CELL + s, CELL + s + LANES, PARENTS):
            w[k + at.SIGN * LANES], w[k + at.PARENT_BOUND * LANES] = sign, bound
            w[k + at.RADIUS * LANES], w[k + at.REACH * LANES] = np.inf, np.inf
            w[k + at.CENTER_ROOM * LANES], w[k + at.NEAREST_ROOM * LANES] = 0.0, 0.0
            w[k + at.CROSSED * LANES] = 0.0


@inlined
def queue_quarters(w, mask, c):
    """Queue the quarters of a mask, lowest bit first, from c on; returns where the queue ends."""
    while mask != 0:
        lowest = np.float64(mask & -mask)
        k = (lowest.view(np.int64) >> 52) - 1023  # the exponent
        mask &= mask - 1
        x, y = (k // SLOTS) * PARENTS + k % PARENTS, k % SLOTS
        w[c + at.X_LOW], w[c + at.X_HIGH] = w[AXIS_X + at.LOW * SLOTS + x], w[AXIS_X + at.HIGH * SLOTS + x]
        w[c + at.Y_LOW], w[c + at.Y_HIGH] = w[AXIS_Y + at.LOW * SLOTS + y], w[AXIS_Y + at.HIGH * SLOTS + y]
        bound, sign = w[CELL + at.BOUND * LANES + k], w[CELL + at.SIGN * LANES + k]
        w[c + at.QUEUED_BOUND], w[c + at.QUEUED_SIGN] = bound, sign
        c += QUEUE_ROWS
    return c
