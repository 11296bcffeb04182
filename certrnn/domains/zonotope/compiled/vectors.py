"""What the machine does with vectors: centers, slacks, sizes and boxes. The formulas are those of the tensor domains.

``v`` holds the vectors, ``w`` constants; a value is given by where its planes begin and how far apart they lie.
Comparisons are written so that nan stays nan.
"""

from __future__ import annotations

from certrnn.domains.rounding import TINY
from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled.product import PANEL, two_and_four
from certrnn.domains.zonotope.compiled.single_precision import UNDERFLOW
from transformers_abs.compilation import kernel
from transformers_abs.rounding import next_down, next_up


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
        v[p + at.SPREAD * step] = radius if disturbed else 0.0
        v[p + at.SIZE * step] = (abs(middle) + v[p + at.SPREAD * step]) * factors[0] + TINY


@kernel
def read_constant(v, w, base, step, size, given, factors):
    """Center, radius, lower, upper from the constants."""
    for j in range(size):
        p, q = base + j, given + j
        v[p + at.CENTER * step], v[p + at.SLACK * step] = w[q], w[q + size]
        v[p + at.LOWER * step], v[p + at.UPPER * step] = w[q + 2 * size], w[q + 3 * size]
        v[p + at.SIZE * step], v[p + at.SPREAD * step] = (abs(w[q]) + w[q + size]) * factors[0] + TINY, 0.0


@kernel
def box_middle(low, high):
    return 0.5 * low + 0.5 * high


@kernel
def box_radius(low, high, middle):
    """What reaches from the middle to both ends, before it is rounded up."""
    above, below = high - middle, middle - low
    return above if above > below else below


@kernel
def _missed(factors):
    """What underflow may cost a node: less where no number is single precision."""
    return UNDERFLOW if factors[at.SINGLES] > 0.0 else TINY


@kernel
def affine(v, w, addresses, row, factors, one):
    """``W x + bias``: products of W with center and middle, of ``|W|`` with magnitude, spread, and with what becomes
    slack and reach of the box."""
    base, step, width, source, apart, size, magnitude, spread, panels, bias, lost, scratch, stride = row
    given, taken = scratch + at.GIVEN * stride, scratch + at.TAKEN * stride
    missed = 1.0
    for j in range(size):
        low, high = v[source + at.LOWER * apart + j], v[source + at.UPPER * apart + j]
        middle = box_middle(low, high)
        radius = box_radius(low, high, middle) * one + TINY
        v[given + j], v[given + stride + j] = v[source + at.CENTER * apart + j], middle
        slack, terms, part = v[source + at.SLACK * apart + j], v[magnitude + j], v[spread + j]
        v[given + 2 * stride + j] = slack + factors[0] * terms + factors[at.SINGLES] * part
        v[given + 3 * stride + j], v[given + 4 * stride + j] = terms, part
        v[given + 5 * stride + j] = radius + factors[2] * (abs(middle) + radius)
        # weights are rounded, and slopes multiplied into them: both may underflow beside generators of any size
        missed += part + (v[lost + j] if lost >= 0 else 0.0)
    missed *= _missed(factors)
    vectors, constants = addresses
    count, start, out = (width + PANEL - 1) // PANEL, vectors + 8 * given, vectors + 8 * taken
    two_and_four(start, stride, constants + 8 * panels, count, size, out)
    for j in range(width):
        p, q, offset = base + j, taken + j, w[bias + j]
        terms = v[q + 3 * stride] + abs(offset)
        slack = (v[q + 2 * stride] + factors[0] * abs(offset)) * factors[1] + missed
        v[p + at.CENTER * step], v[p + at.SLACK * step] = v[q] + offset, slack
        # the size holds the slack that is added here as well: later nodes are charged relative to it
        v[p + at.SIZE * step] = (slack + terms) * factors[1] + missed
        v[p + at.SPREAD * step] = v[q + 4 * stride] * (factors[1] * (1.0 + factors[at.SINGLES])) + missed
        reach = (v[q + 5 * stride] + factors[2] * abs(offset)) * factors[3] + TINY
        point = v[q + stride] + offset
        v[p + at.LOWER * step], v[p + at.UPPER * step] = next_down(point - reach), next_up(point + reach)


