"""What the machine does with vectors: centers, slacks, sizes and boxes, by the formulas of
:mod:`certrnn.domains.accounts`.

``v`` holds the vectors, ``w`` constants, ``o`` is the instruction.
"""

from __future__ import annotations

from certrnn.domains import accounts
from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled.product import PANEL, two_and_four
from transformers_abs.compilation import kernel


@kernel
def read_input(o, v, lower, upper):
    """The box of one frame: a center, and radii of fresh symbols if it is disturbed."""
    step = o.out.step
    for j in range(o.size):
        low, high = lower[o.first + j], upper[o.first + j]
        middle = low if not o.disturbed else accounts.middle(low, high)
        radius = accounts.radius(low, high, middle, o.one)
        p = o.out.base + j
        v[p + at.CENTER * step], v[p + at.SLACK * step] = middle, 0.0
        v[p + at.LOWER * step], v[p + at.UPPER * step] = low, high
        v[p + at.FRESH * step] = radius
        v[p + at.SPREAD * step] = radius if o.disturbed else 0.0
        v[p + at.SIZE * step] = accounts.raised(abs(middle) + v[p + at.SPREAD * step], o.one)


@kernel
def read_constant(o, v, w):
    """Center, radius, lower, upper from the constants."""
    size, step = o.size, o.out.step
    for j in range(size):
        p, q = o.out.base + j, o.given + j
        v[p + at.CENTER * step], v[p + at.SLACK * step] = w[q], w[q + size]
        v[p + at.LOWER * step], v[p + at.UPPER * step] = w[q + 2 * size], w[q + 3 * size]
        v[p + at.SIZE * step], v[p + at.SPREAD * step] = accounts.raised(abs(w[q]) + w[q + size], o.one), 0.0


