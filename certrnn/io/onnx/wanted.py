"""Which part of a file is read: the input that carries the data, the outputs that answer, and what they depend on."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from certrnn.errors import InvalidInput, Unsupported
from certrnn.io.onnx.choices import Choices
from certrnn.io.onnx.layout import DataInput, data_inputs
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
    names = set(wanted)
    for node in reversed(nodes):
        if any(o in names for o in node.output):
            names |= _reads(node)
    return names


def given_numbers(graph: onnx.GraphProto) -> set[str]:
    """Inputs that the file has numbers for itself."""
    return {tensor.name for tensor in graph.initializer}


def unread(graph: onnx.GraphProto, choices: Choices) -> set[str]:
    """Inputs that what answers does not depend on."""
    read = needed(graph.node, set(outputs_in_order(graph, choices)))
    return {info.name for info in graph.input} - read


def choose_input(graph: onnx.GraphProto, choices: Choices) -> DataInput:
    """The input that carries the data; every other is a sequence length, is fixed, or is not read.

    Raises:
        InvalidInput: a fixed input is none of the file's.
        Unsupported: there is no data input, or several.
    """
    own = given_numbers(graph)
    names = [info.name for info in graph.input if info.name not in own]
    fixed = {one.name for one in choices.fix}
    for name in sorted(fixed - set(names)):
        requirement = f"--fix names an input of the network: {', '.join(map(repr, names))}"
        raise InvalidInput("reading --fix", requirement, repr(name))
    lengths = {info.name for info in length_inputs(graph)}
    apart = fixed | lengths | unread(graph, choices)
    others = data_inputs(info for info in graph.input if info.name in names and info.name not in apart)
    if len(others) != 1:
        raise _several(others)
    return others[0]


def _likely(info: DataInput) -> str:
    """What most such inputs are given: masks leave everything in, states start from zero, rates are numbers."""
    return "NUMBER" if not info.dims else "ones" if "mask" in info.name.lower() else "zeros"


def _several(others: Sequence[DataInput]) -> Unsupported:
    shown = ", ".join(f"{i.name!r} {i.shown}" for i in others)
    fixing = " ".join(f"--fix {i.name}={_likely(i)}" for i in others[1:])
    return Unsupported(
        "reading the model's inputs",
        "one input carries the data, beside sequence lengths",
        shown or "none that the output depends on",
        "Give the others numbers, the same for every sample"
        f": {fixing} (zeros, ones, a number or a file). Several inputs that move together are not read: join them into "
        "one sequence."
        if others
        else "Name another output with --output.",
    )
