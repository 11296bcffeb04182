"""A node as the rules of :mod:`certrnn.io.onnx.axes.rules` see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from certrnn.io.onnx.axes.parts import Axes, Part

Shape = tuple[int | None, ...]


@dataclass
class Scope:
    """What is known so far, by the names of tensors.

    Args:
        axes: of the tensors that depend on the input, where they are known.
        shapes: as inferred; None for a length that is not.
        constants: small tensors of integers.
        reached: tensors that depend on the input.
        picked: for each tensor the positions that were picked one by one and that it depends on, a bit a position, by
            the part they were picked from.
    """

    axes: dict[str, Axes] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)
    picked: dict[str, Mapping[Part, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Node:
    """A node with its attributes decoded."""

    proto: onnx.NodeProto
    scope: Scope

    @property
    def op(self) -> str:
        return self.proto.op_type

    def attribute(self, name: str, default: Any = None) -> Any:
        for attribute in self.proto.attribute:
            if attribute.name == name:
                return onnx.helper.get_attribute_value(attribute)
        return default

    def name(self, index: int) -> str:
        return self.proto.input[index] if index < len(self.proto.input) else ""

    def axes(self, index: int = 0) -> Axes | None:
        """Axes of an input; None where it is constant or unknown."""
        return self.scope.axes.get(self.name(index))

    def shape(self, index: int) -> Shape | None:
        """Inferred shape of an input."""
        return self.scope.shapes.get(self.name(index))

    def made(self, index: int = 0) -> Shape | None:
        """Inferred shape of an output."""
        return self.scope.shapes.get(self.proto.output[index]) if index < len(self.proto.output) else None

    def integers(self, index: int, attribute: str = "") -> list[int] | None:
        """A constant input, or the attribute that older operator sets have in its place."""
        setting = self.attribute(attribute) if attribute else None
        if setting is not None:
            return [int(v) for v in np.atleast_1d(setting)]
        array = self.scope.constants.get(self.name(index))
        return None if array is None else [int(v) for v in array.reshape(-1)]


def constant(node: onnx.NodeProto) -> np.ndarray | None:
    """The integers of a Constant node."""
    for attribute in node.attribute:
        if attribute.name == "value" and attribute.t.data_type in (
            onnx.TensorProto.INT64,
            onnx.TensorProto.INT32,
        ):
            return numpy_helper.to_array(attribute.t)
        if attribute.name == "value_int":
            return np.array(attribute.i)
        if attribute.name == "value_ints":
            return np.array(list(attribute.ints), dtype=np.int64)
    return None
