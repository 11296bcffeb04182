"""The element types of what a node computes, as the specification's own schemas say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import onnx

from certrnn.io.onnx.kinds import INTEGERS, UNKNOWN, name_of
from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.tensors import Known, Tensor, View

Rule = int | tuple[int, ...] | None
"""A type, the inputs that have it, or None where attributes say it and the handler knows it."""
MOVING = frozenset(
    [
        *(
            "Cast",
            "CastLike",
            "Concat",
            "Expand",
            "Flatten",
            "Gather",
            "GatherElements",
            "GatherND",
            "Identity",
        ),
        *("Reshape", "Shape", "Size", "Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze"),
    ]
)
"""Operators that compute nothing with the elements of their first input."""


def typed(handler: Callable[[NodeContext], list[Tensor]]) -> Callable[[NodeContext], list[Tensor]]:
    """The handler with its results' element types set."""

    def handle(node: NodeContext) -> list[Tensor]:
        _require_moved(node)
        results = handler(node)
        rules = rules_of(node.op, node.opset)
        return [_stamped(node, r, rules[min(k, len(rules) - 1)]) for k, r in enumerate(results)]

    return handle


def _require_moved(node: NodeContext) -> None:
    """Whole numbers of the data wrap and are cut off: nothing computes with them, they are moved and cast.

    Raises:
        Unsupported: something does.
    """
    for tensor in node.inputs:
        if isinstance(tensor, View) and tensor.kind in INTEGERS and node.op not in MOVING:
            received = f"{node.op} of {name_of(tensor.kind)}"
            remedy = "Cast to float32 before computing."
            raise node.refuse(
                "whole numbers that depend on the data are moved and cast only", received, remedy
            )


def _stamped(node: NodeContext, result: Tensor, rule: Rule) -> Tensor:
    if rule is None:
        return result
    kind = rule if isinstance(rule, int) else _first_known(node, rule)
    if isinstance(result, Known) and kind != UNKNOWN:
        _check(node, result, kind)
    return result if result.kind == kind else replace(result, kind=kind)


def _first_known(node: NodeContext, places: tuple[int, ...]) -> int:
    kinds = (node.input(i).kind for i in places if node.has(i))
    return next((k for k in kinds if k != UNKNOWN), UNKNOWN)


def _check(node: NodeContext, result: Known, kind: int) -> None:
    """Integers and booleans are held in their own type: a handler that changed it has computed something else."""
    expected = INTEGERS.get(kind)
    if (
        result.array.dtype != expected
        if expected is not None
        else result.real == (kind == onnx.TensorProto.BOOL)
    ):
        types = ", ".join(name_of(t.kind) for t in node.inputs if t is not None)
        raise node.damaged("inputs that the specification gives one type have it", types)


@lru_cache(maxsize=4096)
def rules_of(op: str, opset: int) -> tuple[Rule, ...]:
    """How each output of an operator gets its type; the last rule serves all further outputs.

    >>> rules_of("Where", 17), rules_of("Shape", 17), rules_of("Cast", 17), rules_of("CastLike", 17)
    (((1, 2),), (7,), (None,), ((1,),))
    """
    schema = onnx.defs.get_schema(op, opset, "")
    return tuple(_rule(schema, output.type_str) for output in schema.outputs)


def _rule(schema: onnx.defs.OpSchema, text: str) -> Rule:
    for constraint in schema.type_constraints:
        if constraint.type_param_str == text and len(constraint.allowed_type_strs) == 1:
            text = constraint.allowed_type_strs[0]
    if text.startswith("tensor("):
        return int(onnx.TensorProto.DataType.Value(text[7:-1].upper()))
    places = [i for i, parameter in enumerate(schema.inputs) if parameter.type_str == text]
    return tuple(places) or None
