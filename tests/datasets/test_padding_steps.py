"""A network that answers at every frame is asked nothing at padding, whatever stands beside it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

import certrnn
from certrnn.cli import certify_main
from certrnn.datasets import Sequences
from certrnn.errors import InvalidInput
from tests.io.onnx_models import saved

FRAMES, FEATURES, HIDDEN, CLASSES = 6, 2, 3, 3
LENGTHS = [3, 6, 2, 4]


def tagger(frames: int | str, told: bool) -> ModelProto:
    """An LSTM with scores at every frame; ``told``: with an input for lengths."""
    random = np.random.default_rng(5)
    numbers = {
        "W": random.standard_normal((1, 4 * HIDDEN, FEATURES)),
        "R": random.standard_normal((1, 4 * HIDDEN, HIDDEN)),
        "G": 2 * random.standard_normal((HIDDEN, CLASSES)),
        "b": np.array([0.3, 0.0, 0.0]),
    }
    kept = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in numbers.items()]
    kept.append(numpy_helper.from_array(np.array([1]), "axis"))
    lengths = ["", "lengths"] if told else []
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        helper.make_node("LSTM", ["t", "W", "R", *lengths], ["every"], hidden_size=HIDDEN, name="lstm"),
        helper.make_node("Squeeze", ["every", "axis"], ["y"]),
        helper.make_node("Transpose", ["y"], ["batch"], perm=[1, 0, 2]),
        helper.make_node("MatMul", ["batch", "G"], ["z"]),
        helper.make_node("Add", ["z", "b"], ["out"]),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", frames, FEATURES])]
    if told:
        inputs.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, ["N"]))
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N", frames, CLASSES])
    graph = helper.make_graph(nodes, "tagger", inputs, [output], kept)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


MODELS = {"told": ("T", True), "any": ("T", False), "fixed": (FRAMES, False)}


def samples() -> np.ndarray:
    x = np.random.default_rng(6).standard_normal((len(LENGTHS), FRAMES, FEATURES)).astype(np.float32)
    for part, length in zip(x, LENGTHS, strict=True):
        part[length:] = 0
    return x


def answers(path: Path, told: bool) -> np.ndarray:
    feed = {"x": samples()} | ({"lengths": np.array(LENGTHS, dtype=np.int32)} if told else {})
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, feed)[0]).argmax(axis=-1)


@pytest.mark.parametrize("beside", [0, 1, -1, -100, 255, None])
@pytest.mark.parametrize("name", MODELS)
def test_labels_beside_padding_ask_nothing(
    name: str, beside: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``beside`` is what the file fills labels up with; None: it has no labels."""
    path = saved(tmp_path, tagger(*MODELS[name]))
    y = answers(path, MODELS[name][1])
    for row, length in zip(y, LENGTHS, strict=True):
        row[length:] = beside or 0
    labels = {} if beside is None else {"y": y}
    np.savez(tmp_path / "x.npz", x=samples(), lengths=LENGTHS, **labels)
    options = ["--eps", "1e-6", "--frames", "all", "--method", "interval", "--json"]
    assert certify_main([str(path), "--data", str(tmp_path / "x.npz"), *options]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["label"], row["prediction"]) for row in rows] == [(n, n) for n in LENGTHS]
    assert {row["verdict"] for row in rows} == {"certified"}


@pytest.mark.parametrize("name", MODELS)
def test_a_wrong_label_of_a_samples_own_frame_still_counts(name: str, tmp_path: Path) -> None:
    path = saved(tmp_path, tagger(*MODELS[name]))
    y = answers(path, MODELS[name][1])
    y[0, 2] = (y[0, 2] + 1) % CLASSES
    np.savez(tmp_path / "x.npz", x=samples(), lengths=LENGTHS, y=y)
    model = certrnn.load(path)
    rows = model.certify(
        model.read(str(tmp_path / "x.npz")), eps=1e-6, method="interval", frames="all", attack=False
    )
    assert [row.verdict for row in rows] == ["misclassified", "certified", "certified", "certified"]


def test_what_padding_answers_may_change(tmp_path: Path) -> None:
    """The scores of padding are no part of the margin: a network that reads it is asked of its own frames alone."""
    path = saved(tmp_path, tagger(FRAMES, False))
    model, x = certrnn.load(path), samples()[:1]
    own = Sequences.of(x).spanning([(0, 3)])
    short = certrnn.load(saved(tmp_path, tagger("T", False), "any.onnx"))
    kept, cut = (
        one.certify(data, eps=1e-4, frames="all", method="interval", attack=False)[0]
        for one, data in ((model, own), (short, Sequences.of(x[:, :3])))
    )
    assert (kept.label, kept.margin) == (3, pytest.approx(cut.margin, rel=1e-9))


def test_labels_of_padding_alone_are_none(tmp_path: Path) -> None:
    model = certrnn.load(saved(tmp_path, tagger(FRAMES, False)))
    y = np.array([[-1, -1, -1, 0, 0, 0]])
    with pytest.raises(InvalidInput, match="some step has a label"):
        model.certify(Sequences.of(samples()[:1], y).spanning([(0, 3)]), eps=1e-4)