@kernel
def affine(o, v, w, v_address, w_address):
    """``W x + bias``: products of W with center and middle, of ``|W|`` with magnitude, spread, and with what becomes
    slack and reach of the box."""
    source, apart, stride, step, c = o.x.base, o.x.step, o.scratch.step, o.out.step, o.charges
    inputs, taken = o.scratch.base + at.GIVEN * stride, o.scratch.base + at.TAKEN * stride
    lost = 1.0
    for j in range(o.x_size):
        low, high = v[source + at.LOWER * apart + j], v[source + at.UPPER * apart + j]
        middle = accounts.middle(low, high)
        radius = accounts.radius(low, high, middle, accounts.ONE)
        v[inputs + j], v[inputs + stride + j] = v[source + at.CENTER * apart + j], middle
        slack, terms, part = v[source + at.SLACK * apart + j], v[o.magnitude + j], v[o.spread + j]
        v[inputs + 2 * stride + j] = slack + accounts.cost(terms, part, c)
        v[inputs + 3 * stride + j], v[inputs + 4 * stride + j] = terms, part
        v[inputs + 5 * stride + j] = radius + accounts.box_cost(abs(middle) + radius, c)
        # weights are rounded, and slopes multiplied into them: both may underflow beside generators of any size
        lost += part + (v[o.lost + j] if o.lost >= 0 else 0.0)
    lost *= accounts.lost(c)
    panels = at.Panels(w_address + 8 * o.panels, (o.size + PANEL - 1) // PANEL, o.x_size)
    two_and_four(at.Planes(v_address + 8 * inputs, stride), panels, v_address + 8 * taken)
    for j in range(o.size):
        p, q, offset = o.out.base + j, taken + j, w[o.bias + j]
        terms, slack = v[q + 3 * stride] + abs(offset), v[q + 2 * stride] + accounts.cost(abs(offset), 0.0, c)
        slack, size, spread = accounts.mapped(slack, terms, v[q + 4 * stride], c, lost)
        v[p + at.CENTER * step], v[p + at.SLACK * step] = v[q] + offset, slack
        v[p + at.SIZE * step], v[p + at.SPREAD * step] = size, spread
        point, reach = v[q + stride] + offset, v[q + 5 * stride] + accounts.box_cost(abs(offset), c)
        lower, upper = accounts.widened(point, point, reach, c)
        v[p + at.LOWER * step], v[p + at.UPPER * step] = lower, upper


@kernel
def scale(o, v, w):
    """A map whose matrix is a diagonal."""
    step, apart, c = o.out.step, o.x.step, o.charges
    lost = accounts.lost(c)
    for j in range(o.size):
        p, q, a, offset = o.out.base + j, o.x.base + j, w[o.weight + j], w[o.bias + j]
        share = abs(a)
        # the generators are multiplied as they are stored
        terms = accounts.raised(share * v[q + at.MAGNITUDE * apart] + abs(offset), c.raising)
        spread = share * v[q + at.RADIUS * apart] * c.raising
        slack = share * v[q + at.SLACK * apart] + accounts.cost(terms, spread, c)
        slack, size, spread = accounts.mapped(slack, terms, spread, c, lost)
        v[p + at.CENTER * step], v[p + at.SLACK * step] = v[q + at.CENTER * apart] * a + offset, slack
        v[p + at.SIZE * step], v[p + at.SPREAD * step] = size, spread
        low, high = v[q + at.LOWER * apart], v[q + at.UPPER * apart]
        middle = accounts.middle(low, high)
        radius = accounts.radius(low, high, middle, accounts.ONE)
        reach = share * radius + accounts.box_cost(share * (abs(middle) + radius) + abs(offset), c)
        lower, upper = accounts.widened(middle * a + offset, middle * a + offset, reach, c)
        v[p + at.LOWER * step], v[p + at.UPPER * step] = lower, upper


@kernel
def add_up(o, v, w, index):
    """A sum of values; rounding costs slack relative to the size, and the box relative to its magnitude."""
    step, c = o.out.step, o.charges
    lost = accounts.lost(c)
    for j in range(o.size):
        center, slack, total, spread, lower, upper, most = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(o.terms):
            row, a = o.table + 4 * k, w[o.coefficients + k]
            source, apart, share = index[row] + j, index[row + 1], abs(a)
            low, high = v[source + at.LOWER * apart], v[source + at.UPPER * apart]
            center += a * v[source + at.CENTER * apart]
            slack += share * v[source + at.SLACK * apart]
            total += share * v[index[row + 2] + j]
            spread += share * v[index[row + 3] + j]
            lower += a * (low if a >= 0.0 else high)
            upper += a * (high if a >= 0.0 else low)
            most += share * (abs(low) if abs(low) > abs(high) else abs(high))
        p = o.out.base + j
        slack, size, spread = accounts.added(slack, total, spread, c, lost)
        v[p + at.CENTER * step], v[p + at.SLACK * step] = center, slack
        v[p + at.SIZE * step], v[p + at.SPREAD * step] = size, spread
        lower, upper = accounts.widened(lower, upper, accounts.box_cost(most, c), c)
        v[p + at.LOWER * step], v[p + at.UPPER * step] = lower, upper


@kernel
def gather(o, v, index):
    """Elements of several values; where their own symbols become rows, these are rounded."""
    step, lost = o.out.step, accounts.lost(o) if o.single > 0.0 else 0.0
    for j in range(o.size):
        source, apart, p = index[o.table + 2 * j], index[o.table + 2 * j + 1], o.out.base + j
        for plane in range(at.SPREAD + 1):
            v[p + plane * step] = v[source + plane * apart]
        spread = v[p + at.SPREAD * step]
        for plane in (at.SLACK, at.SIZE, at.SPREAD):
            v[p + plane * step] = accounts.placed(v[p + plane * step], spread, o.single, o.raising, lost)


@kernel
def read(o, v):
    """Radius ``sum |g| + r``, magnitude, and the bounds of the zonotope intersected with its box."""
    step = o.value.step
    for j in range(o.size):
        p = o.value.base + j
        total = v[p + at.ABSOLUTE * step] if o.dense else 0.0
        if o.diagonal >= 0:
            total += abs(v[o.diagonal + j])
        lower, upper = v[p + at.LOWER * step], v[p + at.UPPER * step]
        reading = accounts.reading(v[p + at.CENTER * step], total, v[p + at.SLACK * step], o.raising)
        v[p + at.RADIUS * step], v[p + at.MAGNITUDE * step], low, high = reading
        low, high = accounts.within(low, high, lower, upper)
        v[p + at.LOW * step], v[p + at.HIGH * step] = low, high


@kernel
def multiply(o, v, w):
    """Two vectors, element by element."""
    for j in range(o.size):
        a = v[o.first + j] if o.first >= 0 else 1.0
        b = v[o.second + j] if o.kind == at.VECTOR else w[o.second + (j if o.kind == at.CONSTANTS else 0)]
        v[o.out + j] = a * b


@kernel
def join(o, v, index):
    """``sum |v_k|``, rounded up: what several symbols that always occur together amount to."""
    for j in range(o.size):
        total = 0.0
        for k in range(o.terms):
            total += abs(v[index[o.table + k] + j])
        v[o.out + j] = accounts.raised(total, o.raising)
