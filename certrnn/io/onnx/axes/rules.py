"""What every operator does to the axes of its data.

How to add an operator: a function from the node to the axes of its outputs, named in ``RULES``. A rule that cannot
tell returns None: its outputs are of unknown axes, and nothing is concluded from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from certrnn.io.onnx.axes.node import Node
from certrnn.io.onnx.axes.parts import (
    UNKNOWN,
    Axes,
    Axis,
    length,
    merged,
    reshaped,
    resized,
    sources,
    unknown,
)

Result = Sequence[Axes | None] | None

_SAME = [
    "Identity",
    "Cast",
    "CastLike",
    "Dropout",
    "Relu",
    "Tanh",
    "Sigmoid",
    "LeakyRelu",
    "Clip",
    "Elu",
    "Selu",
    "Celu",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Mish",
    "Exp",
    "Log",
    "Sqrt",
    "Abs",
    "Neg",
    "Reciprocal",
    "Softplus",
    "Softsign",
    "Sign",
    "Erf",
    "Floor",
    "Ceil",
    "Round",
    "Sin",
    "Cos",
    "Not",
    "IsNaN",
    "ThresholdedRelu",
    "Shrink",
    "Swish",
    "BatchNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "GroupNormalization",
    "RMSNormalization",
    "LRN",
    "LpNormalization",
    "MeanVarianceNormalization",
    "Softmax",
    "LogSoftmax",
    "Hardmax",
    "CumSum",
    "ReverseSequence",
    "ScatterElements",
    "ScatterND",
    "Trilu",
]
_TOGETHER = [
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Pow",
    "Mod",
    "Max",
    "Min",
    "Sum",
    "Mean",
    "Where",
    "PRelu",
    "And",
    "Or",
    "Xor",
    "Equal",
    "Less",
    "Greater",
    "LessOrEqual",
    "GreaterOrEqual",
    "BitShift",
    "Expand",
]
_WINDOWS = ["Conv", "MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "ConvTranspose"]
_RESHAPES = ["Reshape", "Flatten"]
_RESIZED = ["Pad", "Resize", "Upsample", "Slice", "Split"]
RECURRENT = ("RNN", "LSTM", "GRU")


def _same(node: Node) -> Result:
    return [node.axes(0)]


def _together(node: Node) -> Result:
    """Broadcasting, last axes first."""
    shape = node.made()
    if shape is None or None in shape:
        return None
    out_axes: list[Axis] = [()] * len(shape)
    for index in range(len(node.proto.input)):
        axes = node.axes(index)
        if axes is None or (node.op == "Expand" and index):
            continue
        if len(axes) > len(shape):
            return None
        for place, axis in enumerate(axes, start=len(shape) - len(axes)):
            out_axes[place] = merged(out_axes[place], axis, int(shape[place] or 0))
    sized = [
        axis if length(axis) == n else unknown(int(n or 0)) for axis, n in zip(out_axes, shape, strict=True)
    ]
    return [tuple(sized)]


def _transpose(node: Node) -> Result:
    axes = node.axes(0)
    if axes is None:
        return None
    order = node.attribute("perm", list(range(len(axes)))[::-1])
    return [tuple(axes[p] for p in order)]


def _reshape(node: Node) -> Result:
    axes, shape = node.axes(0), node.made()
    if axes is None or shape is None or None in shape:
        return None
    return [reshaped(axes, [int(n or 0) for n in shape])]


def _unsqueeze(node: Node) -> Result:
    axes, places = node.axes(0), node.integers(1, "axes")
    if axes is None or places is None:
        return _reshape(node)
    out_axes = list(axes)
    for place in sorted(p % (len(axes) + len(places)) for p in places):
        out_axes.insert(place, ())
    return [tuple(out_axes)]


def _squeeze(node: Node) -> Result:
    axes, places = node.axes(0), node.integers(1, "axes")
    if axes is None:
        return None
    if places is None:
        gone = [place for place, axis in enumerate(axes) if length(axis) == 1]
    else:
        gone = [place % len(axes) for place in places]
    if any(length(axes[place]) != 1 for place in gone):
        return None
    return [tuple(axis for place, axis in enumerate(axes) if place not in gone)]


def _windows(node: Node) -> Result:
    axes, shape = node.axes(0), node.made()
    if axes is None or shape is None or len(shape) != len(axes) or None in shape:
        return None
    sizes = [int(n or 0) for n in shape]
    channels = unknown(sizes[1]) if node.op in ("Conv", "ConvTranspose") else axes[1]
    windows = [resized(axis, n) for axis, n in zip(axes[2:], sizes[2:], strict=True)]
    return [(axes[0], channels, *windows)]


def _resize(node: Node) -> Result:
    axes = node.axes(0)
    results: list[Axes | None] = []
    for place in range(len(node.proto.output)):
        shape = node.made(place)
        fits = axes is not None and shape is not None and len(shape) == len(axes) and None not in shape
        if axes is None or shape is None or not fits:
            results.append(None)
            continue
        results.append(tuple(resized(axis, int(n or 0)) for axis, n in zip(axes, shape, strict=True)))
    return results


def _tile(node: Node) -> Result:
    axes, shape = node.axes(0), node.made()
    if axes is None or shape is None or len(shape) != len(axes) or None in shape:
        return None
    sizes = [int(n or 0) for n in shape]
    return [tuple(axis if length(axis) == n else unknown(n) for axis, n in zip(axes, sizes, strict=True))]


def _matmul(node: Node) -> Result:
    left, right, shape = node.axes(0), node.axes(1), node.made()
    if shape is None or None in shape or len(shape) < 2:
        return None
    sizes = [int(n or 0) for n in shape]
    if left is not None and right is None and len(left) == len(sizes):
        return [(*left[:-1], unknown(sizes[-1]))]
    if left is None and right is not None and len(right) == len(sizes):
        return [(*right[:-2], unknown(sizes[-2]), right[-1])]
    if left is not None and right is not None and len(left) == len(right) == len(sizes):
        before = [merged(a, b, n) for a, b, n in zip(left[:-2], right[:-2], sizes, strict=False)]
        return [(*before, left[-2], right[-1])]
    return None


def _gemm(node: Node) -> Result:
    axes, shape = node.axes(0), node.made()
    if axes is None or len(axes) != 2 or shape is None or shape[-1] is None:
        return None
    return [(axes[1] if node.attribute("transA", 0) else axes[0], unknown(int(shape[-1])))]


def _gather(node: Node) -> Result:
    axes, words = node.axes(0), node.axes(1)
    axis = int(node.attribute("axis", 0))
    if axes is None:  # a table, read at the input's words
        table = node.shape(0)
        if words is None or table is None or len(table) != 2 or axis not in (0, -2) or table[1] is None:
            return None
        return [(*words, unknown(int(table[1])))]
    place = axis % len(axes)
    index, made = node.shape(1), node.made()
    rank = len(made) - len(axes) + 1 if made is not None else None if index is None else len(index)
    if rank == 0:
        return [(*axes[:place], *axes[place + 1 :])]
    if rank != 1:
        return None
    count = index[0] if index else None  # unknown where torch sorts a batch by length
    taken = axes[place] if count is None else resized(axes[place], count)
    return [(*axes[:place], taken, *axes[place + 1 :])]


def _concat(node: Node) -> Result:
    shape = node.made()
    inputs = [node.axes(index) for index in range(len(node.proto.input))]
    labelled = [axes for axes in inputs if axes is not None]
    if not labelled or shape is None or None in shape or any(len(a) != len(shape) for a in labelled):
        return None
    place = int(node.attribute("axis", 0)) % len(shape)
    out_axes: list[Axis] = []
    for here, size in enumerate(int(n or 0) for n in shape):
        if here == place:
            out_axes.append(_joined(node, place, inputs, size))
            continue
        axis = labelled[0][here]
        for other in labelled[1:]:
            axis = merged(axis, other[here], size)
        out_axes.append(axis)
    return [tuple(out_axes)]


def _joined(node: Node, place: int, inputs: Sequence[Axes | None], size: int) -> Axis:
    """The axis along which tensors are joined: steps that were picked one by one, in order, are steps again."""
    picked = [node.scope.picked.get(node.name(index), {}) for index in range(len(inputs))]
    for part in picked[0]:
        bits = [positions.get(part, 0) for positions in picked]
        ones = [1 << position for position in range(part.size)]
        if size == len(inputs) == part.size and bits in (ones, ones[::-1]):
            return (part,)
    pieces = [axes[place] for axes in inputs if axes is not None and axes[place]]
    same = len({sources(piece) for piece in pieces}) == 1 and len(pieces[0]) == 1
    if same and pieces[0][0].axis != UNKNOWN:
        return (replace(pieces[0][0], size=size),)
    return unknown(size)


def _reduce(node: Node) -> Result:
    axes = node.axes(0)
    places = node.integers(1, "axes") if node.op not in ("ArgMax", "ArgMin") else [node.attribute("axis", 0)]
    if axes is None:
        return None
    if not places:
        if node.attribute("noop_with_empty_axes", 0):
            return [axes]
        places = list(range(len(axes)))
    gone = {place % len(axes) for place in places}
    if node.attribute("keepdims", 1):
        return [tuple(() if place in gone else axis for place, axis in enumerate(axes))]
    return [tuple(axis for place, axis in enumerate(axes) if place not in gone)]


def _one_hot(node: Node) -> Result:
    axes, shape = node.axes(0), node.made()
    if axes is None or shape is None or node.attribute("axis", -1) not in (-1, len(axes)) or not shape[-1]:
        return None
    return [(*axes, unknown(int(shape[-1])))]


def _recurrent(node: Node) -> Result:
    axes = node.axes(0)
    if axes is None or len(axes) != 3:
        return None
    hidden = unknown(int(node.attribute("hidden_size", 0)) or 2)
    ways = unknown(2) if node.attribute("direction", b"forward") == b"bidirectional" else ()
    if node.attribute("layout", 0):
        batch, time = axes[0], axes[1]
        return [(batch, time, ways, hidden), (batch, ways, hidden), (batch, ways, hidden)]
    time, batch = axes[0], axes[1]
    return [(time, ways, batch, hidden), (ways, batch, hidden), (ways, batch, hidden)]


RULES: dict[str, Callable[[Node], Result]] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(_TOGETHER, _together),
    **dict.fromkeys(_WINDOWS, _windows),
    **dict.fromkeys(_RESHAPES, _reshape),
    **dict.fromkeys(_RESIZED, _resize),
    **dict.fromkeys(RECURRENT, _recurrent),
    **dict.fromkeys(("ArgMax", "ArgMin"), _reduce),
    **{
        f"Reduce{kind}": _reduce
        for kind in ("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare")
    },
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Gather": _gather,
    "Tile": _tile,
    "Concat": _concat,
    "OneHot": _one_hot,
}
