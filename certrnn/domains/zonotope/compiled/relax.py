"""What the machine does at relaxed functions. False says that a number left the range in which bounds can be given."""

from __future__ import annotations

import numpy as np

from certrnn.domains import accounts
from certrnn.domains.interval import LARGEST_FACTOR
from certrnn.domains.zonotope.compiled import instructions as at
from transformers_abs.compilation import kernel
from transformers_abs.scalar import call_bivariate, call_univariate

_LARGEST_NUMBER = float(np.finfo(np.float64).max)


@kernel
def _on_top(o, v, p, center, slack, terms, spread, below, above):
    """Put the residual's enclosure on top; what becomes the radius of a fresh symbol is slack where the value has no
    symbols. ``terms`` bounds the arguments' share of the size, and ``spread`` their generators' part of it."""
    step, c = o.out.step, o.charges
    shift, fresh, terms = accounts.relaxed(slack, terms, spread, below, above, c)
    center += shift
    v[p + at.CENTER * step], v[p + at.FRESH * step] = center, fresh
    if o.symbols:
        v[p + at.SLACK * step] = 0.0
        v[p + at.SIZE * step] = accounts.raised(terms + fresh, c.raising)
        # the error of single precision is part of what is fresh
        v[p + at.SPREAD * step] = accounts.raised(spread + fresh, c.raising)
    else:
        v[p + at.SLACK * step], v[p + at.SPREAD * step] = fresh, 0.0
        v[p + at.SIZE * step] = accounts.raised(abs(center) + fresh, c.one)


@kernel
def univariate(o, v):
    """A function of one argument by its secant."""
    step, apart = o.out.step, o.x.step
    for j in range(o.size):
        p, q = o.out.base + j, o.x.base + j
        low, high = v[q + at.LOW * apart], v[q + at.HIGH * apart]
        if not (abs(low) <= _LARGEST_NUMBER and abs(high) <= _LARGEST_NUMBER and low <= high):
            return False
        relaxation = call_univariate(o.function.address, low, high, (o.function.first, o.function.second))
        slope, below, above, least, most = relaxation
        if not (np.isfinite(slope) and np.isfinite(below) and np.isfinite(above)):
            return False
        v[p + at.SLOPE_X * step] = slope
        v[p + at.LOWER * step], v[p + at.UPPER * step] = least, most
        share = abs(slope)
        center, slack = slope * v[q + at.CENTER * apart], share * v[q + at.SLACK * apart]
        terms, spread = share * v[q + at.MAGNITUDE * apart], share * v[q + at.RADIUS * apart]
        _on_top(o, v, p, center, slack, terms, spread, below, above)
    return True


@kernel
def frame(o, v):
    """Centers and scales in which the directions of the cuts are counted."""
    stride = o.scratch.step
    centers, scales = o.scratch.base + at.CENTERS * stride, o.scratch.base + at.SCALES * stride
    for k in range(2):
        value = o.x if k == 0 else o.y
        for j in range(o.size):
            center = v[value.base + at.CENTER * value.step + j]
            radius = v[value.base + at.RADIUS * value.step + j]
            known = np.isfinite(center) and np.isfinite(radius)
            v[centers + k * stride + j] = center if known else 0.0
            v[scales + k * stride + j] = 1.0 / max(radius if known else 1.0, 2.0**-900)


@kernel
def widths(o, v):
    """Add to the directional sums what only one argument has, the slack, and the rounding, as the tensors do."""
    start, stride, c = o.scratch.base, o.scratch.step, o.charges
    directions, alone = start + at.DIRECTIONS * stride, start + at.ALONE * stride
    scales, lost = start + at.SCALES * stride, accounts.lost(c) if c.single > 0.0 else 0.0
    for j in range(o.size):
        x, x_step, y, y_step = o.x.base + j, o.x.step, o.y.base + j, o.y.step
        sx, sy = v[scales + j], v[scales + stride + j]
        rx, ry = v[x + at.RADIUS * x_step], v[y + at.RADIUS * y_step]
        known = np.isfinite(v[x + at.CENTER * x_step]) and np.isfinite(v[y + at.CENTER * y_step])
        known = known and np.isfinite(rx) and np.isfinite(ry)
        own_x = v[alone + j] + (abs(v[o.x_own + j]) if o.x_own >= 0 else 0.0)
        own_y = v[alone + stride + j] + (abs(v[o.y_own + j]) if o.y_own >= 0 else 0.0)
        own_x = (own_x + v[x + at.SLACK * x_step]) * sx
        own_y = (own_y + v[y + at.SLACK * y_step]) * sy
        size_x, size_y = accounts.raised(rx * sx, c.one), accounts.raised(ry * sy, c.one)
        for k in range(6):
            a, b = (1.0 if k < 4 else 2.0), (2.0 if k == 2 or k == 3 else 1.0)
            p, total = directions + k * stride + j, a * size_x + b * size_y
            width = accounts.width(v[p] + a * own_x + b * own_y, total, a * sx + b * sy, c, lost)
            v[p] = width if known and not np.isnan(width) else np.inf


