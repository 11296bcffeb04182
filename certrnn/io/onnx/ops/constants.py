"""Operators on numbers that do not depend on the data: shapes, ranges, comparisons, tables."""

from __future__ import annotations

import numpy as np

from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.tensors import Tensor, check_elements, known

EXACT = frozenset(
    [
        "And",
        "ArgMax",
        "ArgMin",
        "BitShift",
        "Ceil",
        "Compress",
        "Equal",
        "EyeLike",
        "Floor",
        "Greater",
        "GreaterOrEqual",
        "IsInf",
        "IsNaN",
        "Less",
        "LessOrEqual",
        "Mod",
        "NonZero",
        "Not",
        "OneHot",
        "Or",
        "Range",
        "Round",
        "ScatterElements",
        "ScatterND",
        "Sign",
        "TopK",
        "Trilu",
        "Unique",
        "Xor",
    ]
)
"""Operators that onnx's own reference evaluates on constants; none of them rounds, given exact numbers."""


def constant(node: NodeContext) -> list[Tensor]:
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if name in node.attributes:
            value = node.attributes[name]
            if name.startswith("value_int"):
                value = np.asarray(value, dtype=np.int64)
            return [known(np.asarray(value), node.name)]
    raise node.refuse("a Constant holds a dense tensor of numbers", ", ".join(node.attributes) or "nothing")


def constant_of_shape(node: NodeContext) -> list[Tensor]:
    shape = node.integers(0, "shape")
    if any(v < 0 for v in shape):
        raise node.damaged("a shape has no negative axis", shape)
    check_elements(node.where, int(np.prod(shape, dtype=object)) if shape else 1)
    value = np.asarray(node.attribute("value", np.zeros(1))).reshape(-1)
    if value.size != 1:
        raise node.damaged("'value' has one element", value.size)
    return [known(np.full(shape, value[0]), node.name)]


def product(node: NodeContext) -> list[Tensor]:
    """ReduceProd of integers, which torch writes for the number of elements of a tensor."""
    if node.constant(0, "the factors").real:
        raise node.refuse(
            "the product is one of integers", "floats", "Export without a product over an axis."
        )
    return exact(node)


def exact(node: NodeContext) -> list[Tensor]:
    """Run one node of ``EXACT`` on constants with onnx's reference evaluator."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    arrays = [node.constant(i, f"input {i}") for i in range(len(node.inputs)) if node.has(i)]
    if any(a.relative_error for a in arrays):
        raise node.refuse("its inputs are exact numbers", "numbers folded in floating point")
    if node.op == "Range":
        start, limit, delta = (float(a.array.reshape(-1)[0]) for a in arrays)
        check_elements(node.where, int((limit - start) / delta) if delta else 1 << 62)
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
    return [known(np.asarray(r), node.name) for r in results]  # type: ignore[union-attr]
