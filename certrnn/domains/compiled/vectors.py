"""What the machine does with vectors: centers, slacks, sizes and boxes. The formulas are those of the tensor domains.

``v`` holds the vectors, ``w`` constants; a value is given by where its planes begin and how far apart they lie.
Comparisons are written so that nan stays nan.
"""

from __future__ import annotations

from certrnn.domains._rounding import TINY
from certrnn.domains.compiled import layout as at
from certrnn.domains.compiled.product import PANEL, product
from transformers_abs._compile import kernel
from transformers_abs._rounding import next_down, next_up


@kernel
def read_input(v, lower, upper, base, step, size, disturbed, factors):
    """The box of one frame: a center, and radii of fresh symbols if it is disturbed."""
    for j in range(size):
        low, high = lower[j], upper[j]
        middle = low if not disturbed else 0.5 * low + 0.5 * high
        above, below = high - middle, middle - low
        radius = (above if above > below else below) * factors[0] + TINY
        p = base + j
        v[p + at.CENTER * step], v[p + at.SLACK * step] = middle, 0.0
        v[p + at.LOWER * step], v[p + at.UPPER * step] = low, high
        v[p + at.FRESH * step] = radius
        v[p + at.SIZE * step] = (abs(middle) + (radius if disturbed else 0.0)) * factors[0] + TINY


@kernel
def read_constant(v, w, base, step, size, given, factors):
    """Center, radius, lower, upper from the constants."""
    for j in range(size):
        p, q = base + j, given + j
        v[p + at.CENTER * step], v[p + at.SLACK * step] = w[q], w[q + size]
        v[p + at.LOWER * step], v[p + at.UPPER * step] = w[q + 2 * size], w[q + 3 * size]
        v[p + at.SIZE * step] = (abs(w[q]) + w[q + size]) * factors[0] + TINY


@kernel
def box_middle(low, high):
    return 0.5 * low + 0.5 * high


@kernel
def box_radius(low, high, middle):
    """What reaches from the middle to both ends, before it is rounded up."""
    above, below = high - middle, middle - low
    return above if above > below else below


@kernel
def affine(v, w, addresses, row, factors, one):
    """``W x + bias``: products of W with center and middle, of ``|W|`` with slack, magnitude, radius, box magnitude."""
    base, step, width, source, apart, size, magnitude, panels, absolute, bias, lost, scratch, stride = row
    given, taken = scratch + at.GIVEN * stride, scratch + at.TAKEN * stride
    for j in range(size):
        low, high = v[source + at.LOWER * apart + j], v[source + at.UPPER * apart + j]
        middle = box_middle(low, high)
        radius = box_radius(low, high, middle) * one + TINY
        v[given + j], v[given + stride + j] = v[source + at.CENTER * apart + j], middle
        v[given + 2 * stride + j] = v[source + at.SLACK * apart + j]
        v[given + 3 * stride + j] = v[magnitude + j]
        v[given + 4 * stride + j], v[given + 5 * stride + j] = radius, abs(middle) + radius
    vectors, constants = addresses
    count, idle = (width + PANEL - 1) // PANEL, vectors + 8 * (scratch + at.IDLE * stride)
    start, out = vectors + 8 * given, vectors + 8 * taken
    product(start, stride, 2, constants + 8 * panels, count, size, out, stride, idle, True)
    start, out = start + 16 * stride, out + 16 * stride
    product(start, stride, 4, constants + 8 * absolute, count, size, out, stride, idle, True)
    missed = TINY
    for k in range(size if lost >= 0 else 0):
        missed += TINY * v[lost + k]
    for j in range(width):
        p, q, offset = base + j, taken + j, w[bias + j]
        terms = v[q + 3 * stride] + abs(offset)
        v[p + at.CENTER * step] = v[q] + offset
        v[p + at.SLACK * step] = (v[q + 2 * stride] + factors[0] * terms) * factors[1] + missed
        # the size holds the slack that is added here as well: later nodes are charged relative to it
        v[p + at.SIZE * step] = (v[p + at.SLACK * step] + terms) * factors[1] + missed
        spread = (v[q + 4 * stride] + factors[2] * (v[q + 5 * stride] + abs(offset))) * factors[3] + TINY
        point = v[q + stride] + offset
        v[p + at.LOWER * step], v[p + at.UPPER * step] = next_down(point - spread), next_up(point + spread)


