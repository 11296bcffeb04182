"""What a batch of quarters says of its region: bounds to be counted, values seen and where."""

from __future__ import annotations

import numpy as np

from transformers_abs._bounding import _layout as at
from transformers_abs._bounding._layout import AXIS_X, AXIS_Y, CELL, COARSE, LANES, PARENT, PARENTS, SLOTS
from transformers_abs.compilation import inlined


@inlined
def clear(w):
    """Nothing counted and nothing seen; a witness is the middle until a better one."""
    for state in (at.STATE, at.STATE + at.STATE_ROWS):
        w[state + at.TOP], w[state + at.BEST] = -np.inf, -np.inf
        w[state + at.AT_X] = w[at.NODES_X + COARSE // 2]
        w[state + at.AT_Y] = w[at.NODES_Y + COARSE // 2]


@inlined
def _larger(a, b):
    return a if a > b else b


@inlined
def _conclude_cell(w, k):
    """See :func:`conclude`; returns SEEN of the lane at k."""
    bound, before, rest = w[k + at.BOUND * LANES], w[k + at.PARENT_BOUND * LANES], w[k + at.REST * LANES]
    seen, center, loss = w[k + at.SEEN * LANES], w[k + at.SR * LANES], w[k + at.LOSS * LANES]
    crossed, left = w[k + at.CROSSED * LANES], rest + w[k + at.REACH * LANES]
    gone, outside = w[k + at.NEAREST_ROOM * LANES] < 0.0, w[k + at.CENTER_ROOM * LANES] < 0.0
    bound = bound if bound < before else before
    bound = left if left < bound else bound
    bound = -np.inf if gone else bound
    value, touched = (-np.inf if outside else center), left - loss
    value = touched if (crossed == 1.0) & (touched > value) & (touched < np.inf) & (not gone) else value
    seen = seen if crossed == 0.0 else value
    seen = -np.inf if before == -np.inf else seen
    w[k + at.BOUND * LANES], w[k + at.SEEN * LANES] = bound, seen
    return seen


@inlined
def conclude(w):
    """BOUND at most the parent's and what the cuts leave of a cell, -inf where that is nothing; SEEN only where the
    cell has points inside that attain it, and the largest of each parent's. Idle lanes see nothing.

    Where one strip only crosses a cell, duality is strong and the linear part attains REACH inside the cuts; REACH is
    infinite if :func:`._clipping.clip_bounds` has not run.
    """
    for s in range(PARENTS):
        a, b = _conclude_cell(w, CELL + s), _conclude_cell(w, CELL + PARENTS + s)
        c, d = _conclude_cell(w, CELL + 2 * PARENTS + s), _conclude_cell(w, CELL + 3 * PARENTS + s)
        left, right = _larger(a, b), _larger(c, d)
        seen = _larger(left, right)
        which = (0.0 if a == seen else 1.0) if left == seen else (2.0 if c == seen else 3.0)
        w[PARENT + at.QUARTER * PARENTS + s] = which
        up = w[CELL + at.SIGN * LANES + s] > 0.0
        w[PARENT + at.LARGEST_UP * PARENTS + s] = seen if up else -np.inf
        w[PARENT + at.LARGEST_DOWN * PARENTS + s] = -np.inf if up else seen


@inlined
def _largest(w, p):
    """The largest of the PARENTS numbers at p."""
    left = _larger(_larger(w[p], w[p + 1]), _larger(w[p + 2], w[p + 3]))
    right = _larger(_larger(w[p + 4], w[p + 5]), _larger(w[p + 6], w[p + 7]))
    return _larger(left, right)


@inlined
def _note_witness(w, seen, row, state):
    """Remember the centre of the cell, or its corner, where ``seen`` was seen."""
    s = 0
    for i in range(1, PARENTS):
        s = i if w[row + i] == seen else s
    m = int(w[PARENT + at.QUARTER * PARENTS + s])
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


@inlined
def note_seen(w):
    """Raise BEST to the values seen in a batch."""
    for side in range(2):
        state, row = at.STATE + side * at.STATE_ROWS, PARENT + (at.LARGEST_UP + side) * PARENTS
        seen = _largest(w, row)
        if seen > w[state + at.BEST]:
            _note_witness(w, seen, row, state)


@inlined
def count_bounds(w, up, down):
    """Raise TOP to the bounds of a batch that are at most their side's threshold; returns the mask of the others."""
    others = 0
    for s in range(PARENTS):
        above = w[CELL + at.SIGN * LANES + s] > 0.0
        threshold, counted = up if above else down, -np.inf
        for m in range(4):
            bound = w[CELL + at.BOUND * LANES + m * PARENTS + s]
            low = bound <= threshold
            counted = bound if low & (bound > counted) else counted
            others |= (0 if low else 1) << (m * PARENTS + s)
        w[PARENT + at.LARGEST_UP * PARENTS + s] = counted if above else -np.inf
        w[PARENT + at.LARGEST_DOWN * PARENTS + s] = -np.inf if above else counted
    for side in range(2):
        top = at.STATE + side * at.STATE_ROWS + at.TOP
        w[top] = _larger(_largest(w, PARENT + (at.LARGEST_UP + side) * PARENTS), w[top])
    return others
