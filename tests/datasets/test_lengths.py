"""Samples of different lengths in one padded stack: certified is what onnxruntime computes with ``sequence_lens``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import certrnn
from certrnn.certification.self_check import check_against_onnxruntime
from certrnn.cli import certify_main
from certrnn.datasets.files import CUT, KEPT, TOLD
from certrnn.domains import evaluate
from certrnn.errors import InvalidInput, Unsupported
from certrnn.io.onnx import OnnxModel, read
from certrnn.io.onnx.lengths import length_inputs
from certrnn.io.text import TextSource
from tests.datasets.packed import FEATURES, WORDS, fixed, packed
from tests.io.onnx_models import model as onnx_model
from tests.io.onnx_models import node, saved
from tests.io.test_tokenizers import saved as tokenizer

FRAMES = 6
CASES = {
    "rnn": (nn.RNN, {}),
    "lstm": (nn.LSTM, {}),
    "gru": (nn.GRU, {}),
    "sorted by hand": (nn.LSTM, {"sort": False}),
    "both directions": (nn.LSTM, {"both": True}),
    "mean over padding": (nn.GRU, {"mean": True}),
    "both directions, mean": (nn.RNN, {"both": True, "mean": True}),
}


def words(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, WORDS, size=(count, FRAMES))


def deployed(path: Path, ids: np.ndarray, lengths: list[int]) -> np.ndarray:
    """Scores of the padded batch, as onnxruntime computes them from the whole file."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"words": ids, "lengths": np.array(lengths)})[0], dtype=np.float64)


def ours(model: OnnxModel, ids: np.ndarray, length: int) -> np.ndarray:
    told = model.at_length(length)
    return evaluate(told.graph((FRAMES, FEATURES)), torch.from_numpy(told.embed(ids))).numpy()


@pytest.mark.parametrize("case", CASES)
def test_every_length_agrees_with_the_padded_batch_in_onnxruntime(case: str, tmp_path: Path) -> None:
    kind, options = CASES[case]
    path = packed(tmp_path / "m.onnx", kind, **options)
    model, ids, lengths = read(path), words(FRAMES), list(range(FRAMES, 0, -1))
    assert model.takes_lengths
    assert model.input.name == "words"
    theirs = deployed(path, ids, lengths)
    for row, length in enumerate(lengths):
        np.testing.assert_allclose(ours(model, ids[row : row + 1], length)[0], theirs[row], atol=2e-6)
        check_against_onnxruntime(model.at_length(length), (FRAMES, FEATURES))


def test_a_wrong_length_is_seen(tmp_path: Path) -> None:
    path = packed(tmp_path / "m.onnx")
    model, ids = read(path), words(1)
    theirs = deployed(path, ids, [3])
    assert np.abs(ours(model, ids, 4) - theirs).max() > 1e-3


def test_words_after_the_length_do_not_matter(tmp_path: Path) -> None:
    model = read(packed(tmp_path / "m.onnx", nn.LSTM, both=True))
    one, other = words(1), words(1)
    other[0, 3:] = (other[0, 3:] + 1) % WORDS
    np.testing.assert_array_equal(ours(model, one, 3), ours(model, other, 3))


def test_a_mean_over_padding_is_that_of_the_padded_sample(tmp_path: Path) -> None:
    """Cutting the padding off would certify another function."""
    path = packed(tmp_path / "m.onnx", nn.GRU, mean=True)
    model, ids = read(path), words(1)
    cut = evaluate(model.graph((3, FEATURES)), torch.from_numpy(model.embed(ids[:, :3]))).numpy()
    theirs = deployed(path, ids, [3])
    assert np.abs(cut - theirs).max() > 1e-3
    np.testing.assert_allclose(ours(model, ids, 3), theirs, atol=2e-6)


