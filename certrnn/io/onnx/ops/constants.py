"""Operators on numbers that do not depend on the data: shapes, ranges, comparisons, tables."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
from onnx import TensorProto

from certrnn.io.onnx import exact
from certrnn.io.onnx.node import NodeContext, broadcast
from certrnn.io.onnx.tensors import Known, Tensor, check_elements, known

EXACT = frozenset(
    [
        "And",
        "ArgMax",
        "ArgMin",
        "BitShift",
        "Compress",
        "Equal",
        "EyeLike",
        "Greater",
        "GreaterOrEqual",
        "IsInf",
        "IsNaN",
        "Less",
        "LessOrEqual",
        "NonZero",
        "Not",
        "OneHot",
        "Or",
        "ScatterElements",
        "ScatterND",
        "TopK",
        "Trilu",
        "Unique",
        "Xor",
    ]
)
"""Operators that onnx's own reference evaluates on constants; none of them rounds, given exact numbers."""

QUANTISED = (
    "weights are stored as integers, and data is multiplied with them in floats, as the file says; onnxruntime rounds "
    "the data to 8 bits for that unless its option session.qdq_matmulnbits_accuracy_level is 1, as it was for replays"
)

STEPS = {"Ceil": np.ceil, "Floor": np.floor, "Round": np.rint, "Sign": np.sign}
"""Step functions, which are known where the whole interval of an inexact number steps alike."""


def constant(node: NodeContext) -> list[Tensor]:
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if name in node.attributes:
            return [_held(node, name)]
    raise node.refuse("a Constant holds a dense tensor of numbers", ", ".join(node.attributes) or "nothing")


def _held(node: NodeContext, name: str) -> Known:
    value = node.attributes[name]
    if name.startswith("value_int"):
        return Known(np.asarray(value, dtype=np.int64), name=node.name)
    return known(np.asarray(value), node.name, kind=0 if name == "value" else int(TensorProto.FLOAT))


def constant_of_shape(node: NodeContext) -> list[Tensor]:
    shape = node.integers(0, "shape")
    if any(v < 0 for v in shape):
        raise node.damaged("a shape has no negative axis", shape)
    check_elements(node.where, int(np.prod(shape, dtype=object)) if shape else 1)
    value = np.asarray(node.attribute("value", np.zeros(1, dtype=np.float32))).reshape(-1)
    if value.size != 1:
        raise node.damaged("'value' has one element", value.size)
    return [known(np.full(shape, value[0]), node.name)]


def product(node: NodeContext) -> list[Tensor]:
    """ReduceProd of integers, which torch writes for the number of elements of a tensor."""
    factors = node.constant(0, "the factors")
    if factors.real:
        raise node.refuse(
            "the product is one of integers", "floats", "Export without a product over an axis."
        )
    rank, axes = len(factors.shape), node.axes()
    if not axes and node.attribute("noop_with_empty_axes", 0):
        return [factors]
    chosen = tuple(sorted({node.axis(a, rank) for a in axes or range(rank)}))
    keep = bool(node.attribute("keepdims", 1))
    with np.errstate(over="ignore"):
        return [Known(factors.array.prod(axis=chosen, keepdims=keep, dtype=factors.array.dtype))]


def stepped(node: NodeContext) -> list[Tensor]:
    """Ceil, Floor, Round (half to even) and Sign."""
    number = node.constant(0, "the argument")
    array = exact.settled(number, STEPS[node.op])
    if array is None:
        raise node.refuse(
            "its argument is known well enough to round it", number.array.reshape(-1)[:3].tolist()
        )
    return [Known(array, name=number.name)]


def remainder(node: NodeContext) -> list[Tensor]:
    """Mod: of the divisor's sign, or of the dividend's (fmod), which floats must ask for."""
    left, right = node.constant(0, "the dividend"), node.constant(1, "the divisor")
    a, b = broadcast(node, [left.array, right.array])
    by_dividend = bool(node.attribute("fmod", 0))
    if left.relative_error or right.relative_error:
        raise node.refuse("its inputs are exact numbers", "numbers folded in floating point")
    if left.real and not by_dividend:
        raise node.damaged("fmod is 1 for floats", 0)
    if not left.real and exact.undivided(a, b):
        raise node.damaged("an integer divisor is not zero and the quotient fits its type", right.array)
    with np.errstate(all="ignore"):
        return [Known((np.fmod if by_dividend else np.mod)(a, b))]


