"""The enclosure of one residual: 8 x 8 coarse cells, then quarters of the cells that can still hold an extremum.

Soundness needs one fact only: every point of the region lies in a cell whose bound has been counted. Which cells are
quartered is guided by values that are surely attained (SEEN) and affects tightness alone.
"""

from __future__ import annotations

import numpy as np

from transformers_abs._bounding import _layout as at
from transformers_abs._bounding._axis import IDENTITY, TANH, tabulate_x, tabulate_y
from transformers_abs._bounding._cells import interval_radii, no_radii, signed_bounds, taylor_terms
from transformers_abs._bounding._clipping import clip_bounds, exclude, rooms
from transformers_abs._bounding._layout import AXIS_X, AXIS_Y, CELL, LANES, PARENTS, SLOTS
from transformers_abs._compile import kernel

COARSE = 8
"""Coarse intervals of an axis."""
BOX_LEVELS, CUT_LEVELS = 1, 2
"""How often a coarse cell can be quartered, and that with cuts or where cells are wide: 16 or 32 intervals an axis."""
CAPACITY = 2 * LANES * 4 ** (CUT_LEVELS - 1)
"""Cells of both sides that can wait to be quartered."""

# Rows of a queue of cells, and of a box's state: each for side 0 (above g) and side 1 (above -g).
X_LOW, X_HIGH, Y_LOW, Y_HIGH, UPPER, SIDE = 0, 1, 2, 3, 4, 5
QUEUE_ROWS = 6
TOP, BEST, AT_X, AT_Y = 0, 1, 2, 3
STATE_ROWS = 4
_WIDE = 1.0  # half-width of a coarse interval, in the factor's scale, from which interval bounds are worth their time


@kernel
def coarse_nodes(kind, lower, upper, nodes):
    """Cut [lower, upper] into COARSE intervals.

    Nodes are equidistant in ``v(x) = x / (s + |x|)``: where a box is wide they crowd where sigmoid and tanh vary, and
    every tail gets its own interval. Nothing rests on their exact places; only the ends must be the box's.
    """
    scale = 2.0 if kind == TANH else 4.0
    first = lower / (scale + abs(lower))
    last = upper / (scale + abs(upper))
    for i in range(COARSE + 1):
        v = first + (last - first) * (i / COARSE)
        node = scale * v / (1.0 - abs(v))
        if kind == IDENTITY:
            node = lower + (upper - lower) * (i / COARSE)
        nodes[i] = min(max(node, lower), upper)
    nodes[0], nodes[COARSE] = lower, upper


