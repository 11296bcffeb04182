"""The machine: runs a plan's instructions on one region after the other."""

from __future__ import annotations

import numpy as np

from certrnn.domains import accounts
from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled import passes, relax, vectors
from certrnn.domains.zonotope.compiled.instructions import is_a
from certrnn.domains.zonotope.compiled.product import PANEL, product
from certrnn.domains.zonotope.compiled.records import unpack
from transformers_abs.compilation import inlined, kernel

_TAKEN = 128  # rows of generators that rows of a specification are multiplied with at a time


@inlined
def _address(array):
    return np.int64(array.ctypes.data)


@kernel
def _target(target, g_address, v_address):
    """Addresses of what an instruction computes."""
    start, total = g_address + 4 * target.start, v_address + 8 * target.total
    return at.Target(start, target.stride, total, target.added)


@kernel
def _rows(rows, g_address):
    """The address of rows that an instruction reads."""
    return at.Rows(g_address + 4 * rows.start, rows.stride)


@kernel
def _source(source, g_address, v_address):
    """Addresses of rows and of their slope."""
    return at.Source(g_address + 4 * source.start, source.stride, v_address + 8 * source.slope)


@kernel
def _diagonal(o, v, g):
    """A diagonal as rows."""
    start, stride = o.target.start, o.target.stride
    if not o.added:
        for i in range(o.rows):
            for j in range(stride):
                g[start + i * stride + j] = 0.0
    if o.values >= 0:
        for i in range(o.rows):
            g[start + i * (stride + 1)] += v[o.values + i]


@kernel
def _columns(o, g, index):
    """Copy columns."""
    for i in range(o.rows):
        target, source = o.target.start + i * o.target.stride, o.source.start + i * o.source.stride
        for k in range(o.pairs):
            j, c = index[o.table + 2 * k], index[o.table + 2 * k + 1]
            g[target + j] = g[source + c]


@kernel
def _combine(o, g_address, v_address):
    """Weighted sums of the rows of one to four sources."""
    target = _target(o.target, g_address, v_address)
    a, b = _source(o.first, g_address, v_address), _source(o.second, g_address, v_address)
    c, d = _source(o.third, g_address, v_address), _source(o.fourth, g_address, v_address)
    if o.terms == 1:
        passes.combine_one(o.rows, o.size, target, a)
    elif o.terms == 2:
        passes.combine_two(o.rows, o.size, target, a, b)
    elif o.terms == 3:
        idle = at.Target(target.start, target.stride, v_address + 8 * o.idle, target.added)
        passes.combine_two(o.rows, o.size, idle, a, b)
        passes.combine_one(o.rows, o.size, at.Target(target.start, target.stride, target.total, 1), c)
    else:
        passes.combine_four(o.rows, o.size, target, a, b, c, d)


@kernel
def _product(o, g_address, s_address, v_address):
    """Generators times weights."""
    panels = at.Panels(s_address + 4 * o.panels.start, o.panels.number, o.panels.depth)
    product(o.rows, _rows(o.source, g_address), panels, _target(o.target, g_address, v_address))


@kernel
def _scaled_product(o, v, s, room, g_address, v_address):
    """A product with ``W diag(slope)``: the panels' rows are scaled first."""
    for p in range(o.panels.number):
        for k in range(o.panels.depth):
            row, factor = (p * o.panels.depth + k) * PANEL, v[o.slope + k]
            for j in range(PANEL):
                room[row + j] = s[o.panels.start + row + j] * factor
    panels = at.Panels(_address(room), o.panels.number, o.panels.depth)
    product(o.rows, _rows(o.source, g_address), panels, _target(o.target, g_address, v_address))


@kernel
def _outer(o, g_address, w_address, v_address):
    """A diagonal times weights."""
    columns = at.Planes(w_address + 8 * o.columns.base, o.columns.step)
    passes.outer(o.rows, o.size, _target(o.target, g_address, v_address), v_address + 8 * o.values, columns)


@kernel
def _directional(o, g_address, v_address):
    """Sums of absolute values by direction."""
    scales = v_address + 8 * (o.scratch.base + at.SCALES * o.scratch.step)
    totals = v_address + 8 * (o.scratch.base + at.DIRECTIONS * o.scratch.step)
    x = at.Source(g_address + 4 * o.x.start, o.x.stride, scales)
    y = at.Source(g_address + 4 * o.y.start, o.y.stride, scales + 8 * o.scratch.step)
    passes.directional(o.rows, o.size, x, y, at.Planes(totals, o.scratch.step))


