"""Monotone functions at the very end of a classifier: they do not change which class wins, so they are dropped."""

from __future__ import annotations

import numpy as np

from certrnn.io.onnx.node import NodeContext
from certrnn.io.onnx.tensors import Known, Tensor, View, entries

DROPPABLE = frozenset({"Softmax", "LogSoftmax", "Sigmoid", "ArgMax"})
"""Operators dropped where nothing but data movement follows them."""


def refused_softmax(node: NodeContext) -> list[Tensor]:
    """Softmax anywhere but at the end."""
    source = node.input(0)
    if isinstance(source, Known):
        raise node.refuse("softmax is applied to the scores", "constants")
    raise node.refuse(
        f"{node.op} is the last operator, over the classes",
        "operators that follow it",
        "Export the logits; attention is not interpreted.",
    )


def dropped(node: NodeContext) -> list[Tensor]:
    """The scores themselves in place of a monotone function of them."""
    source = node.view(0)
    if node.op != "Sigmoid":
        _check_axis(node, source.ids)
        if source.ids.size == steps_of(source.ids.shape):
            raise node.refuse(f"{node.op} runs over at least two classes", "one score")
        if node.op == "ArgMax" and node.attribute("select_last_index", 0):
            raise node.refuse("select_last_index is 0", 1)
    node.note("monotone and last, dropped: the scores are its arguments")
    return [View(entries(source))]


def _check_axis(node: NodeContext, ids: np.ndarray) -> None:
    rank = ids.ndim
    if node.op == "ArgMax":
        axis, length = node.axis(int(node.attribute("axis", 0)), rank), None
    else:
        axis = node.axis(int(node.attribute("axis", -1 if node.opset >= 13 else 1)), rank)
        length = int(np.prod(ids.shape[axis:], dtype=np.int64)) if node.opset < 13 else None
    # over all scores of the sample, or over those of each step
    wanted = (ids.size,) if axis < rank - 1 else (ids.size, ids.size // (steps_of(ids.shape) or 1))
    if (ids.shape[axis] if length is None else length) not in wanted:
        raise node.refuse(
            f"{node.op} runs over all the scores of one sample, or over the last axis at every step",
            f"axis {axis} of shape {ids.shape}",
            "Export one vector of class scores a sample, or one a frame.",
        )


def steps_of(shape: tuple[int, ...]) -> int | None:
    """How many steps the scores of one sample belong to, classes last; None where no axis is that of the steps.

    >>> steps_of((1, 10)), steps_of((1, 7, 3)), steps_of((7, 1, 1)), steps_of((2, 3, 4))
    (1, 7, 7, None)
    """
    before = [length for length in shape[:-1] if length != 1]
    return 1 if not before else before[0] if len(before) == 1 else None
