"""The bundled networks are what the package says they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from certrnn import examples
from certrnn.certification.self_check import check_against_onnxruntime
from certrnn.domains.points import evaluate
from certrnn.errors import UsageError
from certrnn.examples.train import digits_split
from certrnn.io.onnx import read

KINDS = ("rnn", "lstm", "gru")


def scores(name: str, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(examples.path(name)), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x.astype(np.float32)})[0])


def samples(name: str) -> tuple[np.ndarray, np.ndarray]:
    with np.load(examples.path(name), allow_pickle=False) as data:
        return data["x"], data["y"]


def test_both_exports_of_three_kinds_are_bundled() -> None:
    assert set(examples.names()) == {f"digits_{k}{s}" for k in KINDS for s in ("", "_dynamo")}


@pytest.mark.parametrize("name", examples.names())
def test_accuracy_on_every_held_out_digit_is_above_93_percent(name: str) -> None:
    x, y = samples("digits_heldout")
    assert x.shape == (450, 8, 8)
    assert (scores(name, x).argmax(1) == y).mean() > 0.93


@pytest.mark.parametrize("kind", KINDS)
def test_both_exporters_agree(kind: str) -> None:
    x, _ = samples("digits_heldout")
    assert np.abs(scores(f"digits_{kind}", x) - scores(f"digits_{kind}_dynamo", x)).max() < 1e-5


def test_bundled_samples_are_held_out_frames_of_pixels_in_the_unit_interval() -> None:
    x, y = samples("digits")
    heldout = {row.tobytes() for row in samples("digits_heldout")[0]}
    training = {row.tobytes() for row in digits_split().x_train}
    assert x.shape == (50, 8, 8)
    assert y.shape == (50,)
    assert x.dtype == np.float64
    assert x.min() == 0.0
    assert x.max() == 1.0
    assert {row.tobytes() for row in x} <= heldout
    assert not heldout & training


@pytest.mark.parametrize("name", examples.names())
def test_models_name_no_path_of_the_machine_that_exported_them(name: str) -> None:
    content = examples.path(name).read_bytes()
    assert b"stack_trace" not in content
    assert b"site-packages" not in content
    assert onnx.load(str(examples.path(name))).graph.doc_string == ""


def test_resolve_takes_examples_and_paths() -> None:
    assert examples.resolve("example:digits_gru").suffix == ".onnx"
    assert examples.resolve("example:digits").is_file()
    assert examples.resolve("some/model.onnx") == Path("some/model.onnx")


@pytest.mark.parametrize("name", ["missing", "../train", "", "__init__"])
def test_an_unknown_example_is_a_usage_error_that_lists_what_is_there(name: str) -> None:
    with pytest.raises(UsageError, match="digits_lstm"):
        examples.resolve(f"example:{name}")


@pytest.mark.parametrize("name", examples.names())
def test_every_bundled_network_is_read_and_agrees_with_onnxruntime(name: str) -> None:
    model = read(examples.path(name))
    check_against_onnxruntime(model, (8, 8))
    x, _ = samples("digits")
    ours = evaluate(model.graph((8, 8)), torch.from_numpy(x)).numpy()
    assert np.abs(ours - scores(name, x)).max() < 1e-5
