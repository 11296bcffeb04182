"""The machine: runs a plan's instructions on one region after the other."""

from __future__ import annotations

import numpy as np

from certrnn.domains.rounding import TINY, raising
from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled import passes, relax, vectors
from certrnn.domains.zonotope.compiled.product import PANEL, product
from certrnn.domains.zonotope.compiled.single_precision import UNDERFLOW
from transformers_abs.compilation import kernel

_ONE = raising(1)
_TAKEN = 128  # rows of generators that rows of a specification are multiplied with at a time


@kernel
def _place(g, rows, size, start, stride, added, values, v):
    """A diagonal as rows; nothing at all for values of -1."""
    if not added:
        for i in range(rows):
            for j in range(stride):
                g[start + i * stride + j] = 0.0
    if values >= 0:
        for i in range(rows):
            g[start + i * (stride + 1)] += v[values + i]


@kernel
def _columns(g, index, rows, count, table, start, stride, source, apart):
    """Copy columns: pairs of a column of the result and one of the source."""
    for i in range(rows):
        for k in range(count):
            j, c = index[table + 2 * k], index[table + 2 * k + 1]
            g[start + i * stride + j] = g[source + i * apart + c]


@kernel
def _combine(o, vectors_at, generators_at):
    """Weighted sums of the rows of one to four sources."""
    v, g = vectors_at, generators_at
    rows, size, out, stride, total = o[1], o[2], g + 4 * o[3], o[4], v + 8 * o[5]
    added, count = o[6], o[7]
    s, sn, a = g + 4 * o[8], o[9], v + 8 * o[10]
    if count == 1:
        passes.combine_one(rows, size, out, stride, total, added, s, sn, a)
        return
    t, tn, b = g + 4 * o[11], o[12], v + 8 * o[13]
    if count == 2:
        passes.combine_two(rows, size, out, stride, total, added, s, sn, a, t, tn, b)
        return
    p, pn, c = g + 4 * o[14], o[15], v + 8 * o[16]
    if count == 3:
        idle = v + 8 * at.IDLE * o[at.OPERANDS - 1]
        passes.combine_two(rows, size, out, stride, idle, added, s, sn, a, t, tn, b)
        passes.combine_one(rows, size, out, stride, total, 1, p, pn, c)
        return
    q, qn, d = g + 4 * o[17], o[18], v + 8 * o[19]
    passes.combine_four(rows, size, out, stride, total, added, s, sn, a, t, tn, b, p, pn, c, q, qn, d)


@kernel
def _scaled_product(o, v, s, panels, vectors_at, generators_at):
    """A product with ``W diag(slope)``: the panels' rows are scaled first."""
    count, depth, slope = o[5], o[6], o[11]
    for p in range(count):
        for k in range(depth):
            at_row, factor = (p * depth + k) * PANEL, v[slope + k]
            for j in range(PANEL):
                panels[at_row + j] = s[o[4] + at_row + j] * factor
    source, out, total = generators_at + 4 * o[1], generators_at + 4 * o[7], vectors_at + 8 * o[9]
    place = np.int64(panels.ctypes.data)
    product(source, o[2], o[3], place, count, depth, out, o[8], total, o[10])


