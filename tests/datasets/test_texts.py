"""Texts through networks: the vectors that are certified are those that the model reads, padding included."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import certrnn
from certrnn.cli import certify_main
from certrnn.datasets import Sequences
from certrnn.domains import evaluate
from certrnn.errors import InvalidInput, UsageError
from certrnn.io.text import TextSource
from certrnn.model import Model
from tests.datasets.packed import FEATURES, fixed, packed, vectors
from tests.io.test_text import tokenizer

VOCABULARY = ["<pad>", "<unk>", "the", "a", "film", "movie", "was", "is", "good", "bad", "not", "."]
TEXTS = "The film was good .\nnosuch movie\n\nit is not a bad film and so it is good . really .\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "t.txt").write_text(TEXTS)
    (tmp_path / "v.txt").write_text("\n".join(VOCABULARY) + "\n")
    return tmp_path


def numbers(text: str) -> list[int]:
    return [VOCABULARY.index(w) if w in VOCABULARY else 1 for w in text.lower().split()]


def texts(files: Path, **options: object) -> TextSource:
    return TextSource(str(files / "t.txt"), vocab=str(files / "v.txt"), **options)  # type: ignore[arg-type]


def scores(model: Model, found: Sequences, place: int) -> np.ndarray:
    """What is certified of a sample, undisturbed."""
    kind = found.kind(place)
    told = model.network.at_length(kind.span[1]) if model.network.takes_lengths else model.network
    return evaluate(told.graph(kind.shape), torch.from_numpy(found.frames[place][None])).numpy()[0]


def deployed(path: Path, **feed: object) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {name: np.array(value) for name, value in feed.items()})[0])[0]


def test_any_number_of_words(files: Path) -> None:
    path = packed(files / "m.onnx")
    model = certrnn.load(path)
    found = model.read_text(texts(files))
    assert found.numbers == (0, 1, 3)
    assert found.words is not None
    assert found.words[1] == ("nosuch", "movie")
    lines = [line for line in TEXTS.split("\n") if line]
    for place, line in enumerate(lines):
        ids = numbers(line)
        np.testing.assert_allclose(
            scores(model, found, place), deployed(path, words=[ids], lengths=[len(ids)]), atol=2e-6
        )
    for said in ("white space and lower-cased", "of 21 words are unknown", "samples 2 hold no word"):
        assert said in found.note


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_fixed_number_of_words(side: str, files: Path) -> None:
    path = fixed(files / "m.onnx", frames=6)
    model = certrnn.load(path)
    found = model.read_text(texts(files, pad=side))
    ids = numbers("the film was good .")
    padded = [*ids, 0] if side == "right" else [0, *ids]
    np.testing.assert_allclose(scores(model, found, 0), deployed(path, words=[padded]), atol=2e-6)
    first = 1 if side == "left" else 0
    assert found.spans is not None
    assert (found.spans[0], found.spans[2]) == ((first, first + 5), (0, 6))
    rows = model.certify(found.take([0]), eps=1e-3, frames="each", attack=False)
    assert [row.frames for row in rows] == [[t] for t in range(5)]
    assert "1 of 4 texts were too long" in found.note
    assert "reads the padding" in found.note
    with pytest.raises(UsageError, match=r"lie in 0\.\.4"):
        model.certify(found.take([0]), eps=1e-3, frames="5")


def test_all_frames_of_a_padded_text_are_its_words(files: Path) -> None:
    """Disturbing the padding, too, would certify less: the words' own radius is found."""
    model = certrnn.load(fixed(files / "m.onnx"))
    found = model.read_text(texts(files)).take([1])
    own, named = (model.radius(found, frames=f, rel_tol=0.1, attack=False)[0] for f in ("all", "0-1"))
    assert own.eps_certified == named.eps_certified
    everything = Sequences.of([found.frames[0]])
    every = model.radius(everything, frames="all", rel_tol=0.1, attack=False)[0]
    assert every.eps_certified is not None
    assert own.eps_certified is not None
    assert every.eps_certified < own.eps_certified


def test_a_tokenizer_pads_as_it_says(files: Path) -> None:
    path = fixed(files / "m.onnx", frames=6)
    model = certrnn.load(path)
    file = tokenizer(files / "t.json", pad=6)
    (files / "t.txt").write_text("good film , odd\n")
    found = model.read_text(TextSource(str(files / "t.txt"), tokenizer=file))
    np.testing.assert_allclose(scores(model, found, 0), deployed(path, words=[[0, 0, 2, 3, 4, 1]]), atol=2e-6)
    assert found.spans == ((2, 6),)
    assert "read by t.json" in found.note


