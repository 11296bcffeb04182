"""Functions that normalise or pick among scores: at the end of a network they say which scores are compared."""

from __future__ import annotations

import numpy as np

from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.ops.constants import evaluated
from certrnn.io.onnx.tensors import Chosen, Known, Normalised, Tensor


def softmax(node: NodeContext) -> list[Tensor]:
    """Softmax and LogSoftmax: the arguments, and for each the group that it is normalised in."""
    source = node.input(0)
    if isinstance(source, Known):
        raise node.refuse(f"{node.op} is applied to scores", "constants", "Export with constant folding.")
    ids = node.view(0).ids
    rank = ids.ndim
    axis = node.axis(int(node.attribute("axis", -1 if node.opset >= 13 else 1)), rank)
    # before operator set 13 the axes from ``axis`` on are one
    together = (axis,) if node.opset >= 13 else tuple(range(axis, rank))
    count = int(np.prod([ids.shape[a] for a in together], dtype=np.int64))
    if count < 2:  # the axis may be that of the samples, of which the graph has one
        raise node.refuse(f"{node.op} runs over at least two scores", f"axis {axis} of shape {ids.shape}")
    apart = [n if a not in together else 1 for a, n in enumerate(ids.shape)]
    groups = node.space.new_groups(int(np.prod(apart, dtype=np.int64))).reshape(apart)
    groups = np.broadcast_to(groups, ids.shape).reshape(-1)
    return [Normalised(np.arange(ids.size).reshape(ids.shape), ids.reshape(-1), groups, node.op)]


def argmax(node: NodeContext) -> list[Tensor]:
    """ArgMax of what depends on the data: the scores among which each entry is the place of the largest."""
    source = node.input(0)
    if isinstance(source, Known):
        return evaluated(node)
    if node.attribute("select_last_index", 0):
        raise node.refuse("select_last_index is 0", 1)
    where = source.entries if isinstance(source, Normalised) else node.view(0).ids
    rank = where.ndim
    axis = node.axis(int(node.attribute("axis", 0)), rank)
    if where.shape[axis] < 2:
        raise node.refuse(f"{node.op} runs over at least two scores", f"axis {axis} of shape {where.shape}")
    rows = np.moveaxis(where, axis, -1)
    shape = [n for a, n in enumerate(where.shape) if a != axis or node.attribute("keepdims", 1)]
    if node.attribute("keepdims", 1):
        shape[axis] = 1
    listed = rows.reshape(-1, where.shape[axis])
    if isinstance(source, Normalised):
        listed = source.comparable(listed, node.where)
    return [Chosen(np.arange(len(listed)).reshape(shape), listed)]


def scaled(
    node: NodeContext, source: Normalised, factor: Known | None, offset: Known | None
) -> Normalised | None:
    """``factor * source + offset``, one positive factor and one offset for all: comparisons within a group stay. None
    where there are others, or more values than before: then the values themselves are computed with."""
    numbers = [t for t in (factor, offset) if t is not None]
    if any(not n.array.size or not bool((n.array == n.array.flat[0]).all()) for n in numbers):
        return None
    if np.broadcast_shapes(source.shape, *(n.shape for n in numbers)) != source.shape:
        return None
    by = 1.0 if factor is None else float(factor.array.flat[0])
    shift = 0.0 if offset is None else float(offset.array.flat[0])
    if not (by > 0.0 and np.isfinite(by) and np.isfinite(shift)):
        return None
    return source.moved_by(by, shift, max(n.relative_error for n in numbers))
