"""What a file declares, and what each input and output is taken for: shown before and beside any answer."""

from __future__ import annotations

import onnx

from certrnn.io.onnx.choices import Choices
from certrnn.io.onnx.kinds import name_of
from certrnn.io.onnx.lengths import length_inputs
from certrnn.io.onnx.wanted import given_numbers, outputs_in_order, unread


def inputs_said(graph: onnx.GraphProto, choices: Choices) -> tuple[str, ...]:
    """The inputs, a line each: name, axes, type and what it is taken for."""
    fixed = {one.name: f"fixed, {one.said}" for one in choices.fix}
    lengths = dict.fromkeys((info.name for info in length_inputs(graph)), "the sequence length")
    idle = dict.fromkeys(unread(graph, choices), "nothing that answers reads it")
    own = given_numbers(graph)
    shown = [info for info in graph.input if info.name not in own]
    known = idle | lengths | fixed
    left = [info.name for info in shown if info.name not in known]
    role = "the data" if len(left) == 1 else "the data, or numbers: --fix NAME=zeros"
    return tuple(f"{_declared(info)}: {known.get(info.name, role)}" for info in shown)


def outputs_said(graph: onnx.GraphProto, choices: Choices) -> tuple[str, ...]:
    """The outputs, a line each."""
    answering, *alike = [*outputs_in_order(graph, choices), ""]
    known = {answering: "answers"} | dict.fromkeys(alike, "has to decide alike; --output NAME chooses")
    return tuple(f"{_declared(info)}: {known.get(info.name, 'not read')}" for info in graph.output)


def _declared(info: onnx.ValueInfoProto) -> str:
    tensor = info.type.tensor_type
    dims = (
        dim.dim_param or (str(dim.dim_value) if dim.HasField("dim_value") else "?")
        for dim in tensor.shape.dim
    )
    return f"{info.name} ({', '.join(dims)}) {name_of(tensor.elem_type)}"
