"""Passes over rows of generators that are no matrix product: one row a symbol, at plain addresses.

Each works on columns of vectors from top to bottom, so that slopes and sums stay in registers. Widths are rounded up to
whole vectors: rows of ``out`` and sums are padded for that, and what is read beyond a source's columns only reaches the
padding.
"""

from __future__ import annotations

from typing import Any

from certrnn.domains.compiled.simd import INT, Emitter, emitted, lanes
from transformers_abs._compile import kernel

_LANES = lanes()


def _combine(terms: int, vectors: int, fresh: bool) -> Any:
    """``combine(rows, out, out_stride, total, (source, stride, slope) for each term)``."""

    def write(e: Emitter, rows: Any, out: Any, out_stride: Any, total: Any, *given: Any) -> None:
        parts = [given[3 * t : 3 * t + 3] for t in range(terms)]
        slopes = [[e.load(e.after(slope, v)) for v in range(vectors)] for _, _, slope in parts]
        start = [e.load(e.after(total, v)) for v in range(vectors)]
        with e.loop(rows, start) as (i, sums, results):
            target = e.place(out, e.builder.mul(i, out_stride))
            starts = [e.place(source, e.builder.mul(i, stride)) for source, stride, _ in parts]
            for v in range(vectors):
                value = None if fresh else e.load(e.after(target, v))
                for source, slope in zip(starts, slopes, strict=True):
                    found = e.load(e.after(source, v))
                    value = (
                        e.builder.fmul(found, slope[v]) if value is None else e.fused(found, slope[v], value)
                    )
                e.store(value, e.after(target, v))
                results.append(e.add(sums[v], e.absolute(value)))
        for v, value in enumerate(results):
            e.store(value, e.after(total, v))

    return emitted(write)


def _outer(vectors: int, fresh: bool) -> Any:
    """``outer(rows, out, out_stride, total, values, source, stride)``: row i is ``values[i] source[i]``."""

    def write(e: Emitter, rows: Any, out: Any, out_stride: Any, total: Any, *given: Any) -> None:
        values, source, stride = given
        start = [e.load(e.after(total, v)) for v in range(vectors)]
        with e.loop(rows, start) as (i, sums, results):
            target = e.place(out, e.builder.mul(i, out_stride))
            row, number = e.place(source, e.builder.mul(i, stride)), e.broadcast(e.place(values, i))
            for v in range(vectors):
                found = e.load(e.after(row, v))
                value = (
                    e.builder.fmul(number, found)
                    if fresh
                    else e.fused(number, found, e.load(e.after(target, v)))
                )
                e.store(value, e.after(target, v))
                results.append(e.add(sums[v], e.absolute(value)))
        for v, value in enumerate(results):
            e.store(value, e.after(total, v))

    return emitted(write)


def _absolute(vectors: int) -> Any:
    """``absolute(rows, source, stride, total)``."""

    def write(e: Emitter, rows: Any, source: Any, stride: Any, total: Any) -> None:
        start = [e.load(e.after(total, v)) for v in range(vectors)]
        with e.loop(rows, start) as (i, sums, results):
            row = e.place(source, e.builder.mul(i, stride))
            results += [e.add(sums[v], e.absolute(e.load(e.after(row, v)))) for v in range(vectors)]
        for v, value in enumerate(results):
            e.store(value, e.after(total, v))

    return emitted(write)


def _directional() -> Any:
    """``directional(rows, x, x_stride, y, y_stride, sx, sy, total, total_stride)``: one vector of columns."""

    def write(e: Emitter, rows: Any, x: Any, x_stride: Any, y: Any, y_stride: Any, *given: Any) -> None:
        sx, sy = e.load(given[0]), e.load(given[1])
        places = [e.place(given[2], e.builder.mul(given[3], INT(k))) for k in range(6)]
        with e.loop(rows, [e.load(place) for place in places]) as (i, sums, results):
            u = e.builder.fmul(e.load(e.place(x, e.builder.mul(i, x_stride))), sx)
            v = e.builder.fmul(e.load(e.place(y, e.builder.mul(i, y_stride))), sy)
            uu, vv = e.add(u, u), e.add(v, v)
            subtract = e.builder.fsub
            ends = [e.add(u, v), subtract(u, v), e.add(u, vv), subtract(u, vv), e.add(uu, v), subtract(uu, v)]
            results += [e.add(s, e.absolute(end)) for s, end in zip(sums, ends, strict=True)]
        for place, value in zip(places, results, strict=True):
            e.store(value, place)

    return emitted(write)


