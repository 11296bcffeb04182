"""The two passes over generators that are not matrix products: sums of absolute values, by column.

On the CPU they run compiled, in blocks of columns that stay in cache; elsewhere as tensor operations.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from transformers_abs import DIRECTIONS

from certrnn.arrays import to_numpy

_BLOCK = 256


@numba.njit(parallel=True, cache=True, error_model="numpy")
def _absolute_sums(generators: np.ndarray, out: np.ndarray) -> None:
    rows, columns = generators.shape
    for block in numba.prange((columns + _BLOCK - 1) // _BLOCK):
        start = block * _BLOCK
        stop = min(columns, start + _BLOCK)
        for row in range(rows):
            for column in range(start, stop):
                out[column] += abs(generators[row, column])


@numba.njit(parallel=True, cache=True, error_model="numpy")
def _directional_sums(
    x: np.ndarray, y: np.ndarray, scale_x: np.ndarray, scale_y: np.ndarray, directions: np.ndarray, out: np.ndarray
) -> None:
    rows, columns = x.shape
    for block in numba.prange((columns + _BLOCK - 1) // _BLOCK):
        start = block * _BLOCK
        stop = min(columns, start + _BLOCK)
        for row in range(rows):
            for k in range(directions.shape[0]):
                a, b = directions[k, 0], directions[k, 1]
                for column in range(start, stop):
                    out[k, column] += abs(a * (x[row, column] * scale_x[column]) + b * (y[row, column] * scale_y[column]))


def absolute_sums(generators: torch.Tensor) -> torch.Tensor:
    """``sum_k |g_k|`` over the leading axis of (m, B, n), in floating point: (B, n)."""
    if generators.shape[0] == 0:
        return torch.zeros(generators.shape[1:], dtype=generators.dtype, device=generators.device)
    if generators.device.type != "cpu":
        return torch.linalg.vector_norm(generators, ord=1, dim=0)
    out = torch.zeros(generators.shape[1:], dtype=generators.dtype)
    _absolute_sums(to_numpy(generators.contiguous()).reshape(generators.shape[0], -1), to_numpy(out).reshape(-1))
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
    flat = [to_numpy(v.contiguous()).reshape(x.shape[0], -1) for v in (x, y)]
    scales = [to_numpy(s.contiguous()).reshape(-1) for s in scale]
    _directional_sums(*flat, *scales, DIRECTIONS, to_numpy(out).reshape(len(DIRECTIONS), -1))
    return out