@kernel
def scale(v, w, base, step, size, source, apart, weights, biases, factors, one):
    """A map whose matrix is a diagonal."""
    missed = _missed(factors)
    for j in range(size):
        p, q, a, offset = base + j, source + j, w[weights + j], w[biases + j]
        share, slack = abs(a), v[q + at.SLACK * apart]
        # the generators are multiplied as they are stored
        terms = (share * v[q + at.MAGNITUDE * apart] + abs(offset)) * factors[1] + TINY
        spread = share * v[q + at.RADIUS * apart] * factors[1]
        slack = share * slack + factors[0] * terms + factors[at.SINGLES] * spread
        slack = slack * factors[1] + missed
        v[p + at.CENTER * step], v[p + at.SLACK * step] = v[q + at.CENTER * apart] * a + offset, slack
        v[p + at.SIZE * step] = (terms + slack) * factors[1] + missed
        v[p + at.SPREAD * step] = spread * (factors[1] * (1.0 + factors[at.SINGLES])) + missed
        low, high = v[q + at.LOWER * apart], v[q + at.UPPER * apart]
        middle = box_middle(low, high)
        radius = box_radius(low, high, middle) * one + TINY
        reach = share * radius + factors[2] * (share * (abs(middle) + radius) + abs(offset))
        point, reach = middle * a + offset, reach * factors[3] + TINY
        v[p + at.LOWER * step], v[p + at.UPPER * step] = next_down(point - reach), next_up(point + reach)


@kernel
def add_up(v, w, index, base, step, size, count, sources, coefficients, factors):
    """A sum of values; rounding costs slack relative to the size, and the box relative to its magnitude."""
    missed = _missed(factors)
    for j in range(size):
        center, slack, total, spread, lower, upper, most = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(count):
            row, a = sources + 4 * k, w[coefficients + k]
            source, apart, share = index[row] + j, index[row + 1], abs(a)
            low, high = v[source + at.LOWER * apart], v[source + at.UPPER * apart]
            center += a * v[source + at.CENTER * apart]
            slack += share * v[source + at.SLACK * apart]
            total += share * v[index[row + 2] + j]
            spread += share * v[index[row + 3] + j]
            lower += a * (low if a >= 0.0 else high)
            upper += a * (high if a >= 0.0 else low)
            most += share * (abs(low) if abs(low) > abs(high) else abs(high))
        p, reach = base + j, (factors[2] * most) * factors[3] + TINY
        error = factors[0] * total + factors[at.SINGLES] * spread
        v[p + at.CENTER * step], v[p + at.SLACK * step] = center, (slack + error) * factors[1] + missed
        v[p + at.SIZE * step] = (total + error) * factors[1] + missed
        v[p + at.SPREAD * step] = spread * (factors[1] * (1.0 + factors[at.SINGLES])) + missed
        v[p + at.LOWER * step], v[p + at.UPPER * step] = next_down(lower - reach), next_up(upper + reach)


@kernel
def gather(v, index, base, step, size, table, factors):
    """Elements of several values; where their own symbols become rows, these are rounded."""
    missed = UNDERFLOW if factors[at.SINGLES] > 0.0 else 0.0
    for j in range(size):
        source, apart, p = index[table + 2 * j], index[table + 2 * j + 1], base + j
        for plane in range(at.SPREAD + 1):
            v[p + plane * step] = v[source + plane * apart]
        error = factors[at.SINGLES] * v[p + at.SPREAD * step] * factors[0] + missed
        for plane in (at.SLACK, at.SIZE, at.SPREAD):
            v[p + plane * step] = (v[p + plane * step] + error) * factors[0]


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
