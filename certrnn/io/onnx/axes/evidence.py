"""What a graph says about time: recurrent nodes, scans, loops, steps that were unrolled, and convolutions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import onnx

from certrnn.io.onnx.axes.node import Node, Scope
from certrnn.io.onnx.axes.parts import UNKNOWN, Axis, Part
from certrnn.io.onnx.axes.rules import RECURRENT

_ACTIVATIONS = frozenset(
    [
        "Tanh",
        "Sigmoid",
        "Relu",
        "LeakyRelu",
        "HardSigmoid",
        "Softsign",
        "Elu",
        "Selu",
        "Clip",
        "ThresholdedRelu",
        "Softplus",
        "Gelu",
        "HardSwish",
    ]
)


@dataclass
class Evidence:
    """Axes that were seen to be time, or a batch.

    Args:
        times: parts of the input along which steps follow each other, with the node that says so.
        batches: axes of the input that hold sequences, as recurrent nodes see them.
        features: axes of the input that a recurrent node reads as features.
        windows: the part that a convolution of one axis slides along, with its node: time where nothing is recurrent.
        steps: positions picked one by one that an activation was applied to, a bit a position, by the part.
    """

    times: dict[Part, str] = field(default_factory=dict)
    batches: set[int | None] = field(default_factory=set)
    features: set[int] = field(default_factory=set)
    windows: dict[Part, str] = field(default_factory=dict)
    steps: dict[Part, set[int]] = field(default_factory=dict)
    spread: bool = False

    def look(self, node: Node) -> None:
        """Take down what one node says."""
        match node.op:
            case op if op in RECURRENT:
                self._recurrent(node)
            case "Scan":
                self._scan(node)
            case "Loop":
                self._loop(node)
            case "Conv":
                self._convolution(node)
            case op if op in _ACTIVATIONS:
                for part, bits in node.scope.picked.get(node.name(0), {}).items():
                    self.steps.setdefault(part, set()).add(bits)

    def _recurrent(self, node: Node) -> None:
        axes = node.axes(0)
        if axes is None or len(axes) != 3:
            return
        time, batch = (axes[1], axes[0]) if node.attribute("layout", 0) else (axes[0], axes[1])
        if self._step(time, node):
            whole = len(batch) == 1 and batch[0].stride == 1 and batch[0].axis != UNKNOWN
            self.batches.add(batch[0].axis if whole else None)
            self.features |= {part.axis for part in axes[2]}

    def _step(self, axis: Axis, node: Node) -> bool:
        """Whether the axis is one part of the input, which is then time."""
        if len(axis) == 1 and axis[0].axis != UNKNOWN:
            self.times[axis[0]] = f"{node.op} {node.proto.name or node.proto.output[0]!r}"
            return True
        self.spread |= len([part for part in axis if part.axis != UNKNOWN]) > 1
        return False

    def _scan(self, node: Node) -> None:
        count = int(node.attribute("num_scan_inputs", 0))
        first = len(node.proto.input) - count
        places = list(node.attribute("scan_input_axes", [0] * count))
        for index, place in zip(range(first, first + count), places, strict=False):
            axes = node.axes(index)
            if axes:
                self._step(axes[place % len(axes)], node)

    def _loop(self, node: Node) -> None:
        """A loop whose rounds pick the positions of an axis."""
        body = node.attribute("body")
        scope = node.scope
        for inner in inner_nodes(body):
            axes = scope.axes.get(inner.input[0]) if inner.op_type == "Gather" else None
            if axes is None or inner.input[1] in scope.constants:
                continue
            axis = Node(inner, scope).attribute("axis", 0)
            self._step(axes[axis % len(axes)], node)

    def _convolution(self, node: Node) -> None:
        axes = node.axes(0)
        slid = [axis for axis in (axes or ())[2:] if axis]
        if len(slid) == 1 and len(slid[0]) == 1 and slid[0][0].axis != UNKNOWN:
            self.windows[slid[0][0]] = f"{node.op} {node.proto.name or node.proto.output[0]!r}"

    def unrolled(self) -> dict[Part, str]:
        """Parts whose positions enter one after the other, each after an activation of all before it."""
        return {
            part: "cells that were unrolled" for part, bits in self.steps.items() if _chained(part.size, bits)
        }


def _chained(count: int, seen: set[int]) -> bool:
    every = (1 << count) - 1
    forward = [(1 << k) - 1 for k in range(1, count)]
    backward = [every ^ ((1 << k) - 1) for k in range(1, count)]
    for chain, second in ((forward, 2), (backward[::-1], 1 << max(count - 2, 0))):
        # of two positions each of which is activated alone, neither is a step after the other
        if count > 1 and all(bits in seen for bits in chain) and (count > 2 or second not in seen):
            return True
    return False


def inner_nodes(graph: onnx.GraphProto) -> Iterable[onnx.NodeProto]:
    """The nodes of a sub-graph, and of those in it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from inner_nodes(attribute.g)


def picked(node: Node) -> dict[Part, int]:
    """Positions that the node's outputs depend on, through what it reads."""
    positions: dict[Part, int] = {}
    for name in node.proto.input:
        for part, bits in node.scope.picked.get(name, {}).items():
            positions[part] = positions.get(part, 0) | bits
    return positions


def picks(node: Node, scope: Scope, output: int) -> tuple[Part, int] | None:
    """The one position that output number ``output`` of a Gather, Slice or Split takes."""
    axes = node.axes(0)
    if axes is None or node.op not in ("Gather", "Slice", "Split"):
        return None
    if node.op == "Slice":
        starts, places = node.integers(1, "starts"), node.integers(3, "axes")
        places = list(range(len(starts or ()))) if places is None else places
        made = node.made(output)
        for start, place in zip(starts or (), places, strict=False):
            whole = axes[place % len(axes)]
            if len(whole) == 1 and made is not None and made[place % len(axes)] == 1:
                return _position(whole[0], start)
        return None
    axis = axes[int(node.attribute("axis", 0)) % len(axes)]
    if len(axis) != 1:
        return None
    if node.op == "Gather":
        index = node.integers(1)
        return None if index is None or len(index) != 1 else _position(axis[0], index[0])
    return _position(axis[0], output) if len(node.proto.output) == axis[0].size else None


def _position(part: Part, position: int) -> tuple[Part, int] | None:
    if part.axis == UNKNOWN or not -part.size <= position < part.size:
        return None
    return part, 1 << position % part.size
