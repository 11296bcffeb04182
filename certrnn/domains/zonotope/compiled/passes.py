"""Passes over rows of generators that are no matrix product: one row a symbol, at plain addresses.

Each works on columns of vectors from top to bottom, so that slopes and sums stay in registers. Widths are rounded up to
whole vectors: rows of ``out`` and sums are padded for that, and what is read beyond a source's columns only reaches the
padding. Generators are in single precision; what is computed of them is double and rounded once, where it is stored.
Places are addresses; strides and columns count numbers.
"""

from __future__ import annotations

from typing import Any

from certrnn.domains.zonotope.compiled.operands import Planes, Rows, Source, Target
from certrnn.domains.zonotope.compiled.simd import INT, SINGLE, Emitter, emitted, lanes
from transformers_abs.compilation import kernel

_LANES = lanes()


def _before(e: Emitter, added: Any, target: Any, vectors: int) -> list[Any]:
    """What stands at ``target`` if ``added``, or zeros; it is not read in vain."""
    places = [e.after(target, v, SINGLE) for v in range(vectors)]
    return e.when("!=", added, lambda: [e.load_widened(place) for place in places], [e.zero] * vectors)


def _combine(terms: int, vectors: int) -> Any:
    """``combine(rows, target, source for each term)``."""

    def write(e: Emitter, rows: Any, target: Any, *sources: Any) -> None:
        out, out_stride, total, added = target
        slopes = [[e.load(e.after(slope, v)) for v in range(vectors)] for _, _, slope in sources]
        start = [e.load(e.after(total, v)) for v in range(vectors)]
        with e.loop(rows, start) as (i, sums, results):
            row = e.place(out, e.builder.mul(i, out_stride), SINGLE)
            starts = [e.place(source, e.builder.mul(i, stride), SINGLE) for source, stride, _ in sources]
            for v, value in enumerate(_before(e, added, row, vectors)):
                for source, slope in zip(starts, slopes, strict=True):
                    value = e.fused(e.load_widened(e.after(source, v, SINGLE)), slope[v], value)
                stored = e.store_rounded(value, e.after(row, v, SINGLE))
                results.append(e.add(sums[v], e.absolute(stored)))
        for v, value in enumerate(results):
            e.store(value, e.after(total, v))

    return emitted(write)


def _outer(vectors: int) -> Any:
    """``outer(rows, target, values, columns)``: row i is ``values[i] columns[i]``, of doubles."""

    def write(e: Emitter, rows: Any, target: Any, values: Any, columns: Any) -> None:
        out, out_stride, total, added = target
        start = [e.load(e.after(total, v)) for v in range(vectors)]
        with e.loop(rows, start) as (i, sums, results):
            place = e.place(out, e.builder.mul(i, out_stride), SINGLE)
            row = e.place(columns[0], e.builder.mul(i, columns[1]))
            number = e.broadcast(e.place(values, i))
            for v, before in enumerate(_before(e, added, place, vectors)):
                value = e.fused(number, e.load(e.after(row, v)), before)
                stored = e.store_rounded(value, e.after(place, v, SINGLE))
                results.append(e.add(sums[v], e.absolute(stored)))
        for v, value in enumerate(results):
            e.store(value, e.after(total, v))

    return emitted(write)


def _absolute(vectors: int) -> Any:
    """``absolute(rows, source, total)``."""

    def write(e: Emitter, rows: Any, source: Any, total: Any) -> None:
        start = [e.load(e.after(total, v)) for v in range(vectors)]
        with e.loop(rows, start) as (i, sums, results):
            row = e.place(source[0], e.builder.mul(i, source[1]), SINGLE)
            places = [e.after(row, v, SINGLE) for v in range(vectors)]
            results += [
                e.add(s, e.absolute(e.load_widened(place))) for s, place in zip(sums, places, strict=True)
            ]
        for v, value in enumerate(results):
            e.store(value, e.after(total, v))

    return emitted(write)


def _directional() -> Any:
    """``directional(rows, x, y, totals)``: one vector of columns; x and y are sources, their slopes the scales."""

    def write(e: Emitter, rows: Any, x: Any, y: Any, totals: Any) -> None:
        sx, sy = e.load(x[2]), e.load(y[2])
        places = [e.place(totals[0], e.builder.mul(totals[1], INT(k))) for k in range(6)]
        with e.loop(rows, [e.load(place) for place in places]) as (i, sums, results):
            at_x = e.place(x[0], e.builder.mul(i, x[1]), SINGLE)
            at_y = e.place(y[0], e.builder.mul(i, y[1]), SINGLE)
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
def _target(target, j):
    """The target from its column j on."""
    return Target(target.start + 4 * j, target.stride, target.total + 8 * j, target.added)


@kernel
def _source(source, j):
    """The source from its column j on."""
    return Source(source.start + 4 * j, source.stride, source.slope + 8 * j)


@kernel
def combine_one(rows, size, target, a):
    """The target's rows are those of the source times its slope; absolute values are added to its total."""
    j = 0
    while j < size:
        if size - j > 3 * _LANES:
            _one_4(rows, _target(target, j), _source(a, j))
            j += 4 * _LANES
        else:
            _one_1(rows, _target(target, j), _source(a, j))
            j += _LANES


@kernel
def combine_two(rows, size, target, a, b):
    """The same for the sum of two sources."""
    j = 0
    while j < size:
        if size - j > _LANES:
            _two_2(rows, _target(target, j), _source(a, j), _source(b, j))
            j += 2 * _LANES
        else:
            _two_1(rows, _target(target, j), _source(a, j), _source(b, j))
            j += _LANES


@kernel
def combine_four(rows, size, target, a, b, c, d):
    """The same for the sum of four sources."""
    j = 0
    while j < size:
        to = _target(target, j)
        if size - j > _LANES:
            _four_2(rows, to, _source(a, j), _source(b, j), _source(c, j), _source(d, j))
            j += 2 * _LANES
        else:
            _four_1(rows, to, _source(a, j), _source(b, j), _source(c, j), _source(d, j))
            j += _LANES


@kernel
def outer(rows, size, target, values, columns):
    """Row i of the target is ``values[i]`` times row i of ``columns``, of doubles."""
    j = 0
    while j < size:
        place = Planes(columns.base + 8 * j, columns.step)
        if size - j > 3 * _LANES:
            _outer_4(rows, _target(target, j), values, place)
            j += 4 * _LANES
        else:
            _outer_1(rows, _target(target, j), values, place)
            j += _LANES


@kernel
def absolute(rows, size, source, total):
    """``total += |source[i]|``."""
    j = 0
    while j < size:
        place = Rows(source.start + 4 * j, source.stride)
        if size - j > 3 * _LANES:
            _absolute_4(rows, place, total + 8 * j)
            j += 4 * _LANES
        else:
            _absolute_1(rows, place, total + 8 * j)
            j += _LANES


@kernel
def directional(rows, size, x, y, totals):
    """``totals[k] += |a x[i] + b y[i]|`` for the six directions (a, b): (1, +-1), (1, +-2), (2, +-1); x and y are
    sources, by their slopes."""
    for j in range(0, size, _LANES):
        _directional_1(rows, _source(x, j), _source(y, j), Planes(totals.base + 8 * j, totals.step))
