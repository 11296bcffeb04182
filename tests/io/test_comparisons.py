"""Networks that compare their data with constants: read as onnxruntime computes them, certified up to the border."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto

import certrnn
from certrnn.domains import evaluate
from certrnn.errors import Unsupported
from tests.io.onnx_models import classifier, model, node, saved

HALF = np.array(0.5, np.float32)
GRID = np.array([-1.0, -0.5, -0.0, 0.0, 0.25, 0.5, np.nextafter(HALF, np.float32(1)), 1.0, 7.0], np.float32)
TRUTHS = {
    "Greater": [node("Greater", ["x", "half"], "t")],
    "GreaterOrEqual": [node("GreaterOrEqual", ["x", "half"], "t")],
    "Less": [node("Less", ["x", "half"], "t")],
    "LessOrEqual": [node("LessOrEqual", ["half", "x"], "t")],
    "Not": [node("Less", ["x", "half"], "l"), node("Not", ["l"], "t")],
    **{
        op: [node("Greater", ["x", "half"], "g"), node("Less", ["x", "one"], "l"), node(op, ["g", "l"], "t")]
        for op in ("And", "Or", "Xor")
    },
    "two features": [
        node("Transpose", ["x"], "m", perm=[0, 1, 2]),
        node("Gather", ["m", "turned"], "r", axis=2),
        node("Greater", ["x", "r"], "t"),
    ],
}
CHOICES = {
    "Cast": [node("Cast", ["t"], "v", to=TensorProto.FLOAT)],
    "constants": [node("Where", ["t", "one", "half"], "v")],
    "data or 0": [node("Where", ["t", "x", "zero"], "v")],
    "constant or data": [node("Where", ["t", "half", "x"], "v")],
    "data or data": [node("Neg", ["x"], "n"), node("Where", ["t", "x", "n"], "v")],
}
SIGN = [node("Sub", ["x", "half"], "d"), node("Sign", ["d"], "v")]
NUMBERS = {
    "half": HALF,
    "one": np.array(1.0, np.float32),
    "zero": np.array(0.0, np.float32),
    "turned": np.array([1, 2, 0]),
    "W": np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32),
}


def network(nodes: Sequence[onnx.NodeProto]) -> onnx.ModelProto:
    """Two frames of three features, what ``nodes`` make of them (``v``), and a linear layer on all of it."""
    head = [node("Flatten", ["v"], "flat"), node("MatMul", ["flat", "W"], "scores")]
    read = {name for one in [*nodes, *head] for name in one.input}
    return model([*nodes, *head], {k: v for k, v in NUMBERS.items() if k in read}, ("N", 2, 3))


CASES = {f"{t}, {c}": [*TRUTHS[t], *CHOICES[c]] for t in TRUTHS for c in CHOICES} | {"Sign": SIGN}


@pytest.mark.parametrize("name", CASES)
def test_the_graph_computes_what_onnxruntime_does_at_and_beside_the_border(name: str, tmp_path: Path) -> None:
    proto = network(CASES[name])
    x = np.random.default_rng(1).choice(GRID, size=(200, 2, 3))
    (expected,) = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"x": x})
    graph = certrnn.load(saved(tmp_path, proto)).network.graph((2, 3))
    own = evaluate(graph, torch.from_numpy(x.astype(np.float64))).numpy()
    np.testing.assert_allclose(own, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("op", "up_to_the_border"), [("Greater", True), ("GreaterOrEqual", False)])
def test_a_row_is_certified_up_to_the_border(op: str, up_to_the_border: bool, tmp_path: Path) -> None:
    """Class 1 has a quarter against a step at one half of the feature, which starts at one quarter."""
    nodes = [node(op, ["x", "half"], "t"), *CHOICES["Cast"]]
    weight = np.zeros((6, 3), np.float32)
    weight[0, 0] = 1.0
    numbers = {"half": HALF, "W": weight, "bias": np.array([-0.25, 0.0, -8.0], np.float32)}
    head = [
        node("Flatten", ["v"], "flat"),
        node("MatMul", ["flat", "W"], "m"),
        node("Add", ["m", "bias"], "scores"),
    ]
    proto = model([*nodes, *head], numbers, ("N", 2, 3))
    network = certrnn.load(saved(tmp_path, proto))
    x = np.full((1, 2, 3), 0.25, np.float32)
    verdicts = {
        eps: network.certify(x, [1], eps=eps, frames="all", method="interval")[0].verdict
        for eps in (0.2499999, 0.25, 0.2500001)
    }
    assert verdicts[0.2499999] == "certified"
    assert verdicts[0.2500001] != "certified"
    assert up_to_the_border or verdicts[0.25] != "certified"
    radius = network.radius(x, [1], frames="all", rel_tol=1e-6, method="zonotope", attack=False)[0]
    assert radius.eps_certified is not None
    assert 0.2499 < radius.eps_certified <= 0.25


@pytest.mark.parametrize(
    ("op", "method"),
    [*itertools.product(("RNN", "LSTM", "GRU"), ("interval", "zonotope", "crown")), ("RNN", "alpha-crown")],
)
def test_no_input_inside_a_certified_radius_changes_the_answer_of_a_thresholded_network(
    op: str, method: str, tmp_path: Path
) -> None:
    proto = classifier(op)
    first = [node("Greater", ["x", "half"], "above"), node("Where", ["above", "x", "nothing"], "v")]
    moved = proto.graph.node[0]
    moved.input[0] = "v"
    for place, one in enumerate(first):
        proto.graph.node.insert(place, one)
    for name, value in (("half", HALF), ("nothing", np.float32(0.0))):
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), name))
    path = saved(tmp_path, proto)
    network, rng = certrnn.load(path), np.random.default_rng(2)
    x = rng.uniform(0.0, 1.0, (4, 5, 3)).astype(np.float32)
    rows = network.radius(x, frames="all", method=method, rel_tol=0.05, attack=False)
    session = onnxruntime.InferenceSession(path.read_bytes())
    for row in rows:
        assert row.eps_certified is not None
        assert row.eps_certified > 0.0
        reach = row.eps_certified * 0.999
        moves = rng.choice([-reach, reach, 0.0], (500, 5, 3)) * rng.choice([1.0, rng.random()], (500, 1, 1))
        (scores,) = session.run(None, {"x": (x[row.sample] + moves).astype(np.float32)})
        assert (scores.argmax(axis=1) == row.label).all()


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        (
            [
                *TRUTHS["Greater"],
                node("Cast", ["t"], "i", to=TensorProto.INT32),
                node("Cast", ["i"], "v", to=1),
            ],
            "int32",
        ),
        ([node("Equal", ["x", "half"], "t"), *CHOICES["Cast"]], "does not depend on the data"),
        ([node("Floor", ["x"], "v")], "does not depend on the data"),
    ],
)
def test_what_is_no_comparison_of_floats_is_refused(
    nodes: Sequence[onnx.NodeProto], said: str, tmp_path: Path
) -> None:
    with pytest.raises(Unsupported, match=said):
        certrnn.load(saved(tmp_path, network(nodes))).network.graph((2, 3))
