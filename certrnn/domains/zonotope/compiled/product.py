"""Matrix products of generators with packed weights; sums of absolute values are taken while numbers are in registers.

A tile of the product stays in vector registers over the whole inner loop, which a library call on matrices as narrow as
a hidden state does not reach, and costs no second pass for the radii. Sums are taken in any order and with fused
operations: their error bound does not depend on it, but on the BLOCKs that :mod:`certrnn.domains.single_precision`
counts. Generators and their weights are single precision, centers and slacks double.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from certrnn.domains.single_precision import BLOCK
from certrnn.domains.zonotope.compiled.operands import Rows, Target
from certrnn.domains.zonotope.compiled.simd import INT, SINGLE, Emitter, emitted
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
    """``tile(source, panel, depth, target)``: the product of ``rows`` rows with one panel, in single precision; the
    depth is at least 1. Two vectors at a time: with eight rows they and their operands fill the registers."""

    def sums(e: Emitter, columns: list[int], source: Any, panel: Any, start: Any, count: Any) -> list[Any]:
        first, stride = source
        with e.loop(count, [e.zero_single] * (rows * len(columns))) as (k, carried, results):
            here = e.builder.add(start, k)
            row = e.place(panel, e.builder.mul(here, INT(PANEL)), SINGLE)
            weights = [e.load_single(e.after(row, c, SINGLE)) for c in columns]
            for i in range(rows):
                place = e.place(first, e.builder.add(e.builder.mul(stride, INT(i)), here), SINGLE)
                number, own = e.broadcast(place, e.single_vector), carried[i * len(columns) :]
                results += [e.fused(number, w, own[v]) for v, w in enumerate(weights)]
        return results

    def write(e: Emitter, source: Any, panel: Any, depth: Any, target: Any) -> None:
        out, out_stride, total, added = target
        width = PANEL // e.single_vector.count
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
                products = sums(e, columns, source, panel, start, count)
                for value, place in zip(products, places, strict=True):
                    e.store(e.add(value, e.load_single(place)), place)
            _add_up(e, places, [e.after(total, c) for c in columns])

    return emitted(write)


def _clear(e: Emitter, added: Any, places: list[Any]) -> None:
    def zeros() -> list[Any]:
        for place in places:
            e.store(e.zero_single, place)
        return []

    e.when("==", added, zeros, [])


def _add_up(e: Emitter, places: list[Any], totals: list[Any]) -> None:
    """Add the absolute values of the rows at ``places``, ``len(totals)`` of each row, to the totals: those of one tile
    in single precision first, see :func:`certrnn.domains.single_precision.summed`."""
    for v, total in enumerate(totals):
        own = [e.absolute(e.load_single(place)) for place in places[v :: len(totals)]]
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
def two_and_four(vectors, panels, out):
    """Products of two vectors with panels of doubles, and of four with their absolute values."""
    for p in range(panels.number):
        start = panels.start + 8 * p * panels.depth * PANEL
        _two_and_four(vectors.base, vectors.step, start, panels.depth, out + 8 * p * PANEL)


@kernel
def _moved(source, target, i):
    """Rows and target from their row i on."""
    rows = Rows(source.start + 4 * i * source.stride, source.stride)
    return rows, Target(target.start + 4 * i * target.stride, target.stride, target.total, target.added)


@kernel
def _one_panel(rows, source, panel, depth, target):
    i = 0
    while i < rows:
        (a, to), left = _moved(source, target, i), rows - i
        if left >= 8:
            _tile_8(a, panel, depth, to)
            i += 8
        elif left >= 4:
            _tile_4(a, panel, depth, to)
            i += 4
        elif left >= 2:
            _tile_2(a, panel, depth, to)
            i += 2
        else:
            _tile_1(a, panel, depth, to)
            i += 1


@kernel
def product(rows, source, panels, target):
    """Rows of the target are those of the source times the panels, ``sum_k source[i, k] panels[j // PANEL, k, j %
    PANEL]``, in single precision; their absolute values are added to its total, in doubles. Places are addresses;
    target and total are padded."""
    for block in range(0, rows, _ROWS):
        here = min(_ROWS, rows - block)
        a, to = _moved(source, target, block)
        for p in range(panels.number):
            panel = panels.start + 4 * p * panels.depth * PANEL
            part = Target(to.start + 4 * p * PANEL, to.stride, to.total + 8 * p * PANEL, to.added)
            _one_panel(here, a, panel, panels.depth, part)