@pytest.mark.parametrize("mean", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_no_disturbance_inside_a_certified_radius_changes_onnxruntimes_answer(
    mean: bool, tmp_path: Path
) -> None:
    path = packed(tmp_path / "m.onnx", nn.LSTM, mean=mean)
    model, ids, lengths = certrnn.load(path), words(3, seed=2), [4, 3, 1]
    np.savez(tmp_path / "x.npz", x=ids, lengths=lengths)
    rows = model.radius(model.read(str(tmp_path / "x.npz")), frames="each", rel_tol=0.3, budget=0.1)
    assert [row.frames for row in rows if row.sample == 1] == [[0], [1], [2]]
    random, found = np.random.default_rng(0), 0
    for row in rows:
        assert row.verdict == "certified"
        assert row.eps_certified is not None
        assert row.eps_attacked is None or row.eps_attacked > row.eps_certified
        found += row.eps_attacked is not None
        told = model.network.at_length(lengths[row.sample])
        x = np.repeat(told.embed(ids[row.sample : row.sample + 1]), 40, axis=0)
        frame = int(row.frames[0])
        x[:, frame] += row.eps_certified * (1 - 1e-6) * random.choice([-1.0, 1.0], size=(40, FEATURES))
        assert (told.run_onnxruntime(x).argmax(axis=1) == row.label).all()
    assert found  # the attack ran, and reached beyond the certificates


def test_the_command_tells_lengths_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = packed(tmp_path / "m.onnx")
    np.savez(tmp_path / "x.npz", x=words(3), lengths=[2, 6, 2])
    arguments = [
        str(path),
        "--data",
        str(tmp_path / "x.npz"),
        "--frames",
        "all",
        "--rel-tol",
        "0.1",
        "--json",
    ]
    assert certify_main(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["rows"]) == 3
    assert any(TOLD in note for note in document["notes"])


def test_lengths_without_an_input_for_them(tmp_path: Path) -> None:
    """A network of a fixed number of words reads its padding; one of any number gets the sample cut."""
    model = certrnn.load(fixed(tmp_path / "f.onnx"))
    np.savez(tmp_path / "x.npz", x=words(2), lengths=[2, 5])
    kept = model.read(str(tmp_path / "x.npz"))
    assert (kept.note, kept.spans) == (KEPT, ((0, 2), (0, 5)))
    rows = model.certify(kept, eps=1e-3, frames="each", attack=False)
    assert [row.frames for row in rows] == [[0], [1], [0], [1], [2], [3], [4]]
    free = certrnn.load("example:digits_lstm")
    x = np.zeros((2, 8, 8))
    np.savez(tmp_path / "d.npz", x=x, lengths=[8, 8])
    assert CUT in free.read(str(tmp_path / "d.npz")).note


def test_lengths_out_of_range_are_refused(tmp_path: Path) -> None:
    model = read(packed(tmp_path / "m.onnx"))
    with pytest.raises(InvalidInput, match="sequence length"):
        model.at_length(7).graph((FRAMES, FEATURES))
    with pytest.raises(InvalidInput, match="input for it"):
        read(fixed(tmp_path / "f.onnx")).at_length(2)


def test_a_length_that_onnxruntime_is_not_told_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted error: the graph stops at the length, the file is fed the number of frames, or the other way round."""
    model = read(packed(tmp_path / "m.onnx"))
    feed, lower = OnnxModel.feed, OnnxModel.lowered
    with monkeypatch.context() as patch:
        patch.setattr(OnnxModel, "feed", lambda self, x: feed(replace(self, length=None), x))
        with pytest.raises(Unsupported, match="graph and onnxruntime agree"):
            check_against_onnxruntime(model.at_length(3), (FRAMES, FEATURES))
    with monkeypatch.context() as patch:
        patch.setattr(OnnxModel, "lowered", lambda self, shape: lower(replace(self, length=None), shape))
        with pytest.raises(Unsupported, match="graph and onnxruntime agree"):
            check_against_onnxruntime(model.at_length(3), (FRAMES, FEATURES))


def further(folder: Path, name: str, used: str = "") -> Path:
    """A network with a further input of integers; ``used``: nowhere, as ``sequence_lens``, or as a ``value``."""
    random = np.random.default_rng(2)
    numbers = {"W": random.standard_normal((1, 4, 3)), "R": random.standard_normal((1, 4, 4))}
    kept = {key: value.astype(np.float32) for key, value in numbers.items()} | {
        "V": np.eye(4, 2, dtype=np.float32)
    }
    told = ["", name] if used == "length" else []
    nodes = [
        node("Transpose", ["x"], "t", perm=[1, 0, 2]),
        helper.make_node("RNN", ["t", "W", "R", *told], ["", "last"], hidden_size=4, name="rnn"),
        node("Squeeze", ["last", "zero"], "flat"),
        node("MatMul", ["flat", "V"], "scores"),
    ]
    proto = onnx_model(nodes, {**kept, "zero": np.array([0])}, ["N", "T", 3])
    proto.graph.input.append(helper.make_tensor_value_info(name, TensorProto.INT32, ["N"]))
    if used == "value":
        proto.graph.node[-1].output[0] = "z"
        cast = helper.make_node("Cast", [name], ["c"], to=TensorProto.FLOAT)
        column = helper.make_node("Unsqueeze", ["c", "one"], ["column"])
        proto.graph.node.extend([cast, column, node("Add", ["z", "column"], "scores")])
        proto.graph.initializer.append(numpy_helper.from_array(np.array([1]), "one"))
    return saved(folder, proto)


@pytest.mark.parametrize("name", ["lengths", "seq_len", "inputLengths", "x.length", "sequence_lens", "day"])
def test_an_input_is_a_length_by_its_name_or_its_use(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = further(tmp_path, name, "length")
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).standard_normal((1, 4, 3)) / 4)
    arguments = [str(path), "--data", str(tmp_path / "x.npz"), "--eps", "1e-6", "--frames", "all", "--json"]
    assert certify_main(arguments) == 0
    assert f"input '{name}' is read as the sequence length" in json.loads(capsys.readouterr().out)["notes"][0]


@pytest.mark.parametrize(
    "name", ["calendar_day", "valence", "silence", "lens_type", "length_penalty", "talent"]
)
@pytest.mark.parametrize("used", ["", "value"])
def test_an_input_whose_name_holds_the_letters_is_none(
    used: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is never set to the number of frames in silence: where something reads it, it has to be fixed."""
    assert not length_inputs(onnx.load(str(further(tmp_path, name, used))).graph)
    np.savez(tmp_path / "x.npz", x=np.ones((1, 4, 3)))
    path = str(tmp_path / "model.onnx")
    code = certify_main([path, "--data", str(tmp_path / "x.npz"), "--eps", "1e-6", "--frames", "all"])
    assert code == (3 if used else 0)
    assert (f"--fix {name}=" in capsys.readouterr().err) == bool(used)


def test_special_tokens_of_a_text_count_for_the_length(tmp_path: Path) -> None:
    """What the network is told is the tokenizer's whole encoding, though its special tokens are never disturbed."""
    path = packed(tmp_path / "m.onnx")
    file = tokenizer(tmp_path, side="right")
    (tmp_path / "t.txt").write_text("good film\n")
    model = certrnn.load(path)
    found = model.read_text(TextSource(str(tmp_path / "t.txt"), tokenizer=file))
    assert (found.spans, found.told) == (((1, 3),), (4,))
    row = model.certify(found, eps=1e-9, frames="all", attack=False)[0]
    scores = deployed(path, np.array([[2, 4, 6, 3, 0, 0]]), [4])[0]
    assert row.margin == pytest.approx(abs(scores[1] - scores[0]), abs=1e-5)
    results, members = model.attack(found, eps=5.0)
    assert results.rows[0].verdict == "falsified"
    (tmp_path / "a.npz").write_bytes(members.content(model.precision))
    assert model.replay(str(tmp_path / "a.npz")).rows[0].reason == ""
