"""Samples of different lengths in one padded stack: certified is what onnxruntime computes with ``sequence_lens``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

import certrnn
from certrnn.analyses.import_check import check_against_onnxruntime
from certrnn.cli import certify_main
from certrnn.domains import evaluate
from certrnn.errors import InvalidInput, Unsupported
from certrnn.io.onnx import OnnxModel, read
from certrnn.run.reading import CUT, KEPT, TOLD
from tests.run.packed import FEATURES, WORDS, export, fixed, packed

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


@pytest.mark.parametrize("mean", [False, True])
def test_no_disturbance_inside_a_certified_radius_changes_onnxruntimes_answer(
    mean: bool, tmp_path: Path
) -> None:
    path = packed(tmp_path / "m.onnx", nn.LSTM, mean=mean)
    model, ids, lengths = certrnn.load(path), words(3, seed=2), [4, 3, 1]
    np.savez(tmp_path / "x.npz", x=ids, lengths=lengths)
    rows = model.radius(model.read(str(tmp_path / "x.npz")), frames="each", rel_tol=0.3)
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


def test_a_mask_computed_from_words_is_refused_by_name(tmp_path: Path) -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.head = nn.Embedding(WORDS, FEATURES), nn.Linear(FEATURES, 2)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            mask = (ids != 0).float()
            return self.head((self.embedding(ids) * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))

    path = export(Masked(), (torch.randint(1, WORDS, (1, FRAMES)),), ["words"], True, tmp_path / "mask.onnx")
    with pytest.raises(Unsupported, match="masks and lengths outside of the model"):
        certrnn.load(path).certify(words(1), eps=0.1)


def test_a_length_that_onnxruntime_is_not_told_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted error: the graph stops at the length, the file is fed the number of frames, or the other way round."""
    model = read(packed(tmp_path / "m.onnx"))
    feed, lower = OnnxModel._lengths, OnnxModel.lowered
    with monkeypatch.context() as patch:
        patch.setattr(
            OnnxModel, "_lengths", lambda self, n, frames: feed(replace(self, length=None), n, frames)
        )
        with pytest.raises(Unsupported, match="graph and onnxruntime agree"):
            check_against_onnxruntime(model.at_length(3), (FRAMES, FEATURES))
    with monkeypatch.context() as patch:
        patch.setattr(OnnxModel, "lowered", lambda self, shape: lower(replace(self, length=None), shape))
        with pytest.raises(Unsupported, match="graph and onnxruntime agree"):
            check_against_onnxruntime(model.at_length(3), (FRAMES, FEATURES))