@kernel
def scale(v, w, base, step, size, source, apart, weights, biases, factors, one):
    """A map whose matrix is a diagonal."""
    for j in range(size):
        p, q, a, offset = base + j, source + j, w[weights + j], w[biases + j]
        share, slack = abs(a), v[q + at.SLACK * apart]
        terms = max(v[q + at.MAGNITUDE * apart], v[q + at.SIZE * apart])
        terms = (share * terms + abs(offset)) * factors[1] + TINY
        v[p + at.CENTER * step] = v[q + at.CENTER * apart] * a + offset
        v[p + at.SLACK * step] = (share * slack + factors[0] * terms) * factors[1] + TINY
        v[p + at.SIZE * step] = (terms + v[p + at.SLACK * step]) * factors[1] + TINY
        low, high = v[q + at.LOWER * apart], v[q + at.UPPER * apart]
        middle = box_middle(low, high)
        radius = box_radius(low, high, middle) * one + TINY
        reach = share * radius + factors[2] * (share * (abs(middle) + radius) + abs(offset))
        point, spread = middle * a + offset, reach * factors[3] + TINY
        v[p + at.LOWER * step], v[p + at.UPPER * step] = next_down(point - spread), next_up(point + spread)


@kernel
def add_up(v, w, index, base, step, size, count, sources, coefficients, factors):
    """A sum of values; rounding costs slack relative to the size, and the box relative to its magnitude."""
    for j in range(size):
        center, slack, total, lower, upper, most = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(count):
            source, apart, a = index[sources + 2 * k] + j, index[sources + 2 * k + 1], w[coefficients + k]
            share = abs(a)
            low, high = v[source + at.LOWER * apart], v[source + at.UPPER * apart]
            center += a * v[source + at.CENTER * apart]
            slack += share * v[source + at.SLACK * apart]
            total += share * v[source + at.SIZE * apart]
            lower += a * (low if a >= 0.0 else high)
            upper += a * (high if a >= 0.0 else low)
            most += share * (abs(low) if abs(low) > abs(high) else abs(high))
        p, spread = base + j, (factors[2] * most) * factors[3] + TINY
        v[p + at.CENTER * step] = center
        v[p + at.SLACK * step] = (slack + factors[0] * total) * factors[1] + TINY
        v[p + at.SIZE * step] = (total + factors[0] * total) * factors[1] + TINY
        v[p + at.LOWER * step], v[p + at.UPPER * step] = next_down(lower - spread), next_up(upper + spread)


@kernel
def gather(v, index, base, step, size, table):
    for j in range(size):
        source, apart = index[table + 2 * j], index[table + 2 * j + 1]
        for plane in range(at.UPPER + 1):
            v[base + plane * step + j] = v[source + plane * apart]


@kernel
def read(v, base, step, size, dense, diagonal, factors):
    """Radius ``sum |g| + r``, magnitude, and the bounds of the zonotope intersected with its box."""
    for j in range(size):
        p = base + j
        total = v[p + at.ABSOLUTE * step] if dense else 0.0
        if diagonal >= 0:
            total += abs(v[diagonal + j])
        middle, lower, upper = v[p + at.CENTER * step], v[p + at.LOWER * step], v[p + at.UPPER * step]
        radius = (total + v[p + at.SLACK * step]) * factors[0] + TINY
        v[p + at.RADIUS * step] = radius
        v[p + at.MAGNITUDE * step] = (abs(middle) + radius) * factors[0] + TINY
        low, high = next_down(middle - radius), next_up(middle + radius)
        v[p + at.LOW * step] = low if low >= lower else (lower if lower > low else low - lower)
        v[p + at.HIGH * step] = high if high <= upper else (upper if upper < high else high - upper)


@kernel
def multiply(v, w, out, first, kind, second, size):
    """``out = first second``; first is a vector or one (-1), second a vector (0), constants (1) or a constant (2)."""
    for j in range(size):
        a = v[first + j] if first >= 0 else 1.0
        b = v[second + j] if kind == 0 else (w[second + j] if kind == 1 else w[second])
        v[out + j] = a * b


@kernel
def join(v, index, out, size, count, table, factors):
    """``sum |v_k|``, rounded up: what several symbols that always occur together amount to."""
    for j in range(size):
        total = 0.0
        for k in range(count):
            total += abs(v[index[table + k] + j])
        v[out + j] = total * factors[0] + TINY