def dequantized(node: NodeContext) -> list[Tensor]:
    """DequantizeLinear of stored integers: ``(x - zero point) * scale``, exact as real numbers."""
    stored, scale = node.input(0), node.constant(1, "the scale")
    if not isinstance(stored, Known):
        raise node.refuse(
            "weights are quantised, and the data is not",
            "numbers that depend on the input",
            "Rounding the data to integers is a step function: take the file before quantisation.",
        )
    if node.attribute("block_size", 0):
        raise node.refuse("scales are one for a tensor or one for each entry of an axis", "blocks")
    shape = [1] * len(stored.shape)
    if scale.array.ndim == 1 and scale.array.size > 1:
        shape[node.axis(int(node.attribute("axis", 1)), len(stored.shape))] = -1
    offset = stored.array.astype(np.float64)
    if node.has(2):
        offset = offset - node.constant(2, "the zero point").array.astype(np.float64).reshape(shape)
    factor = replace(scale, array=scale.array.reshape(shape))
    node.space.warnings[QUANTISED] = None
    result = exact.multiply(known(offset, kind=factor.kind), factor)
    if result is None:
        raise node.refuse("scales are normal numbers", scale.array.reshape(-1)[:3])
    return [replace(result, name=stored.name, kind=factor.kind)]


def quantized(node: NodeContext) -> list[Tensor]:
    """QuantizeLinear and its kin round, which no proof of a real network follows."""
    raise node.refuse(
        "the data stays real numbers",
        f"{node.op}, which rounds it to integers",
        "Take the file before quantisation, or quantise weights only.",
    )


def counted(node: NodeContext) -> list[Tensor]:
    """Range: start + k delta for every k below (limit - start) / delta."""
    start, limit, delta = (node.constant(i, w) for i, w in enumerate(("start", "limit", "delta")))
    if any(
        n.array.size != 1 or n.relative_error or not np.isfinite(n.array).all() for n in (start, limit, delta)
    ):
        raise node.refuse("start, limit and delta are exact numbers", "others")
    first, last, step = (Fraction(n.array.item()) for n in (start, limit, delta))
    if step == 0:
        raise node.damaged("delta is not zero", 0)
    count = max(0, math.ceil((last - first) / step))
    check_elements(node.where, count)
    places = Known(np.arange(count).astype(start.array.dtype))
    flat = (replace(n, array=n.array.reshape(1)) for n in (start, delta))
    begin, width = flat
    offsets = exact.multiply(places, width)
    result = None if offsets is None else exact.add(begin, offsets)
    if result is None:
        raise node.refuse("a range of floats is known to its last digits", "one that rounds beside zero")
    return [result]


def evaluated(node: NodeContext) -> list[Tensor]:
    """Run one node of ``EXACT`` on constants with onnx's reference evaluator."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    arrays = [node.constant(i, "what it reads") for i in range(len(node.inputs)) if node.has(i)]
    if any(a.relative_error for a in arrays):
        raise node.refuse("its inputs are exact numbers", "numbers folded in floating point")
    if str(node.attribute("reduction", "none")) != "none":
        raise node.refuse("entries are replaced", f"reduction {node.attribute('reduction')!r}")
    if node.op == "OneHot":
        check_elements(node.where, int(arrays[1].array.reshape(-1)[0]) * max(1, arrays[0].array.size))
    names = [f"i{i}" if node.has(i) else "" for i in range(len(node.inputs))]
    outputs = list(node.outputs)
    body = onnx.helper.make_node(node.op, names, [f"o{i}" for i in range(len(outputs))], **node.attributes)
    used = [n for n in names if n]
    graph = onnx.helper.make_graph(
        [body],
        "fold",
        [
            onnx.helper.make_tensor_value_info(
                n, onnx.helper.np_dtype_to_tensor_dtype(a.array.dtype), a.shape
            )
            for n, a in zip(used, arrays, strict=True)
        ],
        [onnx.ValueInfoProto(name=f"o{i}") for i in range(len(outputs))],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", node.opset)])
    results = ReferenceEvaluator(model).run(None, {n: a.array for n, a in zip(used, arrays, strict=True)})
    kind = int(node.attribute("dtype", arrays[0].kind)) if node.op == "EyeLike" else 0
    return [known(np.asarray(r), node.name, kind=kind) for r in results]  # type: ignore[union-attr]
