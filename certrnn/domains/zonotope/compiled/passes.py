"""Passes over rows of generators that are no matrix product: one row a symbol, at plain addresses.

Each works on columns of vectors from top to bottom, so that slopes and sums stay in registers. Widths are rounded up to
whole vectors: rows of ``out`` and sums are padded for that, and what is read beyond a source's columns only reaches the
padding. Generators are singles; what is computed of them is computed in doubles and rounded once, where it is stored.
Strides and columns count numbers; ``added`` says that the result is put on top of what stands in ``out``.
"""

from __future__ import annotations

from typing import Any

from certrnn.domains.zonotope.compiled.simd import INT, SINGLE, Emitter, emitted, lanes
from transformers_abs.compilation import kernel

_LANES = lanes()


def _before(e: Emitter, added: Any, target: Any, vectors: int) -> list[Any]:
    """What stands at ``target`` if ``added``, or zeros; it is not read in vain."""
    places = [e.after(target, v, SINGLE) for v in range(vectors)]
    return e.when("!=", added, lambda: [e.load_widened(place) for place in places], [e.zero] * vectors)


def _combine(terms: int, vectors: int) -> Any:
    """``combine(rows, out, out_stride, total, added, (source, stride, slope) for each term)``."""

    def write(e: Emitter, rows: Any, out: Any, out_stride: Any, total: Any, added: Any, *given: Any) -> None:
        parts = [given[3 * t : 3 * t + 3] for t in range(terms)]
        slopes = [[e.load(e.after(slope, v)) for v in range(vectors)] for _, _, slope in parts]
        start = [e.load(e.after(total, v)) for v in range(vectors)]
        with e.loop(rows, start) as (i, sums, results):
            target = e.place(out, e.builder.mul(i, out_stride), SINGLE)
            starts = [e.place(source, e.builder.mul(i, stride), SINGLE) for source, stride, _ in parts]
            for v, value in enumerate(_before(e, added, target, vectors)):
                for source, slope in zip(starts, slopes, strict=True):
                    value = e.fused(e.load_widened(e.after(source, v, SINGLE)), slope[v], value)
                stored = e.store_rounded(value, e.after(target, v, SINGLE))
                results.append(e.add(sums[v], e.absolute(stored)))
        for v, value in enumerate(results):
            e.store(value, e.after(total, v))

    return emitted(write)


def _outer(vectors: int) -> Any:
    """``outer(rows, out, out_stride, total, added, values, source, stride)``: row i is ``values[i] source[i]``, of
    doubles."""

    def write(e: Emitter, rows: Any, out: Any, out_stride: Any, total: Any, added: Any, *given: Any) -> None:
        values, source, stride = given
        start = [e.load(e.after(total, v)) for v in range(vectors)]
        with e.loop(rows, start) as (i, sums, results):
            target = e.place(out, e.builder.mul(i, out_stride), SINGLE)
            row, number = e.place(source, e.builder.mul(i, stride)), e.broadcast(e.place(values, i))
            for v, before in enumerate(_before(e, added, target, vectors)):
                value = e.fused(number, e.load(e.after(row, v)), before)
                stored = e.store_rounded(value, e.after(target, v, SINGLE))
                results.append(e.add(sums[v], e.absolute(stored)))
        for v, value in enumerate(results):
            e.store(value, e.after(total, v))

    return emitted(write)


def _absolute(vectors: int) -> Any:
    """``absolute(rows, source, stride, total)``."""

    def write(e: Emitter, rows: Any, source: Any, stride: Any, total: Any) -> None:
        start = [e.load(e.after(total, v)) for v in range(vectors)]
        with e.loop(rows, start) as (i, sums, results):
            row = e.place(source, e.builder.mul(i, stride), SINGLE)
            places = [e.after(row, v, SINGLE) for v in range(vectors)]
            results += [
                e.add(s, e.absolute(e.load_widened(place))) for s, place in zip(sums, places, strict=True)
            ]
        for v, value in enumerate(results):
            e.store(value, e.after(total, v))

    return emitted(write)


