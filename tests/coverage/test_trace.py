"""A trace shows what the network computes: hidden states as onnxruntime, cell states and gates as a plain cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from certrnn.coverage import LayerTrace, Tracer, trace
from certrnn.coverage.gates import activated, gate_activation
from certrnn.domains.points import evaluate, values_at
from certrnn.errors import Unsupported
from certrnn.io.onnx import read
from tests.coverage.networks import FEATURES, SHAPES, Shape, example, exported, made, numpy_states, vectors
from tests.io.onnx_models import classifier, model, node, saved


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_states_and_gates_are_those_of_a_plain_cell(shape: Shape, tmp_path: Path) -> None:
    net, x = made(shape), example(shape, 3)
    found = trace(exported(net, tmp_path / "m.onnx"), vectors(net, x))
    wanted = numpy_states(net, x)
    assert len(found.layers) == len(wanted) == shape.layers * (2 if shape.bidirectional else 1)
    for layer, own in zip(found.layers, wanted, strict=True):
        seen = {"h": layer.h, **({} if layer.c is None else {"c": layer.c}), **layer.gates}
        assert set(seen) == set(own)
        for name, values in seen.items():
            np.testing.assert_allclose(values.numpy(), own[name], rtol=0, atol=1e-10, err_msg=name)
    with torch.no_grad():
        assert found.scores is not None
        scores = net.double()(x if shape.words else x.double()).flatten(1)
    np.testing.assert_allclose(found.scores.numpy(), scores.numpy(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_hidden_states_are_those_of_onnxruntime(shape: Shape, tmp_path: Path) -> None:
    net, x = made(shape), example(shape, 3)
    network = exported(net, tmp_path / "m.onnx")
    found = trace(network, vectors(net, x))
    proto = network.file.proto
    layers = [one for one in proto.graph.node if one.op_type in ("RNN", "LSTM", "GRU")]
    proto.graph.output.extend(helper.make_tensor_value_info(one.output[0], 1, None) for one in layers)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    shown = session.run([one.output[0] for one in layers], {"x": x.numpy()})
    theirs = [
        y[:, d].transpose(1, 0, 2) for y in shown for d in range(y.shape[1])
    ]  # from (S, directions, B, E)
    assert len(theirs) == len(found.layers)
    for layer, y in zip(found.layers, theirs, strict=True):
        np.testing.assert_allclose(layer.h.numpy(), y, rtol=0, atol=1e-5)


def variants(op: str) -> list[dict[str, Any]]:
    """Attributes that change what a cell computes, beyond what torch exports."""
    if op == "GRU":
        return [{"linear_before_reset": k, "direction": d} for k in (0, 1) for d in ("forward", "reverse")]
    plain = ({"direction": "reverse"}, {"input_forget": 1}, {"activations": ["HardSigmoid", "Tanh", "Relu"]})
    return [{**one, "peephole": seen} for one in plain for seen in (False, True)]


@pytest.mark.parametrize(("op", "given"), [(op, v) for op in ("GRU", "LSTM") for v in variants(op)], ids=str)
def test_gates_lead_from_one_state_to_the_next(op: str, given: dict[str, Any], tmp_path: Path) -> None:
    """By the cell's own equations, with initial states, peepholes and every attribute of the node."""
    given = dict(given)
    peephole = given.pop("peephole", False)
    rng, rows = np.random.default_rng(3), {"GRU": 3, "LSTM": 4}[op] * 4
    draw = {
        "W": (1, rows, 3),
        "R": (1, rows, 4),
        "B": (1, 2 * rows),
        "h0": (1, 1, 4),
        "c0": (1, 1, 4),
        "P": (1, 12),
    }
    numbers = {k: rng.standard_normal(shape).astype(np.float32) for k, shape in draw.items()}
    numbers |= {"V": rng.standard_normal((4, 3)).astype(np.float32), "zero": np.array([0])}
    inputs = ["x", "W", "R", "B", "", "h0"]
    if op == "LSTM":
        inputs += ["c0", *(["P"] if peephole else [])]
    layer = node(op, inputs, "", hidden_size=4, **given)
    layer.output[:] = ["", "last"]
    head = [node("Squeeze", ["last", "zero"], "flat"), node("MatMul", ["flat", "V"], "scores")]
    used = {k: v for k, v in numbers.items() if k in {*inputs, "V", "zero"}}
    file = saved(tmp_path, model([layer, *head], used, ["T", 1, 3]))
    x = torch.randn(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    (found,) = trace(read(file), x).layers
    np.testing.assert_allclose(stepped(found), found.h.numpy(), rtol=0, atol=1e-12)
    assert ("f" in found.gates) == (op == "LSTM" and "input_forget" not in given)


def stepped(layer: LayerTrace) -> np.ndarray:
    """The hidden state after each step from the state before it and the gates."""
    gate = {k: activated(gate_activation(layer.cell, k), v) for k, v in layer.gates.items()}
    if layer.kind == "GRU":
        return ((1 - gate["z"]) * gate["n"] + gate["z"] * layer.h_before).numpy()
    assert layer.c is not None
    assert layer.c_before is not None
    cell = gate.get("f", 1 - gate["i"]) * layer.c_before + gate["i"] * gate["n"]
    np.testing.assert_allclose(cell.numpy(), layer.c.numpy(), rtol=0, atol=1e-12)
    return (gate["o"] * activated(layer.cell.activations[2], layer.c)).numpy()  # type: ignore[attr-defined]


@pytest.mark.parametrize("shape", [SHAPES[1], SHAPES[3], SHAPES[5]], ids=str)
def test_states_and_gates_are_differentiable_in_the_input(shape: Shape, tmp_path: Path) -> None:
    network = exported(made(shape, gain=1.0), tmp_path / "m.onnx")
    tracer = Tracer.of(network, (3, FEATURES))

    def summed(x: torch.Tensor) -> torch.Tensor:
        layers = tracer(x).layers
        every = [v.sum() for layer in layers for v in (layer.h, *layer.gates.values())]
        return torch.stack(every + [layer.c.sum() for layer in layers if layer.c is not None])

    x = torch.randn(1, 3, FEATURES, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert torch.autograd.gradcheck(summed, (x.requires_grad_(),))


def test_a_network_without_a_recurrent_node_is_refused(tmp_path: Path) -> None:
    proto = classifier("RNN")
    del proto.graph.node[:-1]
    proto.graph.node[0].input[0] = "x"
    proto.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4]))
    with pytest.raises(Unsupported, match="RNN, LSTM or GRU node"):
        Tracer.of(read(saved(tmp_path, proto)), (1, 4))


def test_values_of_nodes_are_those_of_the_whole_evaluation(tmp_path: Path) -> None:
    network = exported(made(SHAPES[2]), tmp_path / "m.onnx")
    graph = network.graph((3, FEATURES))
    x = torch.randn(2, 3, FEATURES, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    first, again, last = values_at(graph, x, [graph.inputs[1], graph.inputs[1], graph.output])
    assert torch.equal(first, x[:, 1])
    assert torch.equal(again, first)
    assert torch.equal(last, evaluate(graph, x))
    assert values_at(graph, x, []) == []
