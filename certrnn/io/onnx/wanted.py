"""Which part of a file is read: the input that carries the data, the outputs that answer, and what they depend on."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from certrnn.errors import Unsupported
from certrnn.io.onnx.choices import Choices
from certrnn.io.onnx.layout import DataInput
from certrnn.io.onnx.lengths import length_inputs


def outputs_in_order(graph: onnx.GraphProto, choices: Choices) -> list[str]:
    """Names of outputs: the one that answers, then those that have to follow from it (none where one was chosen)."""
    names = [o.name for o in graph.output]
    return names if choices.output is None else [choices.output]


def _reads(node: onnx.NodeProto) -> set[str]:
    """Names a node reads, those of its sub-graphs included."""
    names = {i for i in node.input if i}
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs] if attribute.HasField("g") else list(attribute.graphs):
            for inner in graph.node:
                names |= _reads(inner)
            names |= {o.name for o in graph.output}
    return names


def needed(nodes: Sequence[onnx.NodeProto], wanted: set[str]) -> set[str]:
    """Names that the wanted tensors depend on."""
    found = set(wanted)
    for node in reversed(nodes):
        if any(o in found for o in node.output):
            found |= _reads(node)
    return found


def choose_input(inputs: list[DataInput], graph: onnx.GraphProto) -> DataInput:
    """The input that carries the data; every other must be a sequence length."""
    lengths = {i.name for i in length_inputs(graph)}
    others = [i for i in inputs if i.name not in lengths]
    if len(others) != 1:
        raise Unsupported(
            "reading the model's inputs",
            "there is one data input (and a sequence length)",
            ", ".join(repr(i.name) for i in others) or "none",
            "Export with initial states and masks as constants.",
        )
    return others[0]
