"""Operators that only move data: numpy on entries, exact, without a graph node."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from certrnn.io.onnx.node import NodeContext, broadcast
from certrnn.io.onnx.tensors import (
    Known,
    Normalised,
    Tensor,
    Tokens,
    View,
    check_elements,
    entries,
    rearranged,
    together,
)


def identity(node: NodeContext) -> list[Tensor]:
    """Identity, and Dropout as it is at inference (its mask is all true)."""
    source = node.input(0)
    if node.op == "Dropout":
        if node.has(2) and bool(node.constant(2, "training_mode").array.any()):
            raise node.refuse(
                "dropout is switched off", "training_mode = 1", "Call model.eval() before exporting."
            )
        node.note("dropped, does nothing at inference")
        mask = np.ones(source.shape, dtype=bool if node.opset >= 10 else np.float64)
        return [source, Known(mask)]
    return [source]


def reshape(node: NodeContext) -> list[Tensor]:
    source = node.input(0)
    wanted = node.integers(1, "shape") if node.has(1) else [int(v) for v in node.attribute("shape", [])]
    if not node.attribute("allowzero", 0):
        if any(v == 0 and i >= len(source.shape) for i, v in enumerate(wanted)):
            raise node.damaged("a 0 in 'shape' copies an existing axis", wanted)
        wanted = [source.shape[i] if v == 0 else v for i, v in enumerate(wanted)]
    return [rearranged(source, _reshaped(node, entries(source), wanted))]


def _reshaped(node: NodeContext, array: np.ndarray, shape: list[int]) -> np.ndarray:
    if any(v < -1 for v in shape):
        raise node.damaged("an axis of the new shape is -1 (the rest) or a length", shape)
    try:
        return array.reshape(shape)
    except (ValueError, TypeError, OverflowError) as error:
        raise node.damaged(
            f"{array.size} elements of shape {array.shape} fit the new shape", shape
        ) from error


def flatten(node: NodeContext) -> list[Tensor]:
    source = node.input(0)
    rank = len(source.shape)
    axis = int(node.attribute("axis", 1))
    if not -rank <= axis <= rank:
        raise node.damaged(f"'axis' lies in [-{rank}, {rank}]", axis)
    axis = axis + rank if axis < 0 else axis
    rows = int(np.prod(source.shape[:axis], dtype=np.int64))
    columns = int(np.prod(source.shape[axis:], dtype=np.int64))
    return [rearranged(source, entries(source).reshape(rows, columns))]


def transpose(node: NodeContext) -> list[Tensor]:
    source = node.input(0)
    rank = len(source.shape)
    order = [int(v) for v in node.attribute("perm", range(rank)[::-1])]
    if sorted(order) != list(range(rank)):
        raise node.damaged(f"'perm' is a permutation of {rank} axes", order)
    return [rearranged(source, entries(source).transpose(order))]


def squeeze(node: NodeContext) -> list[Tensor]:
    source = node.input(0)
    axes = node.axes()
    rank = len(source.shape)
    chosen = (
        [i for i, n in enumerate(source.shape) if n == 1]
        if axes is None
        else sorted({node.axis(a, rank) for a in axes})
    )
    if any(source.shape[a] != 1 for a in chosen):
        raise node.damaged("a squeezed axis has length 1", f"axes {chosen} of shape {source.shape}")
    return [
        rearranged(
            source, entries(source).reshape([n for i, n in enumerate(source.shape) if i not in chosen])
        )
    ]


def unsqueeze(node: NodeContext) -> list[Tensor]:
    source = node.input(0)
    axes = node.axes()
    if axes is None:
        raise node.damaged("axes are given", "nothing")
    rank = len(source.shape) + len(axes)
    return [rearranged(source, np.expand_dims(entries(source), tuple(node.axis(a, rank) for a in axes)))]


def slice_(node: NodeContext) -> list[Tensor]:
    """Slice: bounds from attributes (opset 1) or inputs; clamped as the specification says."""
    source = node.input(0)
    rank = len(source.shape)
    if "starts" in node.attributes:
        starts, ends = list(node.attributes["starts"]), list(node.attributes["ends"])
        axes, steps = list(node.attribute("axes", range(len(starts)))), [1] * len(starts)
    else:
        starts, ends = node.integers(1, "starts"), node.integers(2, "ends")
        axes = node.integers(3, "axes") if node.has(3) else list(range(len(starts)))
        steps = node.integers(4, "steps") if node.has(4) else [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise node.damaged(
            "starts, ends, axes and non-zero steps have one length", (starts, ends, axes, steps)
        )
    moved = entries(source)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        place = node.axis(int(axis), rank)
        moved = np.take(moved, _range(int(start), int(end), int(step), moved.shape[place]), axis=place)
    return [rearranged(source, moved)]


def _range(start: int, end: int, step: int, size: int) -> np.ndarray:
    """Positions start, start + step, ... before end, with negative numbers counted from the end of the axis."""
    start = start + size if start < 0 else start
    end = end + size if end < 0 else end
    if step > 0:
        return np.arange(min(max(start, 0), size), min(max(end, 0), size), step)
    return np.arange(min(max(start, 0), size - 1), min(max(end, -1), size - 1), step)


def split(node: NodeContext) -> list[Tensor]:
    source = node.input(0)
    axis = node.axis(int(node.attribute("axis", 0)), len(source.shape))
    size = source.shape[axis]
    if node.has(1):
        parts = node.integers(1, "split")
    elif "split" in node.attributes:
        parts = [int(v) for v in node.attributes["split"]]
    else:
        count = int(node.attribute("num_outputs", len(node.outputs)))
        if not 0 < count <= max(size, 1):
            raise node.damaged(f"an axis of length {size} is split into 1 to {size} parts", count)
        part = -(-size // count)
        parts = [min(part, max(0, size - part * k)) for k in range(count)]
    if sum(parts) != size or any(p < 0 for p in parts):
        raise node.damaged(f"the parts add up to the axis length {size}", parts)
    return [
        rearranged(source, piece) for piece in np.split(entries(source), np.cumsum(parts)[:-1], axis=axis)
    ]


def concat(node: NodeContext) -> list[Tensor]:
    sources = [node.input(i) for i in range(len(node.inputs))]
    axis = node.axis(int(node.attribute("axis", 1)), len(sources[0].shape))
    return [joined(node, sources, axis)]


def joined(node: NodeContext, sources: list[Tensor], axis: int) -> Tensor:
    """Concatenation; known numbers beside others become Constant nodes."""
    if all(isinstance(s, Known) for s in sources):
        error = max(s.relative_error for s in sources if isinstance(s, Known))
        array = _concatenated(node, [entries(s) for s in sources], axis)
        return Known(array, error, kind=sources[0].kind)
    if all(isinstance(s, Tokens) for s in sources):
        numbers, rows = together([s for s in sources if isinstance(s, Tokens)])
        return Tokens(_concatenated(node, numbers, axis), rows, sources[0].kind)
    shares = [s for s in sources if isinstance(s, Normalised)]
    if len(shares) == len(sources) and len({(s.function, s.steps) for s in shares}) == 1:
        return _side_by_side(node, shares, axis)
    filled = [s for s in sources if entries(s).size]
    return View(_concatenated(node, [node.as_view(s).ids for s in filled], axis), sources[0].kind)


def _side_by_side(node: NodeContext, parts: list[Normalised], axis: int) -> Normalised:
    """Values of one function, scaled alike; each keeps its group."""
    first = parts[0]
    tables = list({id(p.scores): p for p in parts}.values())  # pieces of one softmax share its table
    starts = np.cumsum([0, *(p.scores.size for p in tables)])
    start = {id(p.scores): begin for p, begin in zip(tables, starts, strict=False)}
    moved = [p.entries + start[id(p.scores)] for p in parts]
    scores, groups = (np.concatenate([getattr(p, n) for p in tables]) for n in ("scores", "groups"))
    return replace(first, entries=_concatenated(node, moved, axis), scores=scores, groups=groups)


def _concatenated(node: NodeContext, arrays: list[np.ndarray], axis: int) -> np.ndarray:
    try:
        return np.concatenate(arrays, axis=axis)
    except ValueError as error:
        raise node.damaged("the inputs agree on every other axis", [a.shape for a in arrays]) from error


def gather(node: NodeContext) -> list[Tensor]:
    """Gather with constant indices; an embedding (a table indexed by words of the input) is cut before this."""
    source = node.input(0)
    axis = node.axis(int(node.attribute("axis", 0)), len(source.shape))
    if isinstance(node.input(1), Tokens):
        raise node.refuse(
            "a Gather indexed by the input reads the rows (axis 0) of one constant matrix, the embedding",
            f"axis {axis} of a tensor of shape {source.shape}",
        )
    index = node.constant(1, "indices").array
    if index.dtype.kind not in "iu":
        raise node.damaged("indices are integers", index.dtype)
    size = source.shape[axis]
    if index.size and not (int(index.min()) >= -size and int(index.max()) < size):
        raise node.damaged(f"indices lie in [-{size}, {size})", index.reshape(-1)[:4].tolist())
    return [rearranged(source, np.take(entries(source), index, axis=axis))]


def gather_nd(node: NodeContext) -> list[Tensor]:
    source, index = node.input(0), node.constant(1, "indices").array
    if int(node.attribute("batch_dims", 0)) != 0:
        raise node.refuse("batch_dims is 0", node.attribute("batch_dims"))
    depth = index.shape[-1] if index.ndim else 0
    if index.dtype.kind not in "iu" or not 0 < depth <= len(source.shape):
        raise node.damaged(f"the last axis of indices has 1 to {len(source.shape)} integers", index.shape)
    picked = tuple(np.moveaxis(index, -1, 0))
    if any(p.size and not -n <= p.min() <= p.max() < n for p, n in zip(picked, source.shape, strict=False)):
        raise node.damaged("indices lie within the tensor", index.reshape(-1)[:4].tolist())
    return [rearranged(source, entries(source)[picked])]


def gather_elements(node: NodeContext) -> list[Tensor]:
    source, index = node.input(0), node.constant(1, "indices").array
    axis = node.axis(int(node.attribute("axis", 0)), len(source.shape))
    if index.dtype.kind not in "iu" or index.ndim != len(source.shape):
        raise node.damaged("indices are integers of the rank of the data", (index.dtype, index.shape))
    size = source.shape[axis]
    if index.size and not (int(index.min()) >= -size and int(index.max()) < size):
        raise node.damaged(f"indices lie in [-{size}, {size})", index.reshape(-1)[:4].tolist())
    if any(n > m for a, (n, m) in enumerate(zip(index.shape, source.shape, strict=True)) if a != axis):
        raise node.damaged("indices are no longer than the data on the other axes", index.shape)
    # numpy would repeat an axis of length 1; ONNX reads the first entries of the data only
    read = entries(source)[tuple(slice(None) if a == axis else slice(n) for a, n in enumerate(index.shape))]
    return [rearranged(source, np.take_along_axis(read, np.where(index < 0, index + size, index), axis))]


def expand(node: NodeContext) -> list[Tensor]:
    source = node.input(0)
    wanted = node.integers(1, "shape")
    if any(v < 0 for v in wanted):
        raise node.damaged("a shape has no negative axis", wanted)
    check_elements(
        node.where, int(np.prod([max(v, 1) for v in wanted], dtype=object)) * max(1, entries(source).size)
    )
    shaped = broadcast(node, [entries(source), np.broadcast_to(np.zeros((), dtype=bool), wanted)])[0]
    return [rearranged(source, shaped)]


def tile(node: NodeContext) -> list[Tensor]:
    source = node.input(0)
    repeats = node.integers(1, "repeats")
    if len(repeats) != len(source.shape) or any(v < 0 for v in repeats):
        raise node.damaged(f"repeats holds {len(source.shape)} non-negative counts", repeats)
    check_elements(node.where, int(np.prod([*repeats, entries(source).size], dtype=object)))
    return [rearranged(source, np.tile(entries(source), repeats))]


def shape(node: NodeContext) -> list[Tensor]:
    full = node.input(0).shape
    start, end = int(node.attribute("start", 0)), int(node.attribute("end", len(full)))
    return [Known(np.array(full, dtype=np.int64)[start:end])]


def size(node: NodeContext) -> list[Tensor]:
    return [Known(np.array(entries(node.input(0)).size, dtype=np.int64))]


def where(node: NodeContext) -> list[Tensor]:
    """Where with a condition that does not depend on the data."""
    condition = node.constant(0, "the condition").array
    left, right = node.input(1), node.input(2)
    if isinstance(left, Known) and isinstance(right, Known):
        chosen, a, b = broadcast(node, [condition, left.array, right.array])
        return [Known(np.where(chosen, a, b), max(left.relative_error, right.relative_error))]
    # Only numbers that are chosen become nodes: a mask may hold minus infinity where nothing reads it.
    chosen = np.broadcast_to(condition, np.broadcast_shapes(condition.shape, left.shape, right.shape))
    for tensor, taken in ((left, chosen), (right, ~chosen)):
        if taken.all() and not isinstance(tensor, Known):
            return [rearranged(tensor, np.array(np.broadcast_to(entries(tensor), chosen.shape)))]
    a, b = node.as_view(left).ids, node.as_view(right).ids
    return [View(np.where(chosen, a, b))]
