"""Matrix products of generators with packed weights; sums of absolute values are taken while numbers are in registers.

A tile of the product stays in vector registers over the whole inner loop, which a library call on matrices as narrow as
a hidden state does not reach, and costs no second pass for the radii. Sums are taken in any order and with fused
operations: their error bound does not depend on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from certrnn.domains.compiled.simd import INT, Emitter, emitted
from transformers_abs._compile import kernel

PANEL = 16
"""Columns of the weights that are multiplied at a time; rows of generators are padded to a multiple of it."""

_BLOCK = 128
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


def _sums(e: Emitter, rows: int, vectors: int, source: Any, stride: Any, panel: Any, depth: Any) -> list[Any]:
    """``sum_k source[i, k] panel[k, j]``, row by row and vector by vector, in registers."""
    with e.loop(depth, [e.zero] * (rows * vectors)) as (k, carried, results):
        column = e.place(panel, e.builder.mul(k, INT(PANEL)))
        columns = [e.load(e.after(column, v)) for v in range(vectors)]
        for i in range(rows):
            number = e.broadcast(e.place(source, e.builder.add(e.builder.mul(stride, INT(i)), k)))
            results += [e.fused(number, c, carried[i * vectors + v]) for v, c in enumerate(columns)]
    return results


def _tile(rows: int, fresh: bool) -> Any:
    """``tile(source, stride, panel, depth, out, out_stride, total)``: the product of ``rows`` rows with one panel; the
    depth is at least 1. Two vectors at a time: with eight rows they and their operands fill the registers."""

    def write(e: Emitter, source: Any, stride: Any, panel: Any, depth: Any, *ends: Any) -> None:
        out, out_stride, total = ends
        width = PANEL // e.lanes
        vectors = min(2, width)
        for first in range(0, width, vectors):
            found = _sums(e, rows, vectors, source, stride, e.after(panel, first), depth)
            for v in range(vectors):
                place = e.after(total, first + v)
                sums = e.load(place)
                for i in range(rows):
                    target = e.after(e.place(out, e.builder.mul(out_stride, INT(i))), first + v)
                    value = found[i * vectors + v]
                    value = value if fresh else e.add(value, e.load(target))
                    e.store(value, target)
                    sums = e.add(sums, e.absolute(value))
                e.store(sums, place)

    return emitted(write)


_fresh_8, _fresh_4, _fresh_2, _fresh_1 = (_tile(rows, True) for rows in (8, 4, 2, 1))
_added_8, _added_4, _added_2, _added_1 = (_tile(rows, False) for rows in (8, 4, 2, 1))


@kernel
def _one_panel(source, stride, rows, panel, depth, out, out_stride, total):
    i = 0
    while i < rows:
        a, o, left = source + 8 * i * stride, out + 8 * i * out_stride, rows - i
        if left >= 8:
            _fresh_8(a, stride, panel, depth, o, out_stride, total)
            i += 8
        elif left >= 4:
            _fresh_4(a, stride, panel, depth, o, out_stride, total)
            i += 4
        elif left >= 2:
            _fresh_2(a, stride, panel, depth, o, out_stride, total)
            i += 2
        else:
            _fresh_1(a, stride, panel, depth, o, out_stride, total)
            i += 1


@kernel
def _onto_one_panel(source, stride, rows, panel, depth, out, out_stride, total):
    i = 0
    while i < rows:
        a, o, left = source + 8 * i * stride, out + 8 * i * out_stride, rows - i
        if left >= 8:
            _added_8(a, stride, panel, depth, o, out_stride, total)
            i += 8
        elif left >= 4:
            _added_4(a, stride, panel, depth, o, out_stride, total)
            i += 4
        elif left >= 2:
            _added_2(a, stride, panel, depth, o, out_stride, total)
            i += 2
        else:
            _added_1(a, stride, panel, depth, o, out_stride, total)
            i += 1


@kernel
def product(source, stride, rows, panels, count, depth, out, out_stride, total, fresh):
    """``out[i, j] = sum_k source[i, k] panels[j // PANEL, k, j % PANEL]``, added to what stands there unless ``fresh``;
    ``total[j] += |out[i, j]|``. All but counts and strides are addresses; out and total are padded."""
    for block in range(0, rows, _BLOCK):
        here = min(_BLOCK, rows - block)
        a, o = source + 8 * block * stride, out + 8 * block * out_stride
        for p in range(count):
            panel, at = panels + 8 * p * depth * PANEL, 8 * p * PANEL
            if fresh:
                _one_panel(a, stride, here, panel, depth, o + at, out_stride, total + at)
            else:
                _onto_one_panel(a, stride, here, panel, depth, o + at, out_stride, total + at)
