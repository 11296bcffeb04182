"""Values of a softmax inside a network: scaled, negated, joined and alone, as onnxruntime computes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import certrnn
from certrnn.domains import evaluate
from certrnn.io.onnx.tensors import Normalised
from certrnn.ir import Affine
from tests.io.onnx_models import model, node, saved

SHARE = [node("Softmax", ["x"], "p", axis=2)]
NUMBERS = {
    "tenth": np.float32(0.1),
    "third": np.float32(1 / 3),
    "minus": np.float32(-1.0),
    "one": np.float32(1.0),
}
CASES: dict[str, Sequence[onnx.NodeProto]] = {
    "scaled twice": [*SHARE, node("Mul", ["p", "tenth"], "q"), node("Mul", ["q", "third"], "v")],
    "scaled and moved": [*SHARE, node("Mul", ["p", "third"], "q"), node("Add", ["q", "tenth"], "v")],
    "negated": [*SHARE, node("Mul", ["p", "minus"], "v")],
    "what is left of one": [*SHARE, node("Sub", ["one", "p"], "v")],
    "joined with a multiple of itself": [
        *SHARE,
        node("Mul", ["p", "tenth"], "q"),
        node("Concat", ["p", "q"], "v", axis=2),
    ],
    "joined with its logarithm": [
        *SHARE,
        node("LogSoftmax", ["x"], "l", axis=2),
        node("Concat", ["p", "l"], "v", axis=2),
    ],
}


@pytest.mark.parametrize("name", CASES)
def test_they_are_what_onnxruntime_computes(name: str, tmp_path: Path) -> None:
    size = 12 if "joined" in name else 6
    nodes = [*CASES[name], node("Flatten", ["v"], "flat"), node("MatMul", ["flat", "W"], "scores")]
    read = {own for one in nodes for own in one.input}
    numbers = {key: value for key, value in NUMBERS.items() if key in read}
    numbers["W"] = np.random.default_rng(0).normal(size=(size, 3)).astype(np.float32)
    proto = model(nodes, numbers, ("N", 2, 3))
    x = np.random.default_rng(1).normal(size=(20, 2, 3)).astype(np.float32)
    (expected,) = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"x": x})
    graph = certrnn.load(saved(tmp_path, proto)).network.graph((2, 3))
    own = evaluate(graph, torch.from_numpy(x.astype(np.float64))).numpy()
    np.testing.assert_allclose(own, expected, rtol=1e-5, atol=1e-5)


def test_no_step_of_a_scale_is_rounded_away(tmp_path: Path) -> None:
    """A tenth of a third is no floating-point number: both factors stand in the graph."""
    nodes = [*CASES["scaled twice"], node("Flatten", ["v"], "flat"), node("MatMul", ["flat", "W"], "scores")]
    numbers = {key: NUMBERS[key] for key in ("tenth", "third")}
    numbers["W"] = np.eye(6, 3, dtype=np.float32)
    graph = certrnn.load(saved(tmp_path, model(nodes, numbers, ("N", 2, 3)))).network.lowered((2, 3)).whole
    diagonal = [node.weight for node in graph.nodes if isinstance(node, Affine) and node.diagonal]
    assert any((weight == float(NUMBERS["tenth"])).all() for weight in diagonal)
    assert any((weight == float(NUMBERS["third"])).all() for weight in diagonal)


def test_a_factor_known_up_to_an_error_keeps_it() -> None:
    shares = Normalised(np.zeros(2, int), np.zeros(2, int), np.zeros(2, int), "Softmax")
    moved = shares.moved_by(0.5, 0.0, 1e-3).moved_by(2.0, 1.0, 0.0)
    assert moved.steps == ((0.5, 0.0, 1e-3), (2.0, 1.0, 0.0))
    assert moved.scale == (1.0, 1.0)
    assert not moved.plain
    assert shares.moved_by(1.0, 0.0, 0.0) is shares