def _directional() -> Any:
    """``directional(rows, x, x_stride, y, y_stride, sx, sy, total, total_stride)``: one vector of columns."""

    def write(e: Emitter, rows: Any, x: Any, x_stride: Any, y: Any, y_stride: Any, *given: Any) -> None:
        sx, sy = e.load(given[0]), e.load(given[1])
        places = [e.place(given[2], e.builder.mul(given[3], INT(k))) for k in range(6)]
        with e.loop(rows, [e.load(place) for place in places]) as (i, sums, results):
            at_x = e.place(x, e.builder.mul(i, x_stride), SINGLE)
            at_y = e.place(y, e.builder.mul(i, y_stride), SINGLE)
            u, v = e.builder.fmul(e.load_widened(at_x), sx), e.builder.fmul(e.load_widened(at_y), sy)
            uu, vv = e.add(u, u), e.add(v, v)
            subtract = e.builder.fsub
            ends = [e.add(u, v), subtract(u, v), e.add(u, vv), subtract(u, vv), e.add(uu, v), subtract(uu, v)]
            results += [e.add(s, e.absolute(end)) for s, end in zip(sums, ends, strict=True)]
        for place, value in zip(places, results, strict=True):
            e.store(value, place)

    return emitted(write)


_one_4, _one_1 = (_combine(1, v) for v in (4, 1))
_two_2, _two_1 = (_combine(2, v) for v in (2, 1))
_four_2, _four_1 = (_combine(4, v) for v in (2, 1))
_outer_4, _outer_1 = (_outer(v) for v in (4, 1))
_absolute_4, _absolute_1 = (_absolute(v) for v in (4, 1))
_directional_1 = _directional()


@kernel
def combine_one(rows, size, out, out_stride, total, added, s, s_stride, a):
    """``out[i] = a s[i]``; ``total += |out[i]|``."""
    j = 0
    while j < size:
        o, w, g, b = out + 4 * j, total + 8 * j, s + 4 * j, a + 8 * j
        if size - j > 3 * _LANES:
            _one_4(rows, o, out_stride, w, added, g, s_stride, b)
            j += 4 * _LANES
        else:
            _one_1(rows, o, out_stride, w, added, g, s_stride, b)
            j += _LANES


@kernel
def combine_two(rows, size, out, out_stride, total, added, s, s_stride, a, t, t_stride, b):
    """``out[i] = a s[i] + b t[i]``; ``total += |out[i]|``."""
    j = 0
    while j < size:
        o, w, g, h, c, d = out + 4 * j, total + 8 * j, s + 4 * j, t + 4 * j, a + 8 * j, b + 8 * j
        if size - j > _LANES:
            _two_2(rows, o, out_stride, w, added, g, s_stride, c, h, t_stride, d)
            j += 2 * _LANES
        else:
            _two_1(rows, o, out_stride, w, added, g, s_stride, c, h, t_stride, d)
            j += _LANES


@kernel
def combine_four(rows, size, out, out_stride, total, added, s, sn, a, t, tn, b, p, pn, c, q, qn, d):
    """``out[i] = a s[i] + b t[i] + c p[i] + d q[i]``; ``total += |out[i]|``."""
    j, on = 0, out_stride
    while j < size:
        o, w, e, f, g, h = out + 4 * j, total + 8 * j, s + 4 * j, t + 4 * j, p + 4 * j, q + 4 * j
        at = 8 * j
        if size - j > _LANES:
            _four_2(rows, o, on, w, added, e, sn, a + at, f, tn, b + at, g, pn, c + at, h, qn, d + at)
            j += 2 * _LANES
        else:
            _four_1(rows, o, on, w, added, e, sn, a + at, f, tn, b + at, g, pn, c + at, h, qn, d + at)
            j += _LANES


@kernel
def outer(rows, size, out, out_stride, total, added, values, source, stride):
    """``out[i] = values[i] source[i]``; ``total += |out[i]|``."""
    j = 0
    while j < size:
        o, w, g = out + 4 * j, total + 8 * j, source + 8 * j
        if size - j > 3 * _LANES:
            _outer_4(rows, o, out_stride, w, added, values, g, stride)
            j += 4 * _LANES
        else:
            _outer_1(rows, o, out_stride, w, added, values, g, stride)
            j += _LANES


@kernel
def absolute(rows, size, source, stride, total):
    """``total += |source[i]|``."""
    j = 0
    while j < size:
        if size - j > 3 * _LANES:
            _absolute_4(rows, source + 4 * j, stride, total + 8 * j)
            j += 4 * _LANES
        else:
            _absolute_1(rows, source + 4 * j, stride, total + 8 * j)
            j += _LANES


@kernel
def directional(rows, size, x, x_stride, y, y_stride, sx, sy, total, total_stride):
    """``total[k] += |a x[i] sx + b y[i] sy|`` for the six directions (a, b): (1, +-1), (1, +-2), (2, +-1)."""
    for j in range(0, size, _LANES):
        g, h, at = x + 4 * j, y + 4 * j, 8 * j
        _directional_1(rows, g, x_stride, h, y_stride, sx + at, sy + at, total + at, total_stride)