_one_4, _one_1, _onto_one_4, _onto_one_1 = (_combine(1, v, f) for f in (True, False) for v in (4, 1))
_two_2, _two_1, _onto_two_2, _onto_two_1 = (_combine(2, v, f) for f in (True, False) for v in (2, 1))
_four_2, _four_1, _onto_four_2, _onto_four_1 = (_combine(4, v, f) for f in (True, False) for v in (2, 1))
_outer_4, _outer_1, _onto_outer_4, _onto_outer_1 = (_outer(v, f) for f in (True, False) for v in (4, 1))
_absolute_4, _absolute_1 = _absolute(4), _absolute(1)
_directional_1 = _directional()


@kernel
def combine_one(rows, size, out, out_stride, total, fresh, s, s_stride, a):
    """``out[i] = a s[i]``, added to what stands there unless ``fresh``; ``total += |out[i]|``."""
    j = 0
    while j < size:
        at = 8 * j
        if size - j > 3 * _LANES:
            if fresh:
                _one_4(rows, out + at, out_stride, total + at, s + at, s_stride, a + at)
            else:
                _onto_one_4(rows, out + at, out_stride, total + at, s + at, s_stride, a + at)
            j += 4 * _LANES
        else:
            if fresh:
                _one_1(rows, out + at, out_stride, total + at, s + at, s_stride, a + at)
            else:
                _onto_one_1(rows, out + at, out_stride, total + at, s + at, s_stride, a + at)
            j += _LANES


@kernel
def combine_two(rows, size, out, out_stride, total, fresh, s, s_stride, a, t, t_stride, b):
    """``out[i] = a s[i] + b t[i]``, as :func:`combine_one`."""
    j = 0
    while j < size:
        at = 8 * j
        o, sums = out + at, total + at
        if size - j > _LANES:
            if fresh:
                _two_2(rows, o, out_stride, sums, s + at, s_stride, a + at, t + at, t_stride, b + at)
            else:
                _onto_two_2(rows, o, out_stride, sums, s + at, s_stride, a + at, t + at, t_stride, b + at)
            j += 2 * _LANES
        else:
            if fresh:
                _two_1(rows, o, out_stride, sums, s + at, s_stride, a + at, t + at, t_stride, b + at)
            else:
                _onto_two_1(rows, o, out_stride, sums, s + at, s_stride, a + at, t + at, t_stride, b + at)
            j += _LANES


@kernel
def combine_four(rows, size, out, out_stride, total, fresh, s, sn, a, t, tn, b, p, pn, c, q, qn, d):
    """``out[i] = a s[i] + b t[i] + c p[i] + d q[i]``, as :func:`combine_one`."""
    j, on = 0, out_stride
    while j < size:
        at = 8 * j
        o, w, e, f, g, h = out + at, total + at, s + at, t + at, p + at, q + at
        if size - j > _LANES:
            if fresh:
                _four_2(rows, o, on, w, e, sn, a + at, f, tn, b + at, g, pn, c + at, h, qn, d + at)
            else:
                _onto_four_2(rows, o, on, w, e, sn, a + at, f, tn, b + at, g, pn, c + at, h, qn, d + at)
            j += 2 * _LANES
        else:
            if fresh:
                _four_1(rows, o, on, w, e, sn, a + at, f, tn, b + at, g, pn, c + at, h, qn, d + at)
            else:
                _onto_four_1(rows, o, on, w, e, sn, a + at, f, tn, b + at, g, pn, c + at, h, qn, d + at)
            j += _LANES


@kernel
def outer(rows, size, out, out_stride, total, fresh, values, source, stride):
    """``out[i] = values[i] source[i]``, as :func:`combine_one`."""
    j = 0
    while j < size:
        at = 8 * j
        if size - j > 3 * _LANES:
            if fresh:
                _outer_4(rows, out + at, out_stride, total + at, values, source + at, stride)
            else:
                _onto_outer_4(rows, out + at, out_stride, total + at, values, source + at, stride)
            j += 4 * _LANES
        else:
            if fresh:
                _outer_1(rows, out + at, out_stride, total + at, values, source + at, stride)
            else:
                _onto_outer_1(rows, out + at, out_stride, total + at, values, source + at, stride)
            j += _LANES


@kernel
def absolute(rows, size, source, stride, total):
    """``total += |source[i]|``."""
    j = 0
    while j < size:
        at = 8 * j
        if size - j > 3 * _LANES:
            _absolute_4(rows, source + at, stride, total + at)
            j += 4 * _LANES
        else:
            _absolute_1(rows, source + at, stride, total + at)
            j += _LANES


@kernel
def directional(rows, size, x, x_stride, y, y_stride, sx, sy, total, total_stride):
    """``total[k] += |a x[i] sx + b y[i] sy|`` for the six directions (a, b): (1, +-1), (1, +-2), (2, +-1)."""
    for j in range(0, size, _LANES):
        at = 8 * j
        _directional_1(rows, x + at, x_stride, y + at, y_stride, sx + at, sy + at, total + at, total_stride)
