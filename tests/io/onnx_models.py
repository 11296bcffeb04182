"""Small ONNX models made by hand for the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str | None]


def model(
    nodes: Sequence[onnx.NodeProto],
    numbers: Mapping[str, np.ndarray],
    shape: Shape,
    *,
    kind: int = TensorProto.FLOAT,
    output: Shape = ("N", "C"),
    opset: int = 17,
) -> onnx.ModelProto:
    """A model with input ``x`` of the given shape and output ``scores``."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info("x", kind, list(shape))],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, list(output))],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in numbers.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def saved(folder: Path, proto: onnx.ModelProto, name: str = "model.onnx") -> Path:
    path = folder / name
    path.write_bytes(proto.SerializeToString())
    return path


def node(op: str, inputs: Sequence[str], output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, list(inputs), [output], name=f"the_{op}_{output}", **attributes)


def classifier(op: str, time_first: bool = False, features: int = 3, hidden: int = 4) -> onnx.ModelProto:
    """One recurrent layer and a linear head on its last state."""
    random = np.random.default_rng(7)
    rows = {"RNN": 1, "GRU": 3, "LSTM": 4}[op] * hidden
    numbers = {
        "W": random.standard_normal((1, rows, features)).astype(np.float32),
        "R": random.standard_normal((1, rows, hidden)).astype(np.float32),
        "B": random.standard_normal((1, 2 * rows)).astype(np.float32),
        "V": random.standard_normal((hidden, 3)).astype(np.float32),
    }
    moved = [] if time_first else [node("Transpose", ["x"], "t", perm=[1, 0, 2])]
    layer = helper.make_node(
        op, ["x" if time_first else "t", "W", "R", "B"], ["", "last"], name="layer", hidden_size=hidden
    )
    head = [node("Squeeze", ["last", "zero"], "flat"), node("MatMul", ["flat", "V"], "scores")]
    numbers["zero"] = np.array([0])
    shape = ["T", "N", features] if time_first else ["N", "T", features]
    return model([*moved, layer, *head], numbers, shape)


def of_words(file: Path, words: int) -> np.ndarray:
    """A network that takes the mean of its words' vectors, then two scores; returns the table (words, 3)."""
    random = np.random.default_rng(1)
    table = random.standard_normal((words, 3)).astype(np.float32)
    weight = random.standard_normal((3, 2)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "words"], ["vectors"], axis=0),
        helper.make_node("ReduceMean", ["vectors"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "weight"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "words",
        [helper.make_tensor_value_info("words", TensorProto.INT64, ["batch", "time"])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(weight, "weight")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(file))
    return table
