"""A torch module of an ONNX file with RNN, LSTM or GRU nodes, to go on training from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from certrnn.domains import evaluate
from certrnn.errors import Unsupported
from certrnn.examples import resolve
from certrnn.io.onnx import OnnxModel, read
from certrnn.training.bounds.cells import gates_of
from certrnn.training.export import ORDERS
from certrnn.training.layers import LastStep, vectors_of

KINDS = {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}
FUNCTIONS = {"Relu": nn.ReLU, "Tanh": nn.Tanh, "Sigmoid": nn.Sigmoid}
_SHAPES = frozenset(
    [
        *("Transpose", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Slice", "Gather", "Concat", "Identity"),
        *(
            "Shape",
            "Constant",
            "Cast",
            "Expand",
            "ConstantOfShape",
            "Dropout",
            "Softmax",
            "LogSoftmax",
            "Split",
        ),
    ]
)
"""Operators that are looked through: whether they do what a LastStep does is found out by comparing scores."""
_SAMPLES, _FRAMES = 8, 6


def from_onnx(path: str | Path) -> nn.Sequential:
    """The network of a file as a module, compared with the file on random sequences.

    Takes an embedding, recurrent layers of one size, their last step, and linear layers with relu, tanh or sigmoid
    between them, as ``certrnn train`` and torch's exporter (``dynamo=False``) write them.

    Raises:
        InvalidInput: the file is missing or damaged.
        Unsupported: the network is something else.
    """
    network = read(resolve(str(path)))
    graph = network.file.proto.graph
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            known[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    module = nn.Sequential(*_parts(network, list(graph.node), known))
    _compare(network, module)
    return module


def _refusal(requirement: str, received: object) -> Unsupported:
    remedy = "Train a network of your own in torch with the losses of certrnn.training instead."
    return Unsupported("going on from an ONNX file", requirement, received, remedy)


def _parts(
    network: OnnxModel, nodes: list[onnx.NodeProto], known: dict[str, np.ndarray]
) -> Iterator[nn.Module]:
    if network.embedding is not None:
        table = torch.as_tensor(network.embedding.table, dtype=torch.float32)
        yield nn.Embedding.from_pretrained(table, freeze=False)
    layers = [node for node in nodes if node.op_type in KINDS]
    if not layers:
        raise _refusal("it has RNN, LSTM or GRU nodes", "none")
    yield LastStep(_recurrent(layers, known))
    after = nodes[nodes.index(layers[-1]) + 1 :]
    for place, node in enumerate(after):
        if node.op_type in FUNCTIONS:
            yield FUNCTIONS[node.op_type]()
        elif node.op_type in ("Gemm", "MatMul"):
            yield _linear(node, after[place + 1 : place + 2], known)
        elif node.op_type not in _SHAPES and not (
            node.op_type == "Add" and after[place - 1].op_type == "MatMul"
        ):
            raise _refusal("after the recurrent layers come linear ones, relu, tanh or sigmoid", node.op_type)


def _linear(node: onnx.NodeProto, after: list[onnx.NodeProto], known: dict[str, np.ndarray]) -> nn.Linear:
    """A Gemm, or a MatMul with the Add behind it."""
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    weight = known.get(node.input[1])
    if (
        weight is None
        or weight.ndim != 2
        or attributes.get("alpha", 1) != 1
        or attributes.get("beta", 1) != 1
    ):
        raise _refusal("the weight of a linear layer is a constant on the right", node.name or node.op_type)
    weight = weight if attributes.get("transB") else weight.T
    bias = known.get(node.input[2]) if len(node.input) > 2 else None
    if node.op_type == "MatMul" and after and after[0].op_type == "Add":
        bias = next((known[name] for name in after[0].input if name in known), None)
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    _set(layer.weight, weight)
    if bias is not None:
        _set(layer.bias, np.broadcast_to(bias.reshape(-1), weight.shape[:1]))
    return layer


def _set(target: Tensor, array: np.ndarray) -> None:
    with torch.no_grad():
        target.copy_(torch.as_tensor(np.array(array, dtype=np.float32)))


def _recurrent(nodes: list[onnx.NodeProto], known: dict[str, np.ndarray]) -> nn.RNN | nn.LSTM | nn.GRU:
    """The layers as one module of torch."""
    layers = [_layer(node, known) for node in nodes]
    kinds = {(kind, relu, both, arrays[1].shape[2]) for kind, relu, both, arrays in layers}
    if len(kinds) != 1:
        raise _refusal("recurrent layers are of one kind and size", sorted(node.op_type for node in nodes))
    (kind, relu, both, hidden), features = kinds.pop(), layers[0][3][0].shape[2]
    more = {"nonlinearity": "relu" if relu else "tanh"} if kind is nn.RNN else {}
    module = kind(features, hidden, len(layers), batch_first=True, bidirectional=both, **more)
    for layer, (_, _, _, (weight, recurrent, bias)) in enumerate(layers):
        for direction in range(2 if both else 1):
            gates = gates_of(module, layer, reverse=bool(direction))
            halves = np.split(bias[direction], 2)
            tensors = (weight[direction], recurrent[direction], *halves)
            targets = (gates.input, gates.recurrent, gates.input_bias, gates.recurrent_bias)
            for target, array in zip(targets, tensors, strict=True):
                assert target is not None
                parts = np.split(array, len(ORDERS[kind]))
                back = np.argsort(ORDERS[kind])
                _set(target, np.concatenate([parts[k] for k in back]))
    return module


def _layer(
    node: onnx.NodeProto, known: dict[str, np.ndarray]
) -> tuple[
    type[nn.RNN] | type[nn.LSTM] | type[nn.GRU], bool, bool, tuple[np.ndarray, np.ndarray, np.ndarray]
]:
    """Its kind, whether relu bends it, whether it has two directions, and its W, R and B."""
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    where = f"node {node.name or node.op_type}"
    direction = attributes.get("direction", b"forward")
    names = [name.decode().lower() for name in attributes.get("activations", [])]
    relu = node.op_type == "RNN" and set(names) == {"relu"}
    usual = {"RNN": {"tanh"}, "LSTM": {"sigmoid", "tanh"}, "GRU": {"sigmoid", "tanh"}}[node.op_type]
    if direction == b"reverse" or not (relu or set(names) in (set(), usual)):
        raise _refusal(
            f"{where} runs forward or both ways, with torch's functions", f"{direction!r}, {names}"
        )
    if "clip" in attributes or attributes.get("input_forget") or len(node.input) > 7:
        raise _refusal(f"{where} has no clip, coupled gates or peepholes", sorted(attributes))
    if node.op_type == "GRU" and not attributes.get("linear_before_reset"):
        raise _refusal(f"{where} resets after the product (linear_before_reset = 1), as torch's does", 0)
    weights = [known.get(name) for name in node.input[1:3]]
    if weights[0] is None or weights[1] is None:
        raise _refusal(f"{where} has constant weights", list(node.input[1:3]))
    bias = known.get(node.input[3]) if len(node.input) > 3 and node.input[3] else None
    if bias is None:
        bias = np.zeros((len(weights[0]), 2 * weights[0].shape[1]))
    return KINDS[node.op_type], relu, direction == b"bidirectional", (weights[0], weights[1], bias)


def _compare(network: OnnxModel, module: nn.Sequential) -> None:
    """Hold the module against the file on random sequences, in float64."""
    features = next(part for part in module if isinstance(part, LastStep)).recurrent.input_size
    time = network.roles.time
    frames = (None if time is None else network.roles.slots[time].size) or _FRAMES
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(_SAMPLES, frames, features, generator=generator, dtype=torch.float64)
    graph = network.graph((frames, features))
    words = torch.zeros(_SAMPLES, 1, dtype=torch.int64)
    double = module.double()
    _, above = vectors_of(double, words if network.embedding is not None else x)
    with torch.no_grad():
        ours, theirs = above(x), evaluate(graph, x)
    module.float()
    if ours.shape != theirs.shape or not torch.allclose(ours, theirs, rtol=1e-6, atol=1e-6):
        received = f"shapes {tuple(ours.shape)} and {tuple(theirs.shape)}"
        if ours.shape == theirs.shape:
            received = f"a difference of {float((ours - theirs).abs().max()):.3g}"
        raise _refusal("the file is recurrent layers, their last step and linear layers", received)
