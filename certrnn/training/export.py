"""Writing a trained module as an ONNX file of RNN, LSTM and GRU nodes, which every command reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from certrnn.errors import Unsupported
from certrnn.training.bounds.cells import gates_of
from certrnn.training.layers import LastStep, Recurrent, stages

OPSET, IR_VERSION = 17, 8
ORDERS = {nn.RNN: (0,), nn.LSTM: (0, 3, 1, 2), nn.GRU: (1, 0, 2)}
"""Torch's gates in the order of ONNX: i, o, f, c of torch's i, f, g, o; z, r, h of torch's r, z, n."""


def to_onnx(module: nn.Module, features: int, frames: int | None = None) -> onnx.ModelProto:
    """The module as an ONNX model; the same bytes for the same weights.

    Args:
        module: an ``nn.Sequential`` of what :func:`certrnn.training.bounds.margins` takes.
        features: of a frame; not looked at where the network reads words.
        frames: the only number of frames that the file takes; None for any.

    Raises:
        Unsupported: a part of the module has no counterpart here.
    """
    parts, writer = stages(module), _Writer()
    axis = "frames" if frames is None else frames
    if isinstance(parts[0], nn.Embedding):
        source = helper.make_tensor_value_info("x", TensorProto.INT64, ["batch", axis])
        value = writer.node("Gather", [writer.constant(parts[0].weight, "words"), "x"])
        parts = parts[1:]
    else:
        source = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", axis, features])
        value = "x"
    for part in parts:
        value = _write(writer, part, value)
    writer.nodes[-1].output[0] = "scores"
    scores = [part for part in parts if isinstance(part, nn.Linear)][-1].out_features
    target = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", scores])
    graph = helper.make_graph(writer.nodes, "certrnn", [source], [target], writer.constants)
    model = helper.make_model(
        graph, producer_name="certrnn", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(model)
    return model


@dataclass
class _Writer:
    """Nodes and constants so far; names count up."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, value: Tensor | np.ndarray, name: str) -> str:
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
        full = f"{name}_{len(self.constants)}"
        narrowed = array.astype(np.float32) if array.dtype.kind == "f" else array
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(narrowed), full))
        return full

    def node(self, op: str, inputs: list[str], outputs: int = 1, **attributes: Any) -> str:
        """The last of the node's outputs; those before it are not named."""
        name = f"{op}_{len(self.nodes)}"
        named = ["" for _ in range(outputs - 1)] + [name]
        self.nodes.append(helper.make_node(op, inputs, named, name=name, **attributes))
        return name


def _linear(writer: _Writer, part: nn.Linear, value: str) -> str:
    inputs = [value, writer.constant(part.weight, "weight")]
    if part.bias is not None:
        inputs.append(writer.constant(part.bias, "bias"))
    return writer.node("Gemm", inputs, transB=1)


def _named(op: str) -> Callable[[_Writer, nn.Module, str], str]:
    return lambda writer, part, value: writer.node(op, [value])


def _last_step(writer: _Writer, part: LastStep, value: str) -> str:
    module = part.recurrent
    value = writer.node("Transpose", [value], perm=[1, 0, 2])
    for layer in range(module.num_layers):
        last = layer + 1 == module.num_layers
        value = _layer(writer, module, value, layer, last)
        if module.bidirectional:
            # (frames, 2, batch, hidden), or (2, batch, hidden) of the last step, with both directions side by side
            value = writer.node("Transpose", [value], perm=[1, 0, 2] if last else [0, 2, 1, 3])
            shape = np.array([0, -1] if last else [0, 0, -1])
            value = writer.node("Reshape", [value, writer.constant(shape, "shape")])
        else:
            axes = writer.constant(np.array([0 if last else 1]), "axes")
            value = writer.node("Squeeze", [value, axes])
    return value


def _layer(writer: _Writer, module: Recurrent, value: str, layer: int, last: bool) -> str:
    """All steps (frames, directions, batch, hidden) of a layer, or the state after the last one without the frames."""
    kind = next(kind for kind in ORDERS if isinstance(module, kind))
    directions = [
        gates_of(module, layer, reverse) for reverse in (False, True)[: 2 if module.bidirectional else 1]
    ]

    def stacked(tensors: list[Tensor | None], rows: int) -> np.ndarray:
        arrays = [np.zeros(rows) if t is None else t.detach().cpu().numpy() for t in tensors]
        gates = [np.split(array, len(ORDERS[kind])) for array in arrays]
        return np.stack([np.concatenate([parts[k] for k in ORDERS[kind]]) for parts in gates])

    rows = len(directions[0].input)
    biases = [
        stacked([getattr(g, name) for g in directions], rows) for name in ("input_bias", "recurrent_bias")
    ]
    inputs = [
        value,
        writer.constant(stacked([g.input for g in directions], rows), "W"),
        writer.constant(stacked([g.recurrent for g in directions], rows), "R"),
        writer.constant(np.concatenate(biases, axis=1), "B"),
    ]
    more: dict[str, Any] = {"direction": "bidirectional"} if module.bidirectional else {}
    if isinstance(module, nn.RNN):
        more["activations"] = [module.nonlinearity.capitalize()] * len(directions)
    if isinstance(module, nn.GRU):
        more["linear_before_reset"] = 1
    return writer.node(kind.__name__, inputs, 2 if last else 1, hidden_size=module.hidden_size, **more)


WRITERS: dict[type[nn.Module], Callable[..., str]] = {
    nn.Linear: _linear,
    nn.ReLU: _named("Relu"),
    nn.Tanh: _named("Tanh"),
    nn.Sigmoid: _named("Sigmoid"),
    nn.Flatten: _named("Flatten"),
    LastStep: _last_step,
    nn.Dropout: lambda writer, part, value: value,
    nn.Identity: lambda writer, part, value: value,
}


def _write(writer: _Writer, part: nn.Module, value: str) -> str:
    if type(part) not in WRITERS:
        known = ", ".join(kind.__name__ for kind in WRITERS)
        raise Unsupported("writing a module as ONNX", f"it is made of {known}", type(part).__name__)
    return WRITERS[type(part)](writer, part, value)
