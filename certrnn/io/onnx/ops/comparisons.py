"""Comparisons of data, their logic, and what is chosen by them: a truth value is a number that is 0 or 1.

``x > c`` is a step of ``x - c`` in real arithmetic, at the very border as the operator says.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from certrnn.io.onnx.kinds import FORMATS, UNKNOWN, name_of
from certrnn.io.onnx.node import NodeContext, broadcast
from certrnn.io.onnx.ops.arithmetic import plus, times
from certrnn.io.onnx.ops.constants import evaluated, stepped
from certrnn.io.onnx.ops.movement import where
from certrnn.io.onnx.tensors import Known, Tensor, View
from transformers_abs import Step

ORDERED = {
    "Greater": (1.0, False),
    "GreaterOrEqual": (1.0, True),
    "Less": (-1.0, False),
    "LessOrEqual": (-1.0, True),
}
"""Sign of the difference that is positive where the comparison holds, and whether 0 counts."""


def compared(node: NodeContext) -> list[Tensor]:
    """Greater, GreaterOrEqual, Less and LessOrEqual."""
    left, right = node.input(0), node.input(1)
    if isinstance(left, Known) and isinstance(right, Known):
        return evaluated(node)
    for side in (left, right):
        _require_float(node, side)
    sign, inclusive = ORDERED[node.op]
    first, second = (left, right) if sign > 0.0 else (right, left)
    return [_stepped(node, plus(node, first, second, -1.0), inclusive)]


def sign(node: NodeContext) -> list[Tensor]:
    """Sign: the steps at 0 with and without 0 itself, less 1."""
    source = node.input(0)
    if isinstance(source, Known):
        return stepped(node)
    _require_float(node, source)
    both = plus(node, _stepped(node, source, False), _stepped(node, source, True))
    return [plus(node, both, _number(1.0), -1.0)]


def chosen(node: NodeContext) -> list[Tensor]:
    """Where: of a truth value t, ``b + t (a - b)``."""
    truth, left, right = (node.input(index) for index in range(3))
    if not (isinstance(truth, View) and truth.kind == TensorProto.BOOL):
        return where(node)
    for side in (left, right):
        _require_float(node, side)
        if isinstance(side, Known) and not side.real:
            raise node.refuse("what the data chooses between are floats", name_of(side.kind))
    # a truth value is broadcast by hand: a product has the shape of its factors
    shaped, _, _ = broadcast(node, [truth.ids, node.as_view(left).ids, node.as_view(right).ids])
    taken = times(node, View(shaped), plus(node, left, right, -1.0))
    return [plus(node, taken, right)]


def inverted(node: NodeContext) -> list[Tensor]:
    """Not."""
    truth = node.input(0)
    return [plus(node, _number(1.0), truth, -1.0)] if isinstance(truth, View) else evaluated(node)


def joined(node: NodeContext) -> list[Tensor]:
    """And, Or and Xor: ``a b``, ``a + b - a b`` and ``a + b - 2 a b``."""
    left, right = node.input(0), node.input(1)
    if isinstance(left, Known) and isinstance(right, Known):
        return evaluated(node)
    left, right = (_as_number(side) for side in (left, right))
    both = times(node, left, right)
    if node.op == "And":
        return [both]
    share = both if node.op == "Or" else times(node, both, _number(2.0))
    return [plus(node, plus(node, left, right), share, -1.0)]


def _as_number(tensor: Tensor) -> Tensor:
    return Known(tensor.array.astype(float)) if isinstance(tensor, Known) else tensor


def _number(value: float) -> Known:
    return Known(np.asarray(value))


def _stepped(node: NodeContext, source: Tensor, inclusive: bool) -> View:
    return View(node.space.apply(Step(inclusive), node.as_view(source).ids, node.name))


def _require_float(node: NodeContext, tensor: Tensor) -> None:
    """Whole numbers of the data have an arithmetic of their own, and truth values none."""
    if not isinstance(tensor, Known) and tensor.kind != UNKNOWN and tensor.kind not in FORMATS:
        raise node.refuse("numbers of the data that it compares or picks are floats", name_of(tensor.kind))
