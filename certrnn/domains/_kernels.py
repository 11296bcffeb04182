"""The two passes over generators that are not matrix products: sums of absolute values, by column.

On the CPU they run compiled, in blocks of columns that stay in cache, large ones in threads of Python: numba's own
parallel loops share OpenMP with torch, overwrite its number of threads, and wait by spinning. Elsewhere they are tensor
operations.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import torch

from certrnn.arrays import to_numpy
from transformers_abs import DIRECTIONS

_BLOCK = 256
_SHARE = 2**21
"""Entries that are worth a thread: about a millisecond."""


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _absolute_sums(generators: np.ndarray, out: np.ndarray, first: int, last: int) -> None:
    for start in range(first, last, _BLOCK):
        stop = min(last, start + _BLOCK)
        for row in range(generators.shape[0]):
            for column in range(start, stop):
                out[column] += abs(generators[row, column])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _directional_sums(
    x: np.ndarray,
    y: np.ndarray,
    scale_x: np.ndarray,
    scale_y: np.ndarray,
    directions: np.ndarray,
    out: np.ndarray,
    first: int,
    last: int,
) -> None:
    for start in range(first, last, _BLOCK):
        stop = min(last, start + _BLOCK)
        for row in range(x.shape[0]):
            for k in range(directions.shape[0]):
                a, b = directions[k, 0], directions[k, 1]
                for column in range(start, stop):
                    out[k, column] += abs(
                        a * (x[row, column] * scale_x[column]) + b * (y[row, column] * scale_y[column])
                    )


def _by_columns(kernel: Callable[..., None], size: int, columns: int, arguments: tuple[Any, ...]) -> None:
    """Run a kernel over all columns, in as many threads as torch uses and the ``size`` of the work is worth."""
    threads = max(1, min(torch.get_num_threads(), size // _SHARE))
    if threads == 1:
        kernel(*arguments, 0, columns)
        return
    edges = [columns * k // threads for k in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(kernel, *arguments, *part) for part in pairwise(edges)]:
            done.result()


def absolute_sums(generators: torch.Tensor) -> torch.Tensor:
    """``sum_k |g_k|`` over the leading axis of (m, B, n), in floating point: (B, n)."""
    if generators.shape[0] == 0:
        return torch.zeros(generators.shape[1:], dtype=generators.dtype, device=generators.device)
    if generators.device.type != "cpu":
        return torch.linalg.vector_norm(generators, ord=1, dim=0)
    out = torch.zeros(generators.shape[1:], dtype=generators.dtype)
    flat = to_numpy(generators.contiguous()).reshape(generators.shape[0], -1)
    _by_columns(_absolute_sums, flat.size, flat.shape[1], (flat, to_numpy(out).reshape(-1)))
    return out


def directional_sums(x: torch.Tensor, y: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """``sum_k |a gx_k sx + b gy_k sy|`` for each direction (a, b) of ``DIRECTIONS``, in floating point.

    Shapes: x and y (m, B, n) of the same symbols, scale (2, B, n); result (K, B, n).
    """
    shape = (len(DIRECTIONS), *x.shape[1:])
    if x.device.type != "cpu":
        sums = [
            torch.linalg.vector_norm(float(a) * (x * scale[0]) + float(b) * (y * scale[1]), ord=1, dim=0)
            for a, b in DIRECTIONS
        ]
        return torch.stack(sums)
    out = torch.zeros(shape, dtype=x.dtype)
    first, second = (to_numpy(v.contiguous()).reshape(x.shape[0], -1) for v in (x, y))
    scales = [to_numpy(s.contiguous()).reshape(-1) for s in scale]
    arguments = (first, second, *scales, DIRECTIONS, to_numpy(out).reshape(len(DIRECTIONS), -1))
    _by_columns(_directional_sums, first.size * len(DIRECTIONS), first.shape[1], arguments)
    return out