def test_a_network_that_is_told_lengths_has_no_padding_on_the_left(files: Path) -> None:
    model, file = certrnn.load(packed(files / "m.onnx")), tokenizer(files / "t.json", pad=6)
    (files / "t.txt").write_text("good film\n")
    with pytest.raises(UsageError, match="on the right"):
        model.read_text(TextSource(str(files / "t.txt"), tokenizer=file))
    found = model.read_text(TextSource(str(files / "t.txt"), tokenizer=file, pad="right"))
    assert (found.spans, found.frames[0].shape) == (((0, 2),), (6, FEATURES))


def test_word_vectors_from_a_file(files: Path) -> None:
    path = vectors(files / "m.onnx")
    table = np.random.default_rng(0).standard_normal((len(VOCABULARY), FEATURES)).round(2)
    lines = [" ".join([w, *map(str, row)]) for w, row in zip(VOCABULARY, table, strict=True)]
    (files / "g.txt").write_text("\n".join(lines) + "\n")
    model = certrnn.load(path)
    found = model.read_text(TextSource(str(files / "t.txt"), embeddings=str(files / "g.txt")))
    x = table[numbers("the film was good .")].astype(np.float32)
    np.testing.assert_allclose(scores(model, found, 0), deployed(path, x=x[None]), atol=2e-6)
    assert "rounded to float32" in found.note
    (files / "g.txt").write_text("the 1 2\n")
    with pytest.raises(InvalidInput, match="4 features"):
        model.read_text(TextSource(str(files / "t.txt"), embeddings=str(files / "g.txt")))


def test_what_does_not_fit_is_refused(files: Path) -> None:
    words, floats = certrnn.load(packed(files / "m.onnx")), certrnn.load(vectors(files / "f.onnx"))
    with pytest.raises(UsageError, match="--embeddings"):
        floats.read_text(texts(files))
    (files / "v.txt").write_text("\n".join([*VOCABULARY, "really"]) + "\n")
    with pytest.raises(InvalidInput, match=r"0\.\.11.*12 for 'really'.*trained with"):
        words.read_text(texts(files))
    (files / "t.txt").write_text("\n")
    with pytest.raises(InvalidInput):
        words.read_text(texts(files))
    (files / "t.txt").write_text("a good\n")
    (files / "v.txt").write_text("a\ngood\n")
    with pytest.raises(InvalidInput, match="what fills short texts"):
        certrnn.load(fixed(files / "x.onnx")).read_text(texts(files))


def test_the_command_line_reads_texts(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(packed(files / "m.onnx"))
    (files / "t.csv").write_text("text,label\nthe film was good .,0\nbad movie,1\n")
    options = ["--text", str(files / "t.csv"), "--vocab", str(files / "v.txt"), "--max-length", "3"]
    code = certify_main([path, *options, "--frames", "all", "--eps", "1e-4", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert code in (0, 4)
    assert [(row["sample"], row["label"]) for row in document["rows"]] == [(0, 0), (1, 1)]
    assert "1 of 2 texts were too long" in document["notes"][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--data or --text"),
        (["--vocab", "v.txt"], "belongs to --text"),
        (["--text", "t.txt"], "known how words become numbers"),
        (["--text", "t.txt", "--vocab", "v.txt", "--data", "x.npz"], "--data beside it"),
    ],
)
def test_options_that_do_not_go_together(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert certify_main(["example:digits_rnn", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_run_folder_answers_texts_as_the_command_does(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lengths travel with the samples; a text of one word is one frame, however it is asked for."""
    path = str(packed(files / "m.onnx"))
    (files / "t.txt").write_text("the film was good .\nawful\nbad movie\n")
    asked = [path, "--text", str(files / "t.txt"), "--vocab", str(files / "v.txt")]
    asked += ["--eps", "0.01", "--no-attack", "--method", "zonotope", "--json"]

    def rows(*more: str) -> list[dict]:
        assert certify_main([*asked, *more]) in (0, 4)
        found = json.loads(capsys.readouterr().out)["rows"]
        return [{k: row[k] for k in ("sample", "frames", "verdict", "eps_certified")} for row in found]

    assert rows("--run", str(files / "run")) == rows()
    assert [row["frames"] for row in rows("--samples", "1")] == [[0]]
