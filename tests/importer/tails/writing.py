"""A file under construction: nodes and constants of any operator set, and tensors whose axes are named."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


@dataclass(frozen=True)
class Part:
    """A tensor of the file.

    Args:
        axes: a letter an axis: ``n`` the batch, ``t`` frames, ``c`` scores, ``h`` hidden values, ``1`` of length one,
            ``m`` frames and scores in one.
        shape: for a batch of one.
        kind: element type.
    """

    name: str
    axes: str
    shape: tuple[int, ...]
    kind: int = TensorProto.FLOAT

    def length(self, letter: str) -> int:
        """1 where there is no such axis."""
        return self.shape[self.axes.index(letter)] if letter in self.axes else 1

    def where(self, letter: str) -> int:
        return self.axes.index(letter)


class Writer:
    """Nodes and constants of a graph, in order; ``random`` draws whatever is free, ``said`` describes it."""

    def __init__(self, random: np.random.Generator, opset: int) -> None:
        self.random, self.opset = random, opset
        self.nodes: list[onnx.NodeProto] = []
        self.given: list[onnx.TensorProto] = []
        self.said: list[str] = []

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def pick(self, *choices: Any) -> Any:
        return choices[int(self.random.integers(len(choices)))]

    def node(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """A node; the name of its last output (of several the others are left out)."""
        name = f"{op.lower()}_{len(self.nodes)}"
        names = [""] * (outputs - 1) + [name]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=f"the_{name}", **attributes))
        return name

    def stored(self, array: np.ndarray, kind: int | None = None) -> str:
        """An initializer, or a Constant node; rounded to ``kind`` where one is named."""
        name = f"given_{len(self.given) + len(self.nodes)}"
        array = np.asarray(array)
        if kind is None:
            tensor = numpy_helper.from_array(array, name)
        else:
            dtype = helper.tensor_dtype_to_np_dtype(kind)
            tensor = numpy_helper.from_array(array.astype(dtype), name)
        if self.chance(0.2):
            self.nodes.append(helper.make_node("Constant", [], [name], name=f"the_{name}", value=tensor))
        else:
            self.given.append(tensor)
        return name

    def whole(self, *numbers: int) -> str:
        return self.stored(np.array(numbers, dtype=np.int64))

    # ---- operators whose form depends on the operator set

    def squeezed(self, name: str, *axes: int) -> str:
        if self.opset < 13:
            return self.node("Squeeze", name, axes=list(axes))
        return self.node("Squeeze", name, self.whole(*axes))

    def unsqueezed(self, name: str, *axes: int) -> str:
        if self.opset < 13:
            return self.node("Unsqueeze", name, axes=list(axes))
        return self.node("Unsqueeze", name, self.whole(*axes))

    def reduced(self, op: str, name: str, axis: int) -> str:
        if self.opset < 13 or op != "ReduceSum":
            return self.node(op, name, axes=[axis], keepdims=0)
        return self.node(op, name, self.whole(axis), keepdims=0)

    def sliced(self, name: str, axis: int, start: int, end: int, step: int = 1) -> str:
        return self.node("Slice", name, *(self.whole(v) for v in (start, end, axis, step)))

    def moved(self, part: Part, order: tuple[int, ...]) -> Part:
        """Transposed."""
        if order == tuple(range(len(order))):
            return part
        name = self.node("Transpose", part.name, perm=list(order))
        axes = "".join(part.axes[k] for k in order)
        return replace(part, name=name, axes=axes, shape=tuple(part.shape[k] for k in order))

    def ordered(self, part: Part, axes: str) -> Part:
        return self.moved(part, tuple(part.where(letter) for letter in axes))

    def cast(self, name: str, kind: int) -> str:
        return self.node("Cast", name, to=kind)
