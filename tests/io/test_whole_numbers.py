"""Whole numbers that the data chooses wrap and are cut off in a file: nothing computes with them here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper

import certrnn
from certrnn.domains import evaluate
from certrnn.errors import CertrnnError, Unsupported
from tests.io.onnx_models import model, node, saved

ABOVE = [
    node("Flatten", ["x"], "v"),
    node("Slice", ["v", "begin", "end", "axis"], "first"),
    node("Greater", ["first", "low"], "t"),
]
END = [node("Cast", ["w"], "f", to=TensorProto.FLOAT), node("Concat", ["f", "two"], "scores", axis=1)]
FIXED = {
    "begin": np.array([0]),
    "end": np.array([1]),
    "axis": np.array([1]),
    "low": np.float32(20.1),
    "two": np.array([[2.0]], np.float32),
}
PICKED = [node("Where", ["t", "a", "b"], "w")]
THEN = [node("Where", ["t", "a", "b"], "w0")]
CASES: dict[str, tuple[Sequence[onnx.NodeProto], dict[str, np.ndarray]]] = {
    "uint8 differences wrap": (PICKED, {"a": np.uint8([0]), "b": np.uint8([5])}),
    "int32 differences wrap": (PICKED, {"a": np.int32([-2147483000]), "b": np.int32([1000])}),
    "a cast cuts off": (
        [*THEN, node("Cast", ["w0"], "w", to=TensorProto.INT8)],
        {"a": np.int64([200]), "b": np.int64([5])},
    ),
    "a cast to half a float rounds": (
        [*THEN, node("Cast", ["w0"], "w", to=TensorProto.FLOAT16)],
        {"a": np.int64([2049]), "b": np.int64([5])},
    ),
    "sums wrap": ([*THEN, node("Add", ["w0", "b"], "w")], {"a": np.uint8([200]), "b": np.uint8([100])}),
    "products wrap": (
        [*THEN, node("Mul", ["w0", "w0"], "w")],
        {"a": np.int32([50000]), "b": np.int32([100])},
    ),
    "quotients are cut": ([*THEN, node("Div", ["w0", "b"], "w")], {"a": np.int32([7]), "b": np.int32([2])}),
    "truth values are chosen": (
        [*THEN, node("Cast", ["w0"], "w", to=TensorProto.FLOAT)],
        {"a": np.array([True]), "b": np.array([False])},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_they_are_refused_by_name(name: str, tmp_path: Path) -> None:
    nodes, numbers = CASES[name]
    numbers = {k: v[None] if v.ndim == 1 else v for k, v in numbers.items()}
    with pytest.raises(Unsupported, match=r"floats|moved and cast|holds it"):
        certrnn.load(
            saved(tmp_path, model([*ABOVE, *nodes, *END], FIXED | numbers, ("N", 2, 3)))
        ).network.graph((2, 3))


def alike(proto: onnx.ModelProto, samples: int, folder: Path) -> None:
    """The graph computes what onnxruntime does."""
    x = np.random.default_rng(0).normal(size=(samples, 2, 3)).astype(np.float32)
    (expected,) = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"x": x})
    graph = certrnn.load(saved(folder, proto)).network.graph((2, 3))
    own = evaluate(graph, torch.from_numpy(x.astype(np.float64))).numpy()
    np.testing.assert_allclose(own, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("equation", "size"), [("nij,nij->n", 1), ("nij,nij->ni", 2), ("nij,nik->njk", 9), ("nij,nkj->n", 1)]
)
def test_einsum_of_a_tensor_with_itself(equation: str, size: int, tmp_path: Path) -> None:
    nodes = [
        node("Einsum", ["x", "x"], "e", equation=equation),
        node("Reshape", ["e", "rows"], "flat"),
        node("MatMul", ["flat", "W"], "scores"),
    ]
    weight = np.random.default_rng(1).normal(size=(size, 3)).astype(np.float32)
    alike(model(nodes, {"rows": np.array([-1, size]), "W": weight}, ("N", 2, 3)), 5, tmp_path)


@pytest.mark.parametrize(("equation", "size"), [("i,i->", 1), ("i,i", 1), ("i,j->ij", 36)])
def test_einsum_of_vectors_of_one_letter(equation: str, size: int, tmp_path: Path) -> None:
    """Terms that are the same letter are two terms."""
    nodes = [
        node("Reshape", ["x", "flat"], "v"),
        node("Einsum", ["v", "v"], "e", equation=equation),
        node("Reshape", ["e", "row"], "r"),
        node("MatMul", ["r", "W"], "scores"),
    ]
    weight = np.random.default_rng(1).normal(size=(size, 3)).astype(np.float32)
    numbers = {"flat": np.array([-1]), "row": np.array([1, -1]), "W": weight}
    alike(model(nodes, numbers, (1, 2, 3), output=(1, "C")), 1, tmp_path)


@pytest.mark.parametrize("op", ["ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"])
def test_a_reduction_over_nothing_is_refused(op: str, tmp_path: Path) -> None:
    nodes = [
        node(op, ["x", "none"], "r", noop_with_empty_axes=1),
        node("Flatten", ["r"], "scores"),
    ]
    proto = model(nodes, {}, ("N", 2, 3), opset=18)
    proto.graph.initializer.append(numpy_helper.from_array(np.zeros(0, np.int64), "none"))
    with pytest.raises(CertrnnError, match="at least one axis"):
        certrnn.load(saved(tmp_path, proto)).network.graph((2, 3))


def test_celu_of_negative_alpha_is_refused(tmp_path: Path) -> None:
    nodes = [node("Celu", ["x"], "c", alpha=-0.5), node("Flatten", ["c"], "scores")]
    with pytest.raises(Unsupported, match="alpha is a positive"):
        certrnn.load(saved(tmp_path, model(nodes, {}, ("N", 2, 3)))).network.graph((2, 3))