@kernel
def _spreads(o, g, rows):
    """``sum_i |rows[k] . g[i]|`` for every row k: a product of which only the absolute sums are kept."""
    wanted, size = rows.shape
    count = (wanted + PANEL - 1) // PANEL
    packed, totals = np.zeros((count, size, PANEL), np.float32), np.zeros(count * PANEL)
    idle = np.zeros((_TAKEN, count * PANEL), np.float32)
    for k in range(wanted):
        for j in range(size):
            packed[k // PANEL, j, k % PANEL] = rows[k, j]
    source = _rows(o.generators, _address(g))
    panels = at.Panels(_address(packed), count, size)
    target = at.Target(_address(idle), count * PANEL, _address(totals), 0)
    for block in range(0, o.rows, _TAKEN):
        first = at.Rows(source.start + 4 * block * source.stride, source.stride)
        product(min(_TAKEN, o.rows - block), first, panels, target)
    # an array is gone after its last use, whatever was done with its address: hence all three are returned
    return totals, packed, idle


@kernel
def _lower(o, v, g, rows, offset, bounds):
    """Lower bounds of ``rows @ value + offset``: by the zonotope or by its box, whichever is larger."""
    base, step, c = o.value.base, o.value.step, o.charges
    spreads, _, _ = _spreads(o, g, rows)
    total = 1.0
    for j in range(o.size):
        total += v[base + at.RADIUS * step + j]
    lost = accounts.lost(c) * (total if c.single > 0.0 else 1.0)
    for k in range(rows.shape[0]):
        center, spread, most = offset[k], spreads[k] + lost, abs(offset[k])
        point, reach, large = offset[k], 0.0, abs(offset[k])
        for j in range(o.size):
            a, p = rows[k, j], base + j
            low, high = v[p + at.LOW * step], v[p + at.HIGH * step]
            middle = accounts.middle(low, high)
            radius = accounts.radius(low, high, middle, accounts.ONE)
            center += a * v[p + at.CENTER * step]
            spread += abs(a) * (v[p + at.SLACK * step] + accounts.cost(0.0, v[p + at.RADIUS * step], c))
            most += abs(a) * v[p + at.MAGNITUDE * step]
            point += a * middle
            reach += abs(a) * radius
            large += abs(a) * (abs(middle) + radius)
            if o.own >= 0:
                spread += abs(a * v[o.own + j])
        best = accounts.lower_bound(center - spread, most, c.error, c.raising)
        other = accounts.lower_bound(point - reach, large, c.box_error, c.box_raising)
        bound = other if not best >= other else best
        bounds[k] = bound if bound == bound else -np.inf


@kernel
def _step(row, v, g, w, s, index, room, lower, upper, rows, offset, bounds):
    """One instruction; False where the numbers have left the range."""
    vat, gat, wat = _address(v), _address(g), _address(w)
    if is_a(at.Product, row):
        _product(unpack(at.Product, row), gat, _address(s), vat)
    elif is_a(at.ScaledProduct, row):
        _scaled_product(unpack(at.ScaledProduct, row), v, s, room, gat, vat)
    elif is_a(at.Combine, row):
        _combine(unpack(at.Combine, row), gat, vat)
    elif is_a(at.Outer, row):
        _outer(unpack(at.Outer, row), gat, wat, vat)
    elif is_a(at.Directional, row):
        _directional(unpack(at.Directional, row), gat, vat)
    elif is_a(at.Absolutes, row):
        o = unpack(at.Absolutes, row)
        passes.absolute(o.rows, o.size, _rows(o.source, gat), vat + 8 * o.total)
    elif is_a(at.Clear, row):
        zeros = unpack(at.Clear, row)
        v[zeros.start : zeros.start + zeros.size] = 0.0
    elif is_a(at.Diagonal, row):
        _diagonal(unpack(at.Diagonal, row), v, g)
    elif is_a(at.Columns, row):
        _columns(unpack(at.Columns, row), g, index)
    elif is_a(at.Univariate, row):
        return relax.univariate(unpack(at.Univariate, row), v)
    elif is_a(at.Bivariate, row):
        return relax.bivariate(unpack(at.Bivariate, row), v)
    elif is_a(at.Affine, row):
        vectors.affine(unpack(at.Affine, row), v, w, vat, wat)
    elif is_a(at.Read, row):
        vectors.read(unpack(at.Read, row), v)
    elif is_a(at.Sum, row):
        vectors.add_up(unpack(at.Sum, row), v, w, index)
    elif is_a(at.Multiply, row):
        vectors.multiply(unpack(at.Multiply, row), v, w)
    elif is_a(at.Frame, row):
        relax.frame(unpack(at.Frame, row), v)
    elif is_a(at.Widths, row):
        relax.widths(unpack(at.Widths, row), v)
    elif is_a(at.Join, row):
        vectors.join(unpack(at.Join, row), v, index)
    elif is_a(at.Input, row):
        vectors.read_input(unpack(at.Input, row), v, lower, upper)
    elif is_a(at.Constant, row):
        vectors.read_constant(unpack(at.Constant, row), v, w)
    elif is_a(at.Scale, row):
        vectors.scale(unpack(at.Scale, row), v, w)
    elif is_a(at.Gather, row):
        vectors.gather(unpack(at.Gather, row), v, index)
    elif is_a(at.LowerRows, row):
        _lower(unpack(at.LowerRows, row), v, g, rows, offset, bounds)
    return True


@kernel
def run(instructions, w, s, index, boxes, specs, bounds, seen, nodes, work, start, stop):
    """Margins of regions start..stop.

    work: ``v`` of zeros, ``g`` and room for scaled panels, for this call alone; boxes: (lower, upper), each (B,
    features of all frames);
    specs: (rows (B, K, n), offset (B, K)); bounds: (B, K), filled in, -inf where the propagation failed; seen: (lower,
    upper), each (B, all nodes' sizes) or (B, 0), filled in with what is known of every node; nodes: (N, 3) where they
    lie.
    """
    v, g, room = work
    lower, upper = boxes
    rows, offset = specs
    for b in range(start, stop):
        fine, place = True, 0
        while fine and place < instructions.shape[0]:
            row = instructions[place]
            fine = _step(row, v, g, w, s, index, room, lower[b], upper[b], rows[b], offset[b], bounds[b])
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
