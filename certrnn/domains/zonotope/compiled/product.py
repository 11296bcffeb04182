"""Matrix products of generators with packed weights; sums of absolute values are taken while numbers are in registers.

A tile of the product stays in vector registers over the whole inner loop, which a library call on matrices as narrow as
a hidden state does not reach, and costs no second pass for the radii. Sums are taken in any order and with fused
operations: their error bound does not depend on it, but on the BLOCKs that :mod:`.singles` counts. Generators and their
weights are single precision, centers and slacks double.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from certrnn.domains.zonotope.compiled.simd import INT, SINGLE, Emitter, emitted
from certrnn.domains.zonotope.compiled.single_precision import BLOCK
from transformers_abs.compilation import kernel

PANEL = 32
"""Columns of the weights that are multiplied at a time; rows of generators are padded to a multiple of it."""

_ROWS = 128
"""Rows of generators that stay in cache while all panels pass."""


def pad(size: int) -> int:
    """The next multiple of PANEL."""
    return -(-size // PANEL) * PANEL


def pack(weight: np.ndarray) -> np.ndarray:
    """(panels, n, PANEL): the rows of the weights (k, n) as columns of panels, padded with zeros."""
    width, depth = weight.shape
    padded = np.zeros((pad(width), depth))
    padded[:width] = weight
    return np.ascontiguousarray(padded.reshape(-1, PANEL, depth).transpose(0, 2, 1))


def _tile(rows: int) -> Any:
    """``tile(source, stride, panel, depth, out, out_stride, total, added)``: the product of ``rows`` rows with one
    panel, in singles; the depth is at least 1. Two vectors at a time: with eight rows they and their operands fill the
    registers."""

    def sums(e: Emitter, columns: list[int], source: Any, stride: Any, panel: Any, *block: Any) -> list[Any]:
        start, count = block
        with e.loop(count, [e.no_singles] * (rows * len(columns))) as (k, carried, results):
            here = e.builder.add(start, k)
            row = e.place(panel, e.builder.mul(here, INT(PANEL)), SINGLE)
            weights = [e.load_singles(e.after(row, c, SINGLE)) for c in columns]
            for i in range(rows):
                place = e.place(source, e.builder.add(e.builder.mul(stride, INT(i)), here), SINGLE)
                number, own = e.broadcast(place, e.singles), carried[i * len(columns) :]
                results += [e.fused(number, w, own[v]) for v, w in enumerate(weights)]
        return results

    def write(e: Emitter, source: Any, stride: Any, panel: Any, depth: Any, *ends: Any) -> None:
        out, out_stride, total, added = ends
        width = PANEL // e.singles.count
        builder = e.builder
        for first in range(0, width, 2):
            columns = [2 * v for v in range(first, min(first + 2, width))]
            starts = [e.place(out, builder.mul(out_stride, INT(i)), SINGLE) for i in range(rows)]
            places = [e.after(start, c, SINGLE) for start in starts for c in columns]
            _clear(e, added, places)
            blocks = builder.sdiv(builder.add(depth, INT(BLOCK - 1)), INT(BLOCK))
            with e.loop(blocks, []) as (b, _, _):
                start = builder.mul(b, INT(BLOCK))
                left = builder.sub(depth, start)
                count = builder.select(builder.icmp_signed("<", left, INT(BLOCK)), left, INT(BLOCK))
                found = sums(e, columns, source, stride, panel, start, count)
                for value, place in zip(found, places, strict=True):
                    e.store(e.add(value, e.load_singles(place)), place)
            _add_up(e, places, [e.after(total, c) for c in columns])

    return emitted(write)


def _clear(e: Emitter, added: Any, places: list[Any]) -> None:
    def zeros() -> list[Any]:
        for place in places:
            e.store(e.no_singles, place)
        return []

    e.when("==", added, zeros, [])


def _add_up(e: Emitter, places: list[Any], totals: list[Any]) -> None:
    """Add the absolute values of the rows at ``places``, ``len(totals)`` of each row, to the totals: those of one tile
    in singles first, see :func:`.singles.summed`."""
    for v, total in enumerate(totals):
        own = [e.absolute(e.load_singles(place)) for place in places[v :: len(totals)]]
        while len(own) > 1:
            own = [e.add(a, b) for a, b in zip(own[::2], own[1::2], strict=True)]
        for value, end in zip(e.halves(own[0]), (total, e.after(total, 1)), strict=True):
            e.store(e.add(e.load(end), value), end)


def _vectors(signed: int, absolute: int) -> Any:
    """``vectors(source, stride, panel, depth, out)``: products of the first vectors with one panel, and of the others
    with its absolute values, in doubles."""

    def write(e: Emitter, source: Any, stride: Any, panel: Any, depth: Any, out: Any) -> None:
        count = signed + absolute
        for first in range(0, PANEL // e.lanes, 2):
            with e.loop(depth, [e.zero] * (2 * count)) as (k, carried, results):
                row = e.place(panel, e.builder.mul(k, INT(PANEL)))
                weights = [e.load(e.after(row, first + v)) for v in range(2)]
                sizes = [e.absolute(weight) for weight in weights]
                for i in range(count):
                    number = e.broadcast(e.place(source, e.builder.add(e.builder.mul(stride, INT(i)), k)))
                    for v, factor in enumerate(weights if i < signed else sizes):
                        results.append(e.fused(number, factor, carried[2 * i + v]))
            for i in range(count):
                start = e.place(out, e.builder.mul(stride, INT(i)))
                for v in range(2):
                    e.store(results[2 * i + v], e.after(start, first + v))

    return emitted(write)


_tile_8, _tile_4, _tile_2, _tile_1 = (_tile(rows) for rows in (8, 4, 2, 1))
_two_and_four = _vectors(2, 4)


@kernel
def two_and_four(source, stride, panels, count, depth, out):
    """Products of two vectors with ``count`` panels of doubles, and of four with their absolute values; vectors of both
    sides are ``stride`` apart."""
    for p in range(count):
        _two_and_four(source, stride, panels + 8 * p * depth * PANEL, depth, out + 8 * p * PANEL)


@kernel
def _one_panel(source, stride, rows, panel, depth, out, out_stride, total, added):
    i = 0
    while i < rows:
        a, o, left = source + 4 * i * stride, out + 4 * i * out_stride, rows - i
        if left >= 8:
            _tile_8(a, stride, panel, depth, o, out_stride, total, added)
            i += 8
        elif left >= 4:
            _tile_4(a, stride, panel, depth, o, out_stride, total, added)
            i += 4
        elif left >= 2:
            _tile_2(a, stride, panel, depth, o, out_stride, total, added)
            i += 2
        else:
            _tile_1(a, stride, panel, depth, o, out_stride, total, added)
            i += 1


@kernel
def product(source, stride, rows, panels, count, depth, out, out_stride, total, added):
    """``out[i, j] = sum_k source[i, k] panels[j // PANEL, k, j % PANEL]`` in singles, on top of what stands there if
    ``added``; ``total[j] += |out[i, j]|`` in doubles. All but counts and strides are addresses; out and total are
    padded."""
    for block in range(0, rows, _ROWS):
        here = min(_ROWS, rows - block)
        a, o = source + 4 * block * stride, out + 4 * block * out_stride
        for p in range(count):
            panel, place = panels + 4 * p * depth * PANEL, o + 4 * p * PANEL
            _one_panel(a, stride, here, panel, depth, place, out_stride, total + 8 * p * PANEL, added)
