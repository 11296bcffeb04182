"""The enclosure of one residual: 8 x 8 coarse cells, then quarters of the cells that can still hold an extremum.

Soundness needs one fact only: every point of the region lies in a cell whose bound has been counted. Which cells are
quartered is guided by values that are surely attained (SEEN) and affects tightness alone.
"""

from __future__ import annotations

import numpy as np

from transformers_abs._bounding import _layout as at
from transformers_abs._bounding._axis import IDENTITY, TANH, tabulate_axes
from transformers_abs._bounding._cells import cell_radii, signed_bounds, taylor_terms
from transformers_abs._bounding._clipping import clip_bounds, rooms
from transformers_abs._bounding._counting import clear, conclude, count_bounds, note_seen
from transformers_abs._bounding._layout import BOX_LEVELS, COARSE, COARSE_BATCHES, CUT_LEVELS
from transformers_abs._bounding._parents import load_coarse, load_queued, quarter, queue_quarters
from transformers_abs.compilation import inlined

_WIDE = 2.0
"""Width of a coarse interval, in the factor's scale, from which interval bounds are worth their time."""
_TOLERANCE = 0.002
"""By how much, relative to how far apart the values seen are, a bound with cuts may exceed them and yet be final."""


@inlined
def coarse_nodes(w, kind, inputs, nodes):
    """Cut [lower, upper] into COARSE intervals; returns the widest, in the factor's scale.

    Nodes are equidistant in ``v(x) = x / (s + |x|)``: where a box is wide they crowd where sigmoid and tanh vary, and
    every tail gets its own interval. Nothing rests on their exact places: only the ends must be the box's, and nodes in
    their order.
    """
    lower, upper = w[inputs + at.LOWER], w[inputs + at.UPPER]
    w[nodes], w[nodes + COARSE] = lower, upper
    if kind == IDENTITY:
        for i in range(1, COARSE):
            w[nodes + i] = min(max(lower + (upper - lower) * (i / COARSE), w[nodes + i - 1]), upper)
        return 0.0
    scale = 2.0 if kind == TANH else 4.0
    first = lower / (scale + abs(lower))
    last = upper / (scale + abs(upper))
    for i in range(1, COARSE):
        v = first + (last - first) * (i / COARSE)
        w[nodes + i] = min(max(scale * v / (1.0 - abs(v)), w[nodes + i - 1]), upper)
    widest = 0.0
    for i in range(COARSE):
        widest = max(widest, w[nodes + i + 1] - w[nodes + i])
    return widest * (2.0 if kind == TANH else 1.0)


@inlined
def thresholds(w, level, margin, wide):
    """What bounds of cells of a level must exceed on either side for the cells to be quartered.

    A cell is counted and not quartered where its bound is below a value attained elsewhere, by ``margin``, so that this
    is true in exact arithmetic too. Beyond BOX_LEVELS, a bound may also exceed that value by a little. Either way no
    region with cuts gets a looser bound than its box: of a cell's ancestors and itself up to BOX_LEVELS the box counts
    one, with a bound that is no smaller with cuts left out.
    """
    up, down = w[at.STATE + at.BEST], w[at.STATE + at.STATE_ROWS + at.BEST]
    slack = -margin
    if level >= BOX_LEVELS and not wide:
        slack = max(slack, _TOLERANCE * (up + down))
    return up + slack, down + slack


@inlined
def describe_quarters(w, kx, ky, wide, again):
    """Fill the axis blocks and the cell block from the parents; see :func:`._axis.tabulate_axes`."""
    quarter(w)
    tabulate_axes(w, kx, ky, wide, again)
    taylor_terms(w)
    if wide:
        cell_radii(w)


@inlined
def bound_both(w, kx, ky, margin, clipped):
    """Bounds above g and -g on the given box, as TOP of each side's state; -inf where the cuts leave nothing.

    Cuts only exclude coarse cells: to bound the others over what is left of them takes longer than to quarter them.
    """
    widest = coarse_nodes(w, kx, at.GIVEN_X, at.NODES_X)
    wide = max(widest, coarse_nodes(w, ky, at.GIVEN_Y, at.NODES_Y)) > _WIDE
    levels = CUT_LEVELS if clipped or wide else BOX_LEVELS
    clear(w)
    start, stop, queue, other = 0, COARSE_BATCHES, at.QUEUE_A, at.QUEUE_B
    for level in range(levels + 1):
        end = queue
        while start < stop:
            if level == 0:
                load_coarse(w, start)
                start += 1
            else:
                up, down = thresholds(w, level - 1, margin, wide)
                start, taken = load_queued(w, start, stop, up, down)
                if taken == 0:
                    break
            describe_quarters(w, kx, ky, wide, level == 0 and start > 1)
            crossed = rooms(w) if clipped else 0
            for side in range(2 if level == 0 else 1):
                signed_bounds(w, 1.0 - 2.0 * side)
                if level > 0 and crossed != 0:
                    clip_bounds(w)
                conclude(w)
                note_seen(w)
                up, down = thresholds(w, level, margin, wide)
                last = level == levels
                others = count_bounds(w, np.inf if last else up, np.inf if last else down)
                end = queue_quarters(w, others, end)
        start, stop, queue, other = queue, end, other, queue
