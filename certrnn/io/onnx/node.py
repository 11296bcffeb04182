"""One ONNX node as its lowering sees it: attributes, inputs, and the words for refusing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from certrnn.errors import InvalidInput, Unsupported
from certrnn.io.onnx.reader import to_array
from certrnn.io.onnx.softmax import values
from certrnn.io.onnx.space import Space
from certrnn.io.onnx.tensors import Chosen, Known, Normalised, Tensor, Tokens, View


@dataclass(frozen=True, eq=False)
class NodeContext:
    """A node with its attributes decoded and its inputs read.

    Args:
        name: the node's name, or its first output where it has none.
        inputs: None where an optional input is left out.
        outputs: names of the outputs; empty where none is wanted.
        types: element types of the file's inputs, outputs and weights (``kinds.file_types``).
    """

    name: str
    op: str
    opset: int
    attributes: dict[str, Any]
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[str, ...]
    space: Space
    notes: list[str]
    types: frozenset[int] = frozenset()

    @property
    def where(self) -> str:
        return f"reading node {self.name!r} ({self.op})"

    def refuse(self, requirement: str, received: object, remedy: str = "") -> Unsupported:
        """The error for a valid node that certrnn does not interpret."""
        return Unsupported(self.where, requirement, received, remedy)

    def damaged(self, requirement: str, received: object) -> InvalidInput:
        """The error for a node that breaks the ONNX specification."""
        return InvalidInput(self.where, requirement, received, "Export the model again.")

    def attribute(self, name: str, default: Any = None) -> Any:
        return self.attributes.get(name, default)

    def has(self, index: int) -> bool:
        return index < len(self.inputs) and self.inputs[index] is not None

    def input(self, index: int) -> Tensor:
        tensor = self.inputs[index] if index < len(self.inputs) else None
        if tensor is None:
            raise self.damaged(f"input {index} is given", "nothing")
        return tensor

    def constant(self, index: int, what: str) -> Known:
        """An input that must not depend on the data."""
        tensor = self.input(index)
        if isinstance(tensor, Tokens):
            self.as_view(tensor)
        if not isinstance(tensor, Known):
            raise self.refuse(
                f"{what} (input {index}) does not depend on the data",
                "one that does",
                f"{self.op} is read of known numbers only there: compute it before the network and pass the result as "
                "data, or export a network without it.",
            )
        return tensor

    def integers(self, index: int, what: str) -> list[int]:
        """A constant input of integers, flattened."""
        tensor = self.constant(index, what)
        if tensor.array.dtype.kind not in "iu":
            raise self.damaged(f"{what} (input {index}) holds integers", tensor.array.dtype)
        return [int(v) for v in tensor.array.reshape(-1)]

    def axes(self, index: int = 1) -> list[int] | None:
        """Axes from the attribute (older opsets) or from an input."""
        if "axes" in self.attributes:
            return [int(a) for a in self.attributes["axes"]]
        return self.integers(index, "axes") if self.has(index) else None

    def axis(self, value: int, rank: int) -> int:
        """A non-negative axis."""
        if not -rank <= value < rank:
            raise self.damaged(f"an axis lies in [-{rank}, {rank})", value)
        return value % rank

    def view(self, index: int) -> View:
        """An input as elements of graph nodes; known numbers become a Constant node."""
        tensor = self.input(index)
        return self.as_view(tensor)

    def as_view(self, tensor: Tensor) -> View:
        match tensor:
            case Known():
                return self.space.constant(tensor, self.where)
            case Tokens():
                raise self.refuse(
                    "integer words of the input are looked up in constant tables by a Gather",
                    f"{self.op} of numbers computed from the words",
                    "Export with an embedding layer, or with float inputs: one-hot vectors, say.",
                )
            case Normalised():
                return View(values(self.space, tensor, self.name), tensor.kind)
            case Chosen():
                raise self._after_the_end()
            case View():
                return tensor

    def _after_the_end(self) -> Unsupported:
        """Nothing computes with class numbers; see :mod:`certrnn.io.onnx.ops.heads`."""
        return self.refuse(
            "ArgMax is the end of the network, but for moving and picking of its values",
            f"{self.op} of them",
            "Export the scores that ArgMax picks from.",
        )

    def note(self, text: str) -> None:
        self.notes.append(f"{self.name} ({self.op}): {text}")


def decoded(node: onnx.NodeProto, where: str) -> dict[str, Any]:
    """Attributes of a node by name: numbers, lists, text, arrays, graphs."""
    return {a.name: _decoded(a, where) for a in node.attribute}


def _decoded(attribute: onnx.AttributeProto, where: str) -> Any:
    if attribute.ref_attr_name:
        raise InvalidInput(where, "attributes hold values", f"a reference {attribute.ref_attr_name!r}")
    match attribute.type:
        case onnx.AttributeProto.STRING:
            return attribute.s.decode("utf-8", "replace")
        case onnx.AttributeProto.STRINGS:
            return [s.decode("utf-8", "replace") for s in attribute.strings]
        case onnx.AttributeProto.TENSOR:
            return to_array(attribute.t, where)
        case onnx.AttributeProto.SPARSE_TENSOR | onnx.AttributeProto.SPARSE_TENSORS:
            raise Unsupported(where, "tensors are dense", f"sparse attribute {attribute.name!r}")
    return onnx.helper.get_attribute_value(attribute)


def broadcast(node: NodeContext, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """numpy's broadcasting, with the node named where the shapes do not fit."""
    try:
        return [np.array(a) for a in np.broadcast_arrays(*arrays)]
    except ValueError as error:
        raise node.damaged(
            "the shapes of the inputs broadcast", " and ".join(str(a.shape) for a in arrays)
        ) from error
