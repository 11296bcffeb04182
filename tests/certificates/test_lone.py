"""A lone score is read by its sign only where the checker is shown a logit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from certrnn.certificates.checker import Checker, Outcome
from certrnn.certificates.checker.claim import Certificate, read_data, read_model

Nodes = Sequence[tuple[str, str, str]]
LOGIT: Nodes = [("MatMul", "p v", "z")]
SIGMOID: Nodes = [*LOGIT, ("Sigmoid", "z", "s")]
BOTH: Nodes = [*SIGMOID, ("MatMul", "p u", "a"), ("Sigmoid", "a", "b")]
PROBABILITIES: dict[str, Nodes] = {
    "complement": [*SIGMOID, ("Sub", "one s", "y")],
    "mean of two": [*BOTH, ("Add", "s b", "t"), ("Mul", "t half", "y")],
    "product of two": [*BOTH, ("Mul", "s b", "y")],
    "scaled": [*SIGMOID, ("Mul", "s half", "y")],
    "shifted": [*SIGMOID, ("Sub", "s half", "y")],
    "tanh": [*LOGIT, ("Tanh", "z", "t"), ("Add", "t one", "q"), ("Mul", "q half", "y")],
    "square": [*LOGIT, ("Tanh", "z", "t"), ("Mul", "t t", "y")],
    "clipped": [
        *LOGIT,
        ("Relu", "z", "r"),
        ("Sub", "z one", "m"),
        ("Relu", "m", "q"),
        ("Sub", "r q", "y"),
    ],
    "of a probability": [*SIGMOID, ("Sigmoid", "s", "y")],
    "identity of one": [*SIGMOID, ("Sub", "one s", "c"), ("Identity", "c", "y")],
}
LOGITS: dict[str, Nodes] = {
    "affine": [*LOGIT, ("Identity", "z", "y")],
    "shifted": [*LOGIT, ("Add", "z half", "y")],
    "sigmoid": [*LOGIT, ("Sigmoid", "z", "y")],
    "rectified features": [*LOGIT, ("Relu", "z", "r"), ("MatMul", "p u", "a"), ("Sub", "a r", "y")],
}


def asked(nodes: Nodes, label: int, folder: Path) -> Outcome:
    """What is said of one label, of samples whose recurrent states are all positive, or all negative for label 0."""
    numbers = {
        "w": np.eye(2)[None],
        "r": 0.1 * np.eye(2)[None],
        "v": np.array([[1.0], [1.0]]),
        "u": np.array([[2.0], [1.0]]),
        "one": np.array(1.0),
        "half": np.array(0.5),
    }
    recurrent = helper.make_node("RNN", ["xt", "w", "r"], ["", "last"], hidden_size=2)
    graph = helper.make_graph(
        [
            helper.make_node("Transpose", ["x"], ["xt"], perm=[1, 0, 2]),
            recurrent,
            helper.make_node("Squeeze", ["last", "axes"], ["p"]),
            *(helper.make_node(kind, inputs.split(), [output]) for kind, inputs, output in nodes),
        ],
        "lone",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", "t", 2])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in numbers.items()]
        + [numpy_helper.from_array(np.array([0]), "axes")],
    )
    path, data = folder / "lone.onnx", folder / "data.npz"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    np.savez(data, x=np.full((1, 3, 2), 1.0 if label else -1.0, np.float32))
    claim = {
        "model": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "external": {}},
        "data": hashlib.sha256(data.read_bytes()).hexdigest(),
        "output": "y",
        "layout": "n,t,f",
        "sample": 0,
        "frames": "all",
        "clip": None,
        "method": "interval",
        "threat": {"norm": "inf", "eps": "0.01", "joint": False, "radii": None},
        "property": {"kind": "label", "label": label},
    }
    (outcome,) = Checker(read_model(path), read_data(data)).check([Certificate("lone", claim, {})])
    return outcome


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("name", PROBABILITIES)
def test_the_sign_of_a_probability_proves_nothing(name: str, label: int, tmp_path: Path) -> None:
    outcome = asked(PROBABILITIES[name], label, tmp_path)
    assert outcome.reason.startswith("a lone score is a logit")


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("name", LOGITS)
def test_a_logit_is_read_by_its_sign(name: str, label: int, tmp_path: Path) -> None:
    assert asked(LOGITS[name], label, tmp_path).confirmed
