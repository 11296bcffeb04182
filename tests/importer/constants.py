"""What the importer makes of constant expressions, beside the standard's own meaning and beside onnxruntime.

``python -m tests.importer.constants 100000 [FIRST]`` runs the law at any size.
"""

from __future__ import annotations

import hashlib
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx

from certrnn.errors import CertrnnError
from certrnn.io.onnx.constants_check import check_constants
from certrnn.io.onnx.kinds import file_types
from certrnn.io.onnx.node import NodeContext, decoded
from certrnn.io.onnx.ops import OPERATORS
from certrnn.io.onnx.reader import ModelFile
from certrnn.io.onnx.space import Space
from certrnn.io.onnx.tensors import Known, Tensor, known
from tests.importer import expressions as ex


def folded(model: onnx.ModelProto) -> tuple[dict[str, Known], int]:
    """What the importer makes of each tensor that it folds, and how many nodes it refuses or leaves to the graph."""
    scope: dict[str, Tensor] = {t.name: known(onnx.numpy_helper.to_array(t)) for t in model.graph.initializer}
    refused = 0
    for node in model.graph.node:
        if any(i not in scope for i in node.input):
            continue
        try:
            (result,) = OPERATORS[node.op_type](context(model, node, scope))
        except (CertrnnError, TypeError):  # the lowering reports the latter as a damaged node
            refused += 1
            continue
        if isinstance(result, Known):
            scope[node.output[0]] = result
        else:
            refused += 1
    return {n: t for n, t in scope.items() if isinstance(t, Known)}, refused


def context(model: onnx.ModelProto, node: onnx.NodeProto, scope: dict[str, Tensor]) -> NodeContext:
    inputs = tuple(scope[i] if i else None for i in node.input)
    outputs = tuple(node.output)
    types = file_types(model.graph)
    attributes = decoded(node, "here")
    return NodeContext(node.name, node.op_type, ex.OPSET, attributes, inputs, outputs, Space(), [], types)


def complaint(expression: ex.Expression, found: dict[str, Known]) -> str | None:
    """The first tensor that is not what the standard says; None where all are."""
    for name, tensor in found.items():
        truth = expression.truth[name]
        if tensor.kind != expression.kinds[name] or tensor.shape != truth.shape:
            return f"{name}: type {tensor.kind} and shape {tensor.shape}"
        for value, wanted in zip(tensor.array.reshape(-1), truth.reshape(-1), strict=True):
            if not within(value, wanted, tensor.relative_error):
                return f"{name}: {value!r} +- {tensor.relative_error} for {wanted}"
    return None


def within(value: np.generic, wanted: Fraction | int | bool, error: float) -> bool:
    if not isinstance(wanted, Fraction):
        return error == 0.0 and value.item() == wanted
    if not np.isfinite(value):
        return False
    ours = Fraction(float(value))
    return abs(ours - wanted) <= Fraction(error) * abs(ours)


def file_of(model: onnx.ModelProto) -> ModelFile:
    digest = hashlib.sha256(model.SerializeToString()).hexdigest()
    return ModelFile(Path("expression.onnx"), digest, (), model, ex.OPSET)


def problems(first: int, count: int) -> tuple[list[str], float, float]:
    """What is wrong, the share of nodes refused, and the share of expressions that onnxruntime contradicts.

    The last two are not 0: a number may lie too near to where a cast steps, and onnxruntime rounds some casts twice.
    """
    wrong, refused, nodes, contradicted = [], 0, 0, 0
    for seed, expression in ex.expressions(first, count):
        model = expression.model()
        found, lost = folded(model)
        refused, nodes = refused + lost, nodes + len(expression.nodes)
        text = complaint(expression, found)
        if text is not None:
            wrong.append(f"seed {seed}: {text}")
        try:
            check_constants(file_of(model), found)
        except CertrnnError as error:
            contradicted += 1
            print(f"seed {seed}: {error}")
    return wrong, refused / nodes, contradicted / count


def main() -> None:
    """Print what is wrong among as many expressions as asked."""
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    wrong, refused, contradicted = problems(first, count)
    print(*wrong, sep="\n")
    print(
        f"{len(wrong)} wrong of {count}; {refused:.2%} of the nodes refused; {contradicted:.2%} contradicted"
    )


if __name__ == "__main__":
    main()