@kernel
def load_coarse(kx, ky, lower, upper, nodes, w):
    """The coarse cells as the quarters of 4 x 4 parents; returns whether interval arithmetic may be of use."""
    coarse_nodes(kx, lower[0], upper[0], nodes[0])
    coarse_nodes(ky, lower[1], upper[1], nodes[1])
    widest = 0.0
    for s in range(PARENTS):
        for half in range(2):
            i, j, slot = 2 * (s // 4) + half, 2 * (s % 4) + half, half * PARENTS + s
            w[AXIS_X + at.LOW * SLOTS + slot], w[AXIS_X + at.HIGH * SLOTS + slot] = (
                nodes[0, i],
                nodes[0, i + 1],
            )
            w[AXIS_Y + at.LOW * SLOTS + slot], w[AXIS_Y + at.HIGH * SLOTS + slot] = (
                nodes[1, j],
                nodes[1, j + 1],
            )
    for i in range(COARSE):
        if kx != IDENTITY:
            widest = max(widest, (nodes[0, i + 1] - nodes[0, i]) * (2.0 if kx == TANH else 1.0))
        if ky != IDENTITY:
            widest = max(widest, (nodes[1, i + 1] - nodes[1, i]) * (2.0 if ky == TANH else 1.0))
    return widest > 2.0 * _WIDE


@kernel
def load_parents(w, queue, start, length):
    """Put the halves of up to PARENTS cells into the slots; idle lanes repeat the first of them."""
    for s in range(PARENTS):
        c = start + s if start + s < length else start
        x0, x2, y0, y2 = queue[X_LOW, c], queue[X_HIGH, c], queue[Y_LOW, c], queue[Y_HIGH, c]
        x1, y1 = 0.5 * (x0 + x2), 0.5 * (y0 + y2)
        w[AXIS_X + at.LOW * SLOTS + s], w[AXIS_X + at.HIGH * SLOTS + s] = x0, x1
        w[AXIS_X + at.LOW * SLOTS + PARENTS + s], w[AXIS_X + at.HIGH * SLOTS + PARENTS + s] = x1, x2
        w[AXIS_Y + at.LOW * SLOTS + s], w[AXIS_Y + at.HIGH * SLOTS + s] = y0, y1
        w[AXIS_Y + at.LOW * SLOTS + PARENTS + s], w[AXIS_Y + at.HIGH * SLOTS + PARENTS + s] = y1, y2
        sign, bound = 1.0 - 2.0 * queue[SIDE, c], queue[UPPER, c]
        for m in range(4):
            w[CELL + at.SIGN * LANES + m * PARENTS + s] = sign
            w[CELL + at.PARENT_BOUND * LANES + m * PARENTS + s] = bound


@kernel
def load_side(w, side):
    """Both sides need the coarse cells: the one whose turn it is."""
    for k in range(LANES):
        w[CELL + at.SIGN * LANES + k] = 1.0 - 2.0 * side
        w[CELL + at.PARENT_BOUND * LANES + k] = np.inf


@kernel
def fold(w):
    """BOUND at most the parent's; then the largest BOUND and SEEN of each parent's quarters, in REST and REACH."""
    for k in range(LANES):
        bound, before = w[CELL + at.BOUND * LANES + k], w[CELL + at.PARENT_BOUND * LANES + k]
        w[CELL + at.BOUND * LANES + k] = bound if bound < before else before
    for s in range(PARENTS):
        bound = w[CELL + at.BOUND * LANES + s]
        seen = w[CELL + at.SEEN * LANES + s]
        for m in range(1, 4):
            other = w[CELL + at.BOUND * LANES + m * PARENTS + s]
            bound = other if other > bound else bound
            other = w[CELL + at.SEEN * LANES + m * PARENTS + s]
            seen = other if other > seen else seen
        w[CELL + at.REST * LANES + s] = bound
        w[CELL + at.REACH * LANES + s] = seen


@kernel
def note_witness(w, s, side, seen, state):
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
    state[BEST, side] = seen
    state[AT_X, side] = w[AXIS_X + x * SLOTS + (m // 2) * PARENTS + s]
    state[AT_Y, side] = w[AXIS_Y + y * SLOTS + (m % 2) * PARENTS + s]


@kernel
def count_quarters(w, sides, parents, margin, last, state, queue, length):
    """Count the quarters of a batch of cells or, unless it is the last level, queue them to be quartered again."""
    fold(w)
    for s in range(parents):
        seen = w[CELL + at.REACH * LANES + s]
        side = int(sides[s])
        if seen > state[BEST, side]:
            note_witness(w, s, side, seen, state)
    for s in range(parents):
        side = int(sides[s])
        threshold = state[BEST, side] - margin
        if last or w[CELL + at.REST * LANES + s] <= threshold:
            state[TOP, side] = max(state[TOP, side], w[CELL + at.REST * LANES + s])
            continue
        for m in range(4):
            bound = w[CELL + at.BOUND * LANES + m * PARENTS + s]
            if bound <= threshold:
                state[TOP, side] = max(state[TOP, side], bound)
                continue
            x, y = (m // 2) * PARENTS + s, (m % 2) * PARENTS + s
            queue[X_LOW, length] = w[AXIS_X + at.LOW * SLOTS + x]
            queue[X_HIGH, length] = w[AXIS_X + at.HIGH * SLOTS + x]
            queue[Y_LOW, length] = w[AXIS_Y + at.LOW * SLOTS + y]
            queue[Y_HIGH, length] = w[AXIS_Y + at.HIGH * SLOTS + y]
            queue[UPPER, length] = bound
            queue[SIDE, length] = side
            length += 1
    return length


@kernel
def settle(queue, length, margin, state):
    """Count and drop the cells of a queue that can no longer hold an extremum; returns the length left."""
    kept = 0
    for c in range(length):
        side = int(queue[SIDE, c])
        if queue[UPPER, c] <= state[BEST, side] - margin:
            state[TOP, side] = max(state[TOP, side], queue[UPPER, c])
            continue
        for row in range(QUEUE_ROWS):
            queue[row, kept] = queue[row, c]
        kept += 1
    return kept


@kernel
def describe(w, kx, ky, slopes, form, center, scale, cut_center, cut_scale, wide):
    """Everything about the cells in the slots that does not depend on the side."""
    cross = 2.0 * form[1]
    tabulate_x(w, kx, slopes[0], form[0], center[0], scale[0], cut_center[0], cut_scale[0])
    tabulate_y(w, ky, slopes[1], form[2], center[1], scale[1], cut_center[1], cut_scale[1])
    taylor_terms(w, cross)
    if wide:
        interval_radii(w, cross)


@kernel
def bound_both(
    kx, ky, lower, upper, slopes, form, center, scale, cut_center, cut_scale, margin, clipped, widths, memory
):
    """Bounds above g and -g on one box, in row TOP of the state; -inf where the cuts leave nothing.

    Cells are dropped only where their bound is below a value attained elsewhere, by ``margin``, so that this is true in
    exact arithmetic too: a region with cuts never gets a looser bound than its box.
    """
    w, state, queue, other, nodes, sides = memory
    wide = load_coarse(kx, ky, lower, upper, nodes, w)
    no_radii(w)
    describe(w, kx, ky, slopes, form, center, scale, cut_center, cut_scale, wide)
    if clipped:
        rooms(w, widths)
    length = 0
    for side in range(2):
        state[TOP, side], state[BEST, side] = -np.inf, -np.inf
        state[AT_X, side], state[AT_Y, side] = nodes[0, COARSE // 2], nodes[1, COARSE // 2]
        load_side(w, side)
        signed_bounds(w)
        if clipped:
            exclude(w, False)
        sides[:] = side
        length = count_quarters(w, sides, PARENTS, margin, False, state, queue, length)
    levels = CUT_LEVELS if clipped or wide else BOX_LEVELS
    for level in range(levels):
        waiting = 0
        for start in range(0, length, PARENTS):
            load_parents(w, queue, start, length)
            describe(w, kx, ky, slopes, form, center, scale, cut_center, cut_scale, wide)
            signed_bounds(w)
            if clipped:
                clip_bounds(w, widths, rooms(w, widths))
                exclude(w, True)
            parents = min(PARENTS, length - start)
            last = level == levels - 1
            waiting = count_quarters(w, queue[SIDE, start:], parents, margin, last, state, other, waiting)
        queue, other = other, queue
        length = settle(queue, waiting, margin, state)