@kernel
def bivariate(o, v):
    """A function of two arguments, on the box of its arguments clipped by the widths found before."""
    out, step, size, stride = o.out.base, o.out.step, o.size, o.scratch.step
    boxes, slopes = o.scratch.base + at.BOXES * stride, o.scratch.base + at.SLOPES * stride
    widths, centers = o.scratch.base + at.TAKEN * stride, o.scratch.base + at.GIVEN * stride
    x, x_step, y, y_step = o.x.base, o.x.step, o.y.base, o.y.step
    for j in range(size):
        low_x, high_x = v[x + at.LOW * x_step + j], v[x + at.HIGH * x_step + j]
        low_y, high_y = v[y + at.LOW * y_step + j], v[y + at.HIGH * y_step + j]
        reach = max(max(abs(low_x), abs(high_x)), max(abs(low_y), abs(high_y)))
        if not (reach <= LARGEST_FACTOR and low_x <= high_x and low_y <= high_y):
            return False
        v[boxes + j], v[boxes + size + j] = low_x, low_y
        v[boxes + 2 * stride + j], v[boxes + 2 * stride + size + j] = high_x, high_y
        for k in range(2 if o.symbols else 0):
            v[centers + k * size + j] = v[o.scratch.base + (at.CENTERS + k) * stride + j]
            v[centers + 2 * stride + k * size + j] = v[o.scratch.base + (at.SCALES + k) * stride + j]
        for k in range(6 if o.symbols else 0):
            v[widths + k * size + j] = v[o.scratch.base + (at.DIRECTIONS + k) * stride + j]
    box = _rows(v, boxes, 2, size), _rows(v, boxes + 2 * stride, 2, size)
    cuts = (
        _rows(v, centers, 2, size),
        _rows(v, centers + 2 * stride, 2, size),
        _rows(v, widths, 6, size),
    )
    offsets, seen = o.scratch.base + at.OFFSETS * stride, o.scratch.base + at.WITNESSES * stride
    below, above = v[offsets : offsets + size], v[offsets + stride : offsets + stride + size]
    first, last = out + at.LOWER * step, out + at.UPPER * step
    ends = v[first : first + size], v[last : last + size]
    witnesses = _rows(v, seen, 2, size), _rows(v, seen + 2 * stride, 2, size)
    slope_rows, parameters = _rows(v, slopes, 2, size), (o.function.first, o.function.second)
    call_bivariate(
        o.function.address, box, o.symbols != 0, cuts, slope_rows, (below, above), ends, witnesses, parameters
    )
    for j in range(size):
        a, b = slope_rows[0, j], slope_rows[1, j]
        if not (np.isfinite(a) and np.isfinite(b) and np.isfinite(below[j]) and np.isfinite(above[j])):
            return False
        p, q, to = x + j, y + j, out + j
        v[to + at.SLOPE_X * step], v[to + at.SLOPE_Y * step] = a, b
        center = a * v[p + at.CENTER * x_step] + b * v[q + at.CENTER * y_step]
        slack = abs(a) * v[p + at.SLACK * x_step] + abs(b) * v[q + at.SLACK * y_step]
        terms = abs(a) * v[p + at.MAGNITUDE * x_step] + abs(b) * v[q + at.MAGNITUDE * y_step]
        spread = abs(a) * v[p + at.RADIUS * x_step] + abs(b) * v[q + at.RADIUS * y_step]
        _on_top(o, v, to, center, slack, terms, spread, below[j], above[j])
    return True


@kernel
def _rows(v, start, rows, size):
    """Vectors one after the other, as an array."""
    return v[start : start + rows * size].reshape((rows, size))
