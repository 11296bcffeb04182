"""Compiled passes over generators: everything about them that is not a matrix product.

Generators are (m, B, n): symbol, row of the batch, element. A kernel reads elements ``first .. first + n`` of a wider
array in place, so that slices are never copied, and works through rows start..stop so that threads can share the work.
Sums of absolute values are taken in any order; their error bound does not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from transformers_abs.compilation import kernel

_THREAD_WORK = 1 << 20
"""Numbers that a thread should have to work on: about half a millisecond."""


@kernel
def absolute_range(dense, first, row_first, total, start, stop):
    """``total[b, j] += sum |dense[row_first + k, b, first + j]|`` over rows k; four rows a step."""
    batch, size = total.shape
    end = first + size
    row = start + row_first
    whole = row + (stop - start) // 4 * 4
    while row < whole:
        for b in range(batch):
            sums = total[b]
            g, h = dense[row, b, first:end], dense[row + 1, b, first:end]
            p, q = dense[row + 2, b, first:end], dense[row + 3, b, first:end]
            for j in range(size):
                sums[j] += (abs(g[j]) + abs(h[j])) + (abs(p[j]) + abs(q[j]))
        row += 4
    while row < stop + row_first:
        for b in range(batch):
            sums, g = total[b], dense[row, b, first:end]
            for j in range(size):
                sums[j] += abs(g[j])
        row += 1


@kernel
def directional_range(x, first_x, row_x, y, first_y, row_y, scale, total, start, stop):
    """Add ``|a gx sx + b gy sy|`` for the six directions (a, b), written out: (1, +-1), (1, +-2), (2, +-1)."""
    _, batch, size = total.shape
    one, two = start, start
    while one < stop:
        # the last rows, where fewer than two are left, stand in for each other with weight zero
        two = one + 1 if one + 1 < stop else one
        weight = 1.0 if two != one else 0.0
        for b in range(batch):
            t0, t1, t2 = total[0, b], total[1, b], total[2, b]
            t3, t4, t5 = total[3, b], total[4, b], total[5, b]
            sx, sy = scale[0, b], scale[1, b]
            gx, hx = x[row_x + one, b, first_x : first_x + size], x[row_x + two, b, first_x : first_x + size]
            gy, hy = y[row_y + one, b, first_y : first_y + size], y[row_y + two, b, first_y : first_y + size]
            for j in range(size):
                u, v = gx[j] * sx[j], gy[j] * sy[j]
                p, q = weight * (hx[j] * sx[j]), weight * (hy[j] * sy[j])
                uu, vv, pp, qq = u + u, v + v, p + p, q + q
                t0[j] += abs(u + v) + abs(p + q)
                t1[j] += abs(u - v) + abs(p - q)
                t2[j] += abs(u + vv) + abs(p + qq)
                t3[j] += abs(u - vv) + abs(p - qq)
                t4[j] += abs(uu + v) + abs(pp + q)
                t5[j] += abs(uu - v) + abs(pp - q)
        one += 2


@kernel
def combine_range(out, row_out, fresh, last, sources, firsts, rows, slopes, total, start, stop):
    """``out[k] = sum_i slopes[i] * sources[i][k]``, added to what stands there unless ``fresh``; if ``last``,
    ``total += |out[k]|``. Sources, firsts, rows and slopes are tuples of one entry a term."""
    batch, size = total.shape
    for row in range(start, stop):
        for b in range(batch):
            place = out[row_out + row, b]
            for i in range(len(sources)):
                source, slope = sources[i][rows[i] + row, b, firsts[i] : firsts[i] + size], slopes[i][b]
                if fresh and i == 0:
                    for j in range(size):
                        place[j] = slope[j] * source[j]
                else:
                    for j in range(size):
                        place[j] += slope[j] * source[j]
            if last:
                sums = total[b]
                for j in range(size):
                    sums[j] += abs(place[j])


@kernel
def outer_range(out, row_out, fresh, values, row_values, columns, total, start, stop):
    """``out[k, b, j] = values[b, k] * columns[k, j]``, added to what stands there unless ``fresh``, and
    ``total += |out[k]|``."""
    batch, size = total.shape
    for row in range(start, stop):
        column = columns[row_values + row]
        for b in range(batch):
            place, sums, radius = out[row_out + row, b], total[b], values[b, row_values + row]
            if fresh:
                for j in range(size):
                    place[j] = radius * column[j]
            else:
                for j in range(size):
                    place[j] += radius * column[j]
            for j in range(size):
                sums[j] += abs(place[j])


def spread(
    function: Callable[..., None], arguments: tuple[Any, ...], total: np.ndarray, rows: int, width: int
) -> None:
    """``function(*arguments, total, start, stop)`` over ``rows`` rows of ``width`` numbers, by as many threads as torch
    uses where there is enough to do; ``total`` gathers the sums of all."""
    threads = min(torch.get_num_threads(), rows * width // _THREAD_WORK, rows)
    if threads < 2:
        function(*arguments, total, 0, rows)
        return
    sums = [total, *(np.zeros_like(total) for _ in range(threads - 1))]
    ends = [rows * i // threads for i in range(threads + 1)]
    with ThreadPoolExecutor(threads - 1) as pool:
        others = [pool.submit(function, *arguments, sums[i], ends[i], ends[i + 1]) for i in range(1, threads)]
        function(*arguments, sums[0], ends[0], ends[1])
        for other in others:
            other.result()
    for part in sums[1:]:
        total += part
