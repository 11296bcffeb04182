"""What may stand after the scores: monotone functions are dropped, whatever could change the winner is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from certrnn.errors import Unsupported
from certrnn.io.onnx import read
from tests.importer import checks

ONE = numpy_helper.from_array(np.array(1), "one")
SWAPPED = numpy_helper.from_array(np.array([1, 0]), "swapped")


def node(op: str, inputs: list[str], output: str, **attributes: int) -> NodeProto:
    return helper.make_node(op, inputs, [output], **attributes)


def write(folder: Path, tail: list[NodeProto], classes: int = 2) -> Path:
    """Scores ``l`` by one matrix product, then the tail, which computes ``y``."""
    weight = np.random.default_rng(0).normal(size=(6, classes)).astype(np.float32)
    nodes = [node("Flatten", ["x"], "f", axis=1), node("MatMul", ["f", "W"], "l"), *tail]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2, 3])
    y = helper.make_empty_tensor_value_info("y")
    y.type.tensor_type.elem_type = (
        TensorProto.INT64 if tail[-1].op_type in ("ArgMax", "Cast") else TensorProto.FLOAT
    )
    y.type.tensor_type.shape.dim.add().dim_param = "batch"
    if tail[-1].op_type != "Gather" or len(tail) < 2 or tail[-1].input[1] != "one":
        y.type.tensor_type.shape.dim.add().dim_param = "scores"
    graph = helper.make_graph(nodes, "head", [x], [y], [numpy_helper.from_array(weight, "W"), ONE, SWAPPED])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(folder / "model.onnx"))
    return folder / "model.onnx"


DROPPED = {
    "softmax": ([node("Softmax", ["l"], "y", axis=1)], 3, "classes"),
    "log_softmax": ([node("LogSoftmax", ["l"], "y", axis=-1)], 3, "classes"),
    "argmax": ([node("ArgMax", ["l"], "y", axis=1)], 3, "label"),
    "sigmoid": ([node("Sigmoid", ["l"], "y")], 1, "score"),
    "one sigmoid of two": (
        [node("Sigmoid", ["l"], "s"), node("Gather", ["s", "one"], "y", axis=1)],
        2,
        "score",
    ),
    # of two classes one probability says what both do: half is reached where the two logits meet
    "one column of a softmax of two": (
        [node("Softmax", ["l"], "s", axis=1), node("Gather", ["s", "one"], "y", axis=1)],
        2,
        "score",
    ),
}


@pytest.mark.parametrize("name", DROPPED)
def test_a_monotone_end_is_dropped_with_a_note_and_the_winner_stays(tmp_path: Path, name: str) -> None:
    tail, classes, head = DROPPED[name]
    path = write(tmp_path, tail, classes)
    model = read(path)
    x = np.random.default_rng(1).normal(size=(64, 2, 3)).astype(np.float32)
    scores = checks.graph_scores(model, x)
    answers = np.asarray(checks.session(str(path)).run(None, {"x": x})[0])
    if head == "score":
        assert scores.shape[1] == 1
        assert np.array_equal(scores[:, 0] > 0, answers.reshape(-1) > 0.5)
    else:
        named = answers.reshape(-1) if name == "argmax" else answers.argmax(1)
        assert np.array_equal(scores.argmax(1), named)
    assert model.lowered((2, 3)).answer.kind == head
    assert model.reading((2, 3)) in " ".join(model.notes((2, 3)))


REFUSED = {
    "one column of a softmax of three": (
        [node("Softmax", ["l"], "s", axis=1), node("Gather", ["s", "one"], "y", axis=1)],
        3,
    ),
    "softmax of one score": ([node("Softmax", ["l"], "y", axis=1)], 1),
    "softmax over the batch": ([node("Softmax", ["l"], "y", axis=0)], 2),
    "argmax over the batch": ([node("ArgMax", ["l"], "y", axis=0)], 2),
    "cast to whole numbers": (
        [node("Sigmoid", ["l"], "s"), node("Cast", ["s"], "y", to=TensorProto.INT64)],
        2,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_end_that_could_change_the_winner_is_refused(tmp_path: Path, name: str) -> None:
    tail, classes = REFUSED[name]
    with pytest.raises(Unsupported, match=r"Softmax|ArgMax|Cast"):
        read(write(tmp_path, tail, classes)).graph((2, 3))
