"""The enclosure of one residual: 8 x 8 coarse cells, then quarters of the cells that can still hold an extremum.

Soundness needs one fact only: every point of the region lies in a cell whose bound has been counted. Which cells are
quartered is guided by values that are surely attained (SEEN) and affects tightness alone.
"""

from __future__ import annotations

import numpy as np

from transformers_abs._bounding import _layout as at
from transformers_abs._bounding._axis import IDENTITY, TANH, tabulate_axes
from transformers_abs._bounding._cells import cell_radii, place_in_cuts, signed_bounds, taylor_terms
from transformers_abs._bounding._clipping import clip_bounds, exclude, rooms
from transformers_abs._bounding._layout import (
    AXIS_X,
    AXIS_Y,
    BOX_LEVELS,
    CAPACITY,
    CELL,
    COARSE,
    CUT_LEVELS,
    LANES,
    PARENTS,
    SLOTS,
)
from transformers_abs._compile import kernel

_WIDE = (
    2.0  # width of a coarse interval, in the factor's scale, from which interval bounds are worth their time
)


@kernel
def coarse_nodes(w, kind, given, nodes):
    """Cut [lower, upper] into COARSE intervals; returns the widest, in the factor's scale.

    Nodes are equidistant in ``v(x) = x / (s + |x|)``: where a box is wide they crowd where sigmoid and tanh vary, and
    every tail gets its own interval. Nothing rests on their exact places; only the ends must be the box's.
    """
    lower, upper = w[given + at.LOWER], w[given + at.UPPER]
    w[nodes], w[nodes + COARSE] = lower, upper
    if kind == IDENTITY:
        for i in range(1, COARSE):
            w[nodes + i] = min(max(lower + (upper - lower) * (i / COARSE), lower), upper)
        return 0.0
    scale = 2.0 if kind == TANH else 4.0
    first = lower / (scale + abs(lower))
    last = upper / (scale + abs(upper))
    for i in range(1, COARSE):
        v = first + (last - first) * (i / COARSE)
        w[nodes + i] = min(max(scale * v / (1.0 - abs(v)), lower), upper)
    widest = 0.0
    for i in range(COARSE):
        widest = max(widest, w[nodes + i + 1] - w[nodes + i])
    return widest * (2.0 if kind == TANH else 1.0)


