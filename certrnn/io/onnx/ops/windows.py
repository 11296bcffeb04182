"""Convolutions and pooling: windows of elements, gathered, then one affine map (or one extreme) a window."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from certrnn.io.onnx import exact
from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.ops.arithmetic import plus, times
from certrnn.io.onnx.ops.reductions import reduced
from certrnn.io.onnx.tensors import Known, Tensor, View, check_elements, check_finite


@dataclass(frozen=True)
class _Windows:
    """Where windows lie along each spatial axis: positions (windows, kernel); -1 is padding."""

    positions: tuple[np.ndarray, ...]

    def of(self, ids: np.ndarray, padding: int) -> np.ndarray:
        """Elements (batch, channels, *windows, *kernel) of ids (batch, channels, *space)."""
        rank = len(self.positions)
        padded = np.pad(ids, [(0, 0), (0, 0), *[(0, 1)] * rank], constant_values=padding)
        grids = []
        for axis, positions in enumerate(self.positions):
            shape = [1] * (2 * rank)
            shape[axis], shape[rank + axis] = positions.shape
            grids.append(positions.reshape(shape))
        return padded[(slice(None), slice(None), *grids)]


def _windows(node: NodeContext, space: tuple[int, ...], kernel: tuple[int, ...]) -> _Windows:
    rank = len(space)
    strides = [int(v) for v in node.attribute("strides", [1] * rank)]
    dilations = [int(v) for v in node.attribute("dilations", [1] * rank)]
    pads = [int(v) for v in node.attribute("pads", [0] * 2 * rank)]
    mode = str(node.attribute("auto_pad", "NOTSET"))
    if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise node.damaged("auto_pad is NOTSET, VALID, SAME_UPPER or SAME_LOWER", mode)
    if not len(strides) == len(dilations) == len(kernel) == rank or len(pads) != 2 * rank:
        raise node.damaged(
            f"strides, dilations and kernel have {rank} axes", (strides, dilations, kernel, pads)
        )
    if min([*strides, *dilations, *kernel]) < 1 or min(pads) < 0:
        raise node.damaged(
            "strides, dilations and kernel are positive, pads not negative", (strides, dilations, pads)
        )
    positions = []
    for axis, size in enumerate(space):
        reach = dilations[axis] * (kernel[axis] - 1) + 1
        before, after = (0, 0) if mode == "VALID" else (pads[axis], pads[rank + axis])
        if mode.startswith("SAME"):
            total = max(0, (-(-size // strides[axis]) - 1) * strides[axis] + reach - size)
            before = total // 2 if mode == "SAME_UPPER" else total - total // 2
            after = total - before
        room, stride = size + before + after - reach, strides[axis]
        count = (-(-room // stride) if node.attribute("ceil_mode", 0) else room // stride) + 1
        if (count - 1) * stride >= size + before:
            count -= 1  # no window begins beyond the data and what is padded before it
        if count < 1:
            raise node.damaged("the kernel fits into the padded input", (space, kernel))
        check_elements(node.where, count * kernel[axis])
        place = np.arange(count)[:, None] * strides[axis] + np.arange(kernel[axis]) * dilations[axis] - before
        positions.append(np.where((place >= 0) & (place < size), place, -1))
    return _Windows(tuple(positions))


def convolution(node: NodeContext) -> list[Tensor]:
    """Conv, with groups, strides, dilations and padding: one Affine node for each place of the kernel and group."""
    weight = node.constant(1, "W")
    ids = node.view(0).ids
    rank = ids.ndim - 2
    groups = int(node.attribute("group", 1))
    if (
        rank < 1
        or weight.array.ndim != ids.ndim
        or ids.shape[1] != weight.shape[1] * groups
        or weight.shape[0] % groups
    ):
        raise node.damaged("X and W fit together", f"shapes {ids.shape} and {weight.shape}, {groups} groups")
    check_finite(node.where, weight)
    zero = int(node.space.constant(Known(np.zeros(1)), node.where).ids[0])
    windows = _windows(node, ids.shape[2:], weight.shape[2:]).of(ids, zero)
    check_elements(node.where, windows.size)
    places = windows.shape[2 : 2 + rank]
    # (batch, groups, windows, channels of the group x kernel)
    split = windows.reshape(ids.shape[0], groups, -1, int(np.prod(places)), int(np.prod(weight.shape[2:])))
    rows = np.moveaxis(split, 2, 3).reshape(ids.shape[0], groups, int(np.prod(places)), -1)
    matrices = weight.array.reshape(groups, weight.shape[0] // groups, -1)
    result = np.empty((ids.shape[0], groups, matrices.shape[1], rows.shape[2]), dtype=np.int64)
    for sample, group in itertools.product(range(ids.shape[0]), range(groups)):
        matrix = node.space.matrix(matrices, False, group)
        block = node.space.affine_rows(rows[sample, group], matrix, weight.relative_error, node.name)
        result[sample, group] = block.T
    scores = View(result.reshape(ids.shape[0], weight.shape[0], *places))
    if not node.has(2):
        return [scores]
    bias = node.constant(2, "B")
    return [plus(node, scores, Known(bias.array.reshape(-1, *[1] * rank), bias.relative_error, bias.name))]


def pool(node: NodeContext) -> list[Tensor]:
    """MaxPool and AveragePool. Padding never wins a maximum; it counts in a mean where count_include_pad says so."""
    ids = node.view(0).ids
    rank = ids.ndim - 2
    kernel = tuple(int(v) for v in node.attribute("kernel_shape", []))
    if len(node.outputs) > 1 and node.outputs[1]:
        raise node.refuse("only the maxima are read", "their indices")
    windows = _windows(node, ids.shape[2:], kernel).of(ids, -1)
    check_elements(node.where, windows.size)
    flat = windows.reshape(*windows.shape[: 2 + rank], -1)
    if node.op == "MaxPool":
        # A padded place repeats another element of its window, which changes no maximum.
        filled = np.where(flat < 0, flat.max(axis=-1, keepdims=True), flat)
        return [reduced(node, View(filled), (filled.ndim - 1,), False, "ReduceMax")]
    if node.attribute("count_include_pad", 0) and node.attribute("ceil_mode", 0):
        raise node.refuse("a mean counts padding (count_include_pad) or rounds up (ceil_mode)", "both")
    counts = (
        np.full(flat.shape[:-1], flat.shape[-1])
        if node.attribute("count_include_pad", 0)
        else (flat >= 0).sum(-1)
    )
    zero = int(node.space.constant(Known(np.zeros(1)), node.where).ids[0])
    total = reduced(node, View(np.where(flat < 0, zero, flat)), (flat.ndim - 1,), False, "ReduceSum")
    inverse = exact.reciprocal(Known(counts.astype(np.float64)))
    if inverse is None:
        raise node.damaged("every window holds at least one element", 0)
    return [times(node, total, inverse)]
