"""Files of torch's two exporters and of tf2onnx mean what the networks they came from compute."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from certrnn.errors import Unsupported
from certrnn.io.onnx import OnnxModel, read
from tests.importer import checks
from tests.importer.exporters import ARCHITECTURES, FRAMES, Architecture, example, export

FIXTURES = Path(__file__).parent / "fixtures"
JAX = ("jax_lstm", "jax_rnn")
TEXTS = tuple(f"texts_keras3_{kind}" for kind in ("lstm", "masked_lstm", "masked_gru"))
KERAS = sorted(path.stem for path in FIXTURES.glob("keras*.onnx"))


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's exporter logs what it does not find."""
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)


def samples(model: OnnxModel, x: np.ndarray, architecture: Architecture) -> np.ndarray:
    """Inputs as (samples, frames, features), words looked up in the table that the importer cut off."""
    if architecture.tokens:
        return model.embed(x)
    return np.moveaxis(x, 1, 0) if architecture.time_first else x


def check(file: Path, x: np.ndarray, expected: np.ndarray, architecture: Architecture) -> None:
    model = read(file)
    ours = checks.graph_outputs(model, samples(model, x, architecture))
    theirs = np.asarray(checks.session(str(file)).run(None, {model.input.name: x})[0])
    assert checks.close(ours.reshape(expected.shape), expected, checks.TOLERANCE)
    assert checks.close(ours.reshape(theirs.shape), theirs, checks.TOLERANCE)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_legacy_export(tmp_path: Path, name: str) -> None:
    architecture = ARCHITECTURES[name]
    network = export(architecture, tmp_path / "model.onnx", dynamo=False)
    x = example(architecture, 4, seed=1)
    with torch.no_grad():
        check(tmp_path / "model.onnx", x.numpy(), network(x).numpy(), architecture)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_dynamo_export_as_bundled(name: str) -> None:
    with np.load(FIXTURES / "dynamo" / f"{name}.npz") as data:
        check(FIXTURES / "dynamo" / f"{name}.onnx", data["x"], data["expected"], ARCHITECTURES[name])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=[] if name in ("rnn", "lstm_bidirectional", "gru_cell") else pytest.mark.slow
        )
        for name in ARCHITECTURES
    ],
)
def test_dynamo_export_by_the_torch_installed(tmp_path: Path, name: str) -> None:
    architecture = ARCHITECTURES[name]
    network = export(architecture, tmp_path / "model.onnx", dynamo=True)
    x = example(architecture, 4, seed=1)
    with torch.no_grad():
        check(tmp_path / "model.onnx", x.numpy(), network(x).numpy(), architecture)


@pytest.mark.parametrize("name", KERAS)
def test_keras_network_exported_by_tf2onnx(name: str) -> None:
    with np.load(FIXTURES / f"{name}.npz") as data:
        x, expected = data["x"], data["expected"]
    last = onnx.load(str(FIXTURES / f"{name}.onnx")).graph.node[-1].op_type
    ending = {"Softmax": "softmax", "Sigmoid": "sigmoid"}.get(last, "none")
    check(FIXTURES / f"{name}.onnx", x, expected, Architecture(nn.Identity, ending=ending))


def test_both_generations_of_keras_are_there() -> None:
    assert len(KERAS) == 22


@pytest.mark.parametrize("name", TEXTS)
def test_keras_network_of_words_exported_by_tf2onnx(name: str) -> None:
    """Negative words wrap, and word 0 is masked where the embedding says so."""
    model = read(FIXTURES / f"{name}.onnx")
    with np.load(FIXTURES / f"{name}.npz") as data:
        for words, expected in zip(data["x"], data["expected"], strict=True):
            marks = model.marks_of(words)
            assert bool(marks) == ("masked" in name)
            scores = checks.graph_outputs(model.at_marks(marks), model.embed(words[None]))
            assert checks.close(scores.reshape(expected.shape), expected, checks.TOLERANCE)
            assert np.array_equal(model.embed(words[None] - 12), model.embed(words[None]))
            theirs = model.run_onnxruntime_on_words(words[None])
            assert checks.close(theirs.reshape(expected.shape), expected, checks.TOLERANCE)


@pytest.mark.parametrize("name", JAX)
def test_jax_function_exported_by_jax2onnx(name: str) -> None:
    """Scans become loops, of one sample at a time."""
    with np.load(FIXTURES / f"{name}.npz") as data:
        for x, expected in zip(data["x"], data["expected"], strict=True):
            check(FIXTURES / f"{name}.onnx", x[None], expected[None], Architecture(nn.Identity))


class Sine(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(x)


REFUSED = {
    "ConvTranspose": Architecture(
        lambda: nn.Sequential(nn.ConvTranspose1d(FRAMES, 2, 2), nn.Flatten(), nn.Linear(8, 3))
    ),
    "Sin": Architecture(lambda: nn.Sequential(nn.Flatten(), Sine(), nn.Linear(15, 3))),
}


@pytest.mark.parametrize("op", REFUSED)
def test_other_operators_are_refused_by_name(tmp_path: Path, op: str) -> None:
    export(REFUSED[op], tmp_path / "model.onnx", dynamo=False)
    with pytest.raises(Unsupported, match=op):
        read(tmp_path / "model.onnx").graph((FRAMES, 3))