@kernel
def _spreads(g, start, stride, count, rows):
    """``sum_i |rows[k] . g[i]|`` for every row k: a product of which only the absolute sums are kept."""
    wanted, size = rows.shape
    panels = (wanted + PANEL - 1) // PANEL
    packed, totals = np.zeros((panels, size, PANEL), np.float32), np.zeros(panels * PANEL)
    idle = np.zeros((_TAKEN, panels * PANEL), np.float32)
    for k in range(wanted):
        for j in range(size):
            packed[k // PANEL, j, k % PANEL] = rows[k, j]
    source, place = np.int64(g.ctypes.data) + 4 * start, np.int64(packed.ctypes.data)
    out, total = np.int64(idle.ctypes.data), np.int64(totals.ctypes.data)
    for block in range(0, count, _TAKEN):
        taken, first = min(_TAKEN, count - block), source + 4 * block * stride
        product(first, stride, taken, place, panels, size, out, panels * PANEL, total, 0)
    # an array is gone after its last use, whatever was done with its address: hence all three are returned
    return totals, packed, idle


@kernel
def _lower(v, g, o, factors, rows, offset, bounds):
    """Lower bounds of ``rows @ value + offset``: by the zonotope or by its box, whichever is larger."""
    base, step, size, start, stride, count, own = o[1], o[2], o[3], o[4], o[5], o[6], o[7]
    spreads, _, _ = _spreads(g, start, stride, count, rows)
    total = 1.0
    for j in range(size):
        total += v[base + at.RADIUS * step + j]
    missed = UNDERFLOW * total if factors[at.SINGLES] > 0.0 else TINY
    for k in range(rows.shape[0]):
        center, spread, most = offset[k], spreads[k] + missed, abs(offset[k])
        point, reach, large = offset[k], 0.0, abs(offset[k])
        for j in range(size):
            a, p = rows[k, j], base + j
            low, high = v[p + at.LOW * step], v[p + at.HIGH * step]
            middle = vectors.box_middle(low, high)
            radius = vectors.box_radius(low, high, middle) * _ONE + TINY
            center += a * v[p + at.CENTER * step]
            spread += abs(a) * (v[p + at.SLACK * step] + factors[at.SINGLES] * v[p + at.RADIUS * step])
            most += abs(a) * v[p + at.MAGNITUDE * step]
            point += a * middle
            reach += abs(a) * radius
            large += abs(a) * (abs(middle) + radius)
            if own >= 0:
                spread += abs(a * v[own + j])
        best = center - spread - factors[0] * (most * factors[1] + TINY) - TINY
        other = point - reach - factors[2] * (large * factors[3] + TINY) - TINY
        found = other if not best >= other else best
        bounds[k] = found if found == found else -np.inf


@kernel
def _step(o, f, v, g, w, s, index, panels, lower, upper, rows, offset, bounds):
    """One instruction; False where the numbers have left the range."""
    code, vat, gat, wat = o[0], np.int64(v.ctypes.data), np.int64(g.ctypes.data), np.int64(w.ctypes.data)
    sat, scratch, stride = np.int64(s.ctypes.data), np.int64(0), o[at.OPERANDS - 1]
    if code == at.PRODUCT:
        total = vat + 8 * o[9]
        source, out = gat + 4 * o[1], gat + 4 * o[7]
        product(source, o[2], o[3], sat + 4 * o[4], o[5], o[6], out, o[8], total, o[10])
    elif code == at.SCALED_PRODUCT:
        _scaled_product(o, v, s, panels, vat, gat)
    elif code == at.COMBINE:
        _combine(o, vat, gat)
    elif code == at.OUTER:
        out, total, values = gat + 4 * o[3], vat + 8 * o[5], vat + 8 * o[7]
        passes.outer(o[1], o[2], out, o[4], total, o[6], values, wat + 8 * o[8], o[9])
    elif code == at.DIRECTIONAL:
        sx, total = vat + 8 * (scratch + at.SCALES * stride), vat + 8 * (scratch + at.DIRECTIONS * stride)
        x, y = gat + 4 * o[3], gat + 4 * o[5]
        passes.directional(o[1], o[2], x, o[4], y, o[6], sx, sx + 8 * stride, total, stride)
    elif code == at.ABSOLUTES:
        passes.absolute(o[1], o[2], gat + 4 * o[3], o[4], vat + 8 * o[5])
    elif code == at.CLEAR:
        v[o[1] : o[1] + o[2]] = 0.0
    elif code == at.PLACE:
        _place(g, o[1], o[2], o[3], o[4], o[5], o[6], v)
    elif code == at.COLUMNS:
        _columns(g, index, o[1], o[2], o[3], o[4], o[5], o[6], o[7])
    elif code == at.UNIVARIATE:
        return relax.univariate(v, o[1], o[2], o[3], o[4], o[5], o[6], o[7], f)
    elif code == at.BIVARIATE:
        ends = (o[4], o[5], o[6], o[7])
        return relax.bivariate(v, o[1], o[2], o[3], *ends, o[8], o[9], o[10], scratch, stride, f)
    elif code == at.AFFINE:
        row = (o[1], o[2], o[3], o[4], o[5], o[6], o[7], o[8], o[9], o[10], o[11], scratch, stride)
        vectors.affine(v, w, (vat, wat), row, f, _ONE)
    elif code == at.READ:
        vectors.read(v, o[1], o[2], o[3], o[4], o[5], f)
    elif code == at.SUM:
        vectors.add_up(v, w, index, o[1], o[2], o[3], o[4], o[5], o[6], f)
    elif code == at.MULTIPLY:
        vectors.multiply(v, w, o[1], o[2], o[3], o[4], o[5])
    elif code == at.FRAME:
        relax.frame(v, o[1], o[2], o[3], o[4], o[5], scratch, stride)
    elif code == at.WIDTHS:
        relax.widths(v, o[1], o[2], o[3], o[4], o[5], o[6], o[7], scratch, stride, f)
    elif code == at.JOIN:
        vectors.join(v, index, o[1], o[2], o[3], o[4], f)
    elif code == at.INPUT:
        vectors.read_input(v, lower[o[4] :], upper[o[4] :], o[1], o[2], o[3], o[5], f)
    elif code == at.CONSTANT:
        vectors.read_constant(v, w, o[1], o[2], o[3], o[4], f)
    elif code == at.SCALE:
        vectors.scale(v, w, o[1], o[2], o[3], o[4], o[5], o[6], o[7], f, _ONE)
    elif code == at.GATHER:
        vectors.gather(v, index, o[1], o[2], o[3], o[4], f)
    elif code == at.LOWER_ROWS:
        _lower(v, g, o, f, rows, offset, bounds)
    return True


@kernel
def run(instructions, factors, w, s, index, boxes, specs, bounds, seen, nodes, work, start, stop):
    """Margins of regions start..stop.

    work: ``v`` of zeros, ``g`` and room for scaled panels, for this call alone; boxes: (lower, upper), each (B,
    features of all frames);
    specs: (rows (B, K, n), offset (B, K)); bounds: (B, K), filled in, -inf where the propagation failed; seen: (lower,
    upper), each (B, all nodes' sizes) or (B, 0), filled in with what is known of every node; nodes: (N, 3) where they
    lie.
    """
    v, g, panels = work
    lower, upper = boxes
    rows, offset = specs
    for b in range(start, stop):
        fine, place = True, 0
        while fine and place < instructions.shape[0]:
            o, f = instructions[place], factors[place]
            fine = _step(o, f, v, g, w, s, index, panels, lower[b], upper[b], rows[b], offset[b], bounds[b])
            place += 1
        if not fine:
            bounds[b, :] = -np.inf
        if seen[0].shape[1]:
            _observe(v, nodes, fine, seen[0][b], seen[1][b])


@kernel
def _observe(v, nodes, fine, lower, upper):
    """Bounds of every node, everything where they are unknown."""
    place = 0
    for n in range(nodes.shape[0]):
        base, step, size = nodes[n]
        for j in range(size):
            low, high = v[base + at.LOW * step + j], v[base + at.HIGH * step + j]
            known = fine and low <= high
            lower[place], upper[place] = (low, high) if known else (-np.inf, np.inf)
            place += 1