@kernel
def load_coarse(w):
    """The coarse cells as the quarters of 4 x 4 parents."""
    for s in range(PARENTS):
        for half in range(2):
            i, j, slot = 2 * (s // 4) + half, 2 * (s % 4) + half, half * PARENTS + s
            w[AXIS_X + at.LOW * SLOTS + slot] = w[at.NODES_X + i]
            w[AXIS_X + at.HIGH * SLOTS + slot] = w[at.NODES_X + i + 1]
            w[AXIS_Y + at.LOW * SLOTS + slot] = w[at.NODES_Y + j]
            w[AXIS_Y + at.HIGH * SLOTS + slot] = w[at.NODES_Y + j + 1]


@kernel
def load_parents(w, queue, start, length):
    """Put the halves of up to PARENTS cells into the slots; idle lanes repeat the first of them."""
    for s in range(PARENTS):
        c = queue + (start + s if start + s < length else start)
        x0, x2 = w[c + at.X_LOW * CAPACITY], w[c + at.X_HIGH * CAPACITY]
        y0, y2 = w[c + at.Y_LOW * CAPACITY], w[c + at.Y_HIGH * CAPACITY]
        bound, sign = w[c + at.QUEUED_BOUND * CAPACITY], w[c + at.QUEUED_SIGN * CAPACITY]
        x1, y1 = 0.5 * (x0 + x2), 0.5 * (y0 + y2)
        w[AXIS_X + at.LOW * SLOTS + s], w[AXIS_X + at.HIGH * SLOTS + s] = x0, x1
        w[AXIS_X + at.LOW * SLOTS + PARENTS + s], w[AXIS_X + at.HIGH * SLOTS + PARENTS + s] = x1, x2
        w[AXIS_Y + at.LOW * SLOTS + s], w[AXIS_Y + at.HIGH * SLOTS + s] = y0, y1
        w[AXIS_Y + at.LOW * SLOTS + PARENTS + s], w[AXIS_Y + at.HIGH * SLOTS + PARENTS + s] = y1, y2
        for m in range(4):
            w[CELL + at.SIGN * LANES + m * PARENTS + s] = sign
            w[CELL + at.PARENT_BOUND * LANES + m * PARENTS + s] = bound


@kernel
def load_side(w, side):
    """Both sides need the coarse cells: the one whose turn it is. Its witness is the middle until a better one."""
    for k in range(LANES):
        w[CELL + at.SIGN * LANES + k] = 1.0 - 2.0 * side
        w[CELL + at.PARENT_BOUND * LANES + k] = np.inf
    state = at.STATE + side * at.STATE_ROWS
    w[state + at.TOP], w[state + at.BEST] = -np.inf, -np.inf
    w[state + at.AT_X] = w[at.NODES_X + COARSE // 2]
    w[state + at.AT_Y] = w[at.NODES_Y + COARSE // 2]


@kernel
def fold_seen(w):
    """BOUND at most the parent's; the largest SEEN of each parent's quarters, in REACH."""
    for k in range(LANES):
        bound, before = w[CELL + at.BOUND * LANES + k], w[CELL + at.PARENT_BOUND * LANES + k]
        w[CELL + at.BOUND * LANES + k] = bound if bound < before else before
    for s in range(PARENTS):
        a, b = w[CELL + at.SEEN * LANES + s], w[CELL + at.SEEN * LANES + PARENTS + s]
        c, d = w[CELL + at.SEEN * LANES + 2 * PARENTS + s], w[CELL + at.SEEN * LANES + 3 * PARENTS + s]
        a, c = a if a > b else b, c if c > d else d
        w[CELL + at.REACH * LANES + s] = a if a > c else c


@kernel
def fold_bounds(w, threshold_up, threshold_down):
    """Which quarters exceed their side's threshold (LOSS is 1), how many of each parent's (SR), and the largest bound
    of the others (REST)."""
    for k in range(LANES):
        bound = w[CELL + at.BOUND * LANES + k]
        low = bound <= (threshold_up if w[CELL + at.SIGN * LANES + k] > 0.0 else threshold_down)
        w[CELL + at.LOSS * LANES + k] = 0.0 if low else 1.0
        w[CELL + at.REST * LANES + k] = bound if low else -np.inf
    for s in range(PARENTS):
        a, b = w[CELL + at.REST * LANES + s], w[CELL + at.REST * LANES + PARENTS + s]
        c, d = w[CELL + at.REST * LANES + 2 * PARENTS + s], w[CELL + at.REST * LANES + 3 * PARENTS + s]
        a, c = a if a > b else b, c if c > d else d
        w[CELL + at.REST * LANES + s] = a if a > c else c
        left = w[CELL + at.LOSS * LANES + s] + w[CELL + at.LOSS * LANES + PARENTS + s]
        right = w[CELL + at.LOSS * LANES + 2 * PARENTS + s] + w[CELL + at.LOSS * LANES + 3 * PARENTS + s]
        w[CELL + at.SR * LANES + s] = left + right


@kernel
def note_witness(w, s, seen, state):
    """Remember the centre of the quarter of parent s, or its corner, where ``seen`` was seen."""
    m = 0
    while m < 3 and w[CELL + at.SEEN * LANES + m * PARENTS + s] != seen:
        m += 1
    k = m * PARENTS + s
    x, y = at.CENTER, at.CENTER
    if seen > w[CELL + at.SR * LANES + k]:
        a, b = w[CELL + at.SA * LANES + k], w[CELL + at.SB * LANES + k]
        c = w[CELL + at.SIGN * LANES + k] * w[CELL + at.C * LANES + k]
        same = abs(a + b) + c > abs(a - b) - c
        to_x = a + b >= 0.0 if same else a - b >= 0.0
        x = at.HIGH if to_x else at.LOW
        y = at.HIGH if to_x == same else at.LOW
    w[state + at.BEST] = seen
    w[state + at.AT_X] = w[AXIS_X + x * SLOTS + (m // 2) * PARENTS + s]
    w[state + at.AT_Y] = w[AXIS_Y + y * SLOTS + (m % 2) * PARENTS + s]


@kernel
def best_parent(w, parents, side):
    """The parent that holds a better value of a side than was seen before, or -1."""
    sign, best, where = 1.0 - 2.0 * side, w[at.STATE + side * at.STATE_ROWS + at.BEST], -1
    for s in range(parents):
        seen = w[CELL + at.REACH * LANES + s]
        better = (seen > best) & (w[CELL + at.SIGN * LANES + s] == sign)
        best = seen if better else best
        where = s if better else where
    return where


@kernel
def sort_quarters(w, parents, queue, length):
    """Count the bounds of the quarters below their thresholds and queue the others."""
    up, down = at.STATE + at.TOP, at.STATE + at.STATE_ROWS + at.TOP
    top_up, top_down = w[up], w[down]
    for s in range(parents):
        above, counted = w[CELL + at.SIGN * LANES + s] > 0.0, w[CELL + at.REST * LANES + s]
        top_up = counted if above & (counted > top_up) else top_up
        top_down = counted if (not above) & (counted > top_down) else top_down
        if w[CELL + at.SR * LANES + s] == 0.0:
            continue
        for m in range(4):
            x, y, k = (m // 2) * PARENTS + s, (m % 2) * PARENTS + s, m * PARENTS + s
            c = queue + length
            w[c + at.X_LOW * CAPACITY] = w[AXIS_X + at.LOW * SLOTS + x]
            w[c + at.X_HIGH * CAPACITY] = w[AXIS_X + at.HIGH * SLOTS + x]
            w[c + at.Y_LOW * CAPACITY] = w[AXIS_Y + at.LOW * SLOTS + y]
            w[c + at.Y_HIGH * CAPACITY] = w[AXIS_Y + at.HIGH * SLOTS + y]
            w[c + at.QUEUED_BOUND * CAPACITY] = w[CELL + at.BOUND * LANES + k]
            w[c + at.QUEUED_SIGN * CAPACITY] = w[CELL + at.SIGN * LANES + k]
            length += 1 if w[CELL + at.LOSS * LANES + k] > 0.0 else 0
    w[up], w[down] = top_up, top_down
    return length


@kernel
def count_quarters(w, parents, margin, last, queue, length):
    """Count the quarters of a batch of cells or, unless it is the last level, queue them to be quartered again."""
    fold_seen(w)
    for side in range(2):
        s = best_parent(w, parents, side)
        if s >= 0:
            note_witness(w, s, w[CELL + at.REACH * LANES + s], at.STATE + side * at.STATE_ROWS)
    none = np.inf if last else -np.inf
    up, down = at.STATE + at.BEST, at.STATE + at.STATE_ROWS + at.BEST
    fold_bounds(w, max(w[up] - margin, none), max(w[down] - margin, none))
    return sort_quarters(w, parents, queue, length)


@kernel
def settle(w, queue, length, margin):
    """Count and drop the cells of a queue that can no longer hold an extremum; returns the length left."""
    kept = 0
    for c in range(queue, queue + length):
        state = at.STATE + (0 if w[c + at.QUEUED_SIGN * CAPACITY] > 0.0 else at.STATE_ROWS)
        bound = w[c + at.QUEUED_BOUND * CAPACITY]
        if bound <= w[state + at.BEST] - margin:
            w[state + at.TOP] = max(w[state + at.TOP], bound)
            continue
        for row in range(at.QUEUE_ROWS):
            w[queue + row * CAPACITY + kept] = w[c + row * CAPACITY]
        kept += 1
    return kept


@kernel
def bound_both(w, kx, ky, margin, clipped):
    """Bounds above g and -g on the given box, as TOP of each side's state; -inf where the cuts leave nothing.

    Cells are dropped only where their bound is below a value attained elsewhere, by ``margin``, so that this is true in
    exact arithmetic too: a region with cuts never gets a looser bound than its box.
    """
    widest = coarse_nodes(w, kx, at.GIVEN_X, at.NODES_X)
    wide = max(widest, coarse_nodes(w, ky, at.GIVEN_Y, at.NODES_Y)) > _WIDE
    load_coarse(w)
    tabulate_axes(w, kx, ky)
    taylor_terms(w)
    cell_radii(w, wide)
    if clipped:
        place_in_cuts(w)
        rooms(w)
    queue, other, length = at.QUEUE_A, at.QUEUE_B, 0
    for side in range(2):
        load_side(w, side)
        signed_bounds(w)
        if clipped:
            exclude(w, False)
        length = count_quarters(w, PARENTS, margin, False, queue, length)
    levels = CUT_LEVELS if clipped or wide else BOX_LEVELS
    for level in range(levels):
        waiting = 0
        for start in range(0, length, PARENTS):
            load_parents(w, queue, start, length)
            tabulate_axes(w, kx, ky)
            taylor_terms(w)
            if wide:
                cell_radii(w, wide)
            signed_bounds(w)
            if clipped:
                place_in_cuts(w)
                clip_bounds(w, rooms(w))
                exclude(w, True)
            parents = min(PARENTS, length - start)
            waiting = count_quarters(w, parents, margin, level == levels - 1, other, waiting)
        queue, other = other, queue
        length = settle(w, queue, waiting, margin)
