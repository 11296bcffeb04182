"""Texts through the commands: positions count the user's words, and what was not read or asked is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

import certrnn
from certrnn.cli import certify_main, main
from certrnn.errors import InvalidInput
from certrnn.io.text import TextSource
from tests.io.onnx_models import model, node, saved
from tests.io.test_tokenizers import saved as tokenizer

VOCABULARY = ["<pad>", "<unk>", "good", "bad", "film", "the", "not", "very", "a", "was"]
FRAMES = 6


def network(folder: Path, frames: int | str = FRAMES, name: str = "m.onnx") -> str:
    """A recurrent layer over words, and two scores of its last state."""
    random = np.random.default_rng(7)
    numbers = {
        "table": random.standard_normal((len(VOCABULARY), 3)),
        "W": random.standard_normal((1, 4, 3)),
        "R": random.standard_normal((1, 4, 4)),
        "V": random.standard_normal((4, 2)),
    }
    numbers = {key: value.astype(np.float32) for key, value in numbers.items()} | {"zero": np.array([0])}
    nodes = [
        node("Gather", ["table", "x"], "vectors"),
        node("Transpose", ["vectors"], "t", perm=[1, 0, 2]),
        node("RNN", ["t", "W", "R"], "", hidden_size=4),
        node("Squeeze", ["last", "zero"], "flat"),
        node("MatMul", ["flat", "V"], "scores"),
    ]
    nodes[2].output[:] = ["", "last"]
    return str(saved(folder, model(nodes, numbers, ["N", frames], kind=TensorProto.INT64), name))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    network(tmp_path)
    (tmp_path / "v.txt").write_text("\n".join(VOCABULARY) + "\n")
    return tmp_path


def asked(folder: Path, texts: str, *more: str, name: str = "t.txt") -> list[str]:
    (folder / name).write_text(texts)
    return [str(folder / "m.onnx"), "--text", str(folder / name), "--vocab", str(folder / "v.txt"), *more]


def answered(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert certify_main([*arguments, "--json"]) in (0, 1, 4), capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert certify_main(arguments) in (2, 3)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def substitutes(folder: Path, *entries: tuple[int, int, list[int]]) -> str:
    names = ("sample", "position", "substitutes")
    lines = [json.dumps(dict(zip(names, entry, strict=True))) for entry in entries]
    (folder / "w.jsonl").write_text("\n".join(lines) + "\n")
    return str(folder / "w.jsonl")


def deployed(folder: Path, ids: list[list[int]]) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(folder / "m.onnx"), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": np.array(ids, dtype=np.int64)})[0])


@pytest.mark.parametrize("truncate", ["left", "right"])
@pytest.mark.parametrize("pad", ["left", "right"])
def test_a_position_is_a_word_of_the_text(
    pad: str, truncate: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the side of padding and truncation, a substitute stands where the text's own word did: brute force in
    onnxruntime and the verdict agree, text by text."""
    random = np.random.default_rng(3)
    texts = [random.integers(2, len(VOCABULARY), size=random.integers(1, 10)) for _ in range(40)]
    entries, before, after = [], [], []

    def read(ids: np.ndarray) -> list[int]:
        kept = ids[-FRAMES:] if truncate == "left" else ids[:FRAMES]
        filling = [0] * (FRAMES - len(kept))
        return [*filling, *kept.tolist()] if pad == "left" else [*kept.tolist(), *filling]

    for number, ids in enumerate(texts):
        first = max(0, len(ids) - FRAMES) if truncate == "left" else 0
        place = int(random.integers(first, first + min(len(ids), FRAMES)))
        other = int(random.integers(2, len(VOCABULARY)))
        entries.append((number, place, [other]))
        changed = ids.copy()
        changed[place] = other
        before.append(read(ids))
        after.append(read(changed))
    lines = "\n".join(" ".join(VOCABULARY[k] for k in ids) for ids in texts) + "\n"
    sides = ["--pad", pad, "--truncate", truncate, "--words", substitutes(folder, *entries)]
    rows = answered(asked(folder, lines, *sides, "--frames", "all"), capsys)["rows"]
    same = deployed(folder, before).argmax(axis=1) == deployed(folder, after).argmax(axis=1)
    assert [row["verdict"] == "certified" for row in rows] == same.tolist()
    assert 5 < same.sum() < 35


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ((0, 3, [2]), "sample 0: a position is one of its words 0..2"),
        ((1, 0, [2]), "sample 1: a position is one of its words 2..7"),
        ((1, 8, [2]), "sample 1: a position is one of its words 2..7"),
        ((2, 0, [2]), "there is such a sample with words; got samples 0, 1, 3"),
        ((4, 0, [2]), "there is such a sample with words; got samples 0, 1, 3"),
    ],
)
def test_what_is_no_word_of_the_text_is_refused(
    entry: tuple[int, int, list[int]], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = "the good film\n" + "very " * 5 + "bad bad film\n\nfilm\n"
    arguments = asked(folder, texts, "--pad", "left", "--words", substitutes(folder, (0, 0, [3]), entry))
    assert message in refused(arguments, capsys)


def test_a_substitute_beyond_a_samples_own_frames_is_refused_of_data_too(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(folder / "x.npz", x=np.full((2, FRAMES), 2), lengths=[2, 6])
    arguments = [str(folder / "m.onnx"), "--data", str(folder / "x.npz"), "--frames", "all", "--words"]
    assert "words 0..1" in refused([*arguments, substitutes(folder, (0, 2, [3]))], capsys)
    assert "samples 0..1" in refused([*arguments, substitutes(folder, (2, 0, [3]))], capsys)
    found = certrnn.load(folder / "m.onnx")
    with pytest.raises(InvalidInput, match="samples 0"):
        found.certify([np.array([2] * FRAMES)], threat=found.substitution({(1, 0): [3]}))


def test_substitutes_of_samples_that_were_not_chosen(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file for all texts serves for some of them; which texts nothing is asked of is said."""
    texts = "good film\n\nbad film\nthe film\n"
    words = substitutes(folder, (0, 0, [3]), (2, 1, [5]))
    some = answered(asked(folder, texts, "--words", words, "--frames", "all", "--samples", "2,3"), capsys)
    assert [row["sample"] for row in some["rows"]] == [2, 3]
    notes = " ".join(some["notes"])
    assert "1 of 2 samples have no substitutes" in notes
    assert "substitutes of 1 samples that were not chosen" in notes


def test_samples_are_named_by_their_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A text without a word is left out, said, and moves no other's number."""
    texts = "good film\nzzz\nbad film\nyyy\n"
    drop = ["--unknown", "drop", "--frames", "all", "--eps", "1e-6", "--no-attack"]
    found = answered(asked(folder, texts, *drop), capsys)
    assert [row["sample"] for row in found["rows"]] == [0, 2]
    assert (
        "samples 1, 3 hold no word and were left out: counts are of the other 2 of 4 texts"
        in found["notes"][0]
    )
    chosen = answered(asked(folder, texts, *drop, "--samples", "1:3"), capsys)
    assert [row["sample"] for row in chosen["rows"]] == [2]
    assert "--samples" in refused(asked(folder, texts, *drop, "--samples", "1"), capsys)
    assert "below 4" in refused(asked(folder, texts, *drop, "--samples", "4"), capsys)


def test_frames_count_the_words_that_are_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Frame 0 of a text that is filled up on the left is its first word: moved alone, it is what may change."""
    texts, eps = "the good film\n", ["--eps", "1e-4", "--no-attack", "--method", "interval"]
    each = answered(asked(folder, texts, *eps, "--pad", "left"), capsys)["rows"]
    assert [row["frames"] for row in each] == [[0], [1], [2]]
    for row in each:
        one = answered(asked(folder, texts, *eps, "--pad", "left", "--frames", str(row["frames"][0])), capsys)
        assert one["rows"][0]["margin"] == row["margin"]
    x = certrnn.load(folder / "m.onnx")
    moved = x.certify([np.array([0, 0, 0, 5, 2, 4])], eps=1e-4, frames=[3], method="interval", attack=False)
    assert moved[0].margin == each[0]["margin"]
    assert "0..2" in refused(asked(folder, texts, *eps, "--pad", "left", "--frames", "3"), capsys)


def test_radii_are_those_of_the_texts_own_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(folder / "r.npy", np.array([[1.0] * 3, [0.0] * 3, [0.0] * 3]))
    eps = ["--eps", "1e-4", "--no-attack", "--method", "interval", "--pad", "left", "--frames"]
    wide = answered(asked(folder, "the good film\n", *eps, "all", "--radii", str(folder / "r.npy")), capsys)
    first = answered(asked(folder, "the good film\n", *eps, "0"), capsys)
    assert wide["rows"][0]["margin"] == pytest.approx(first["rows"][0]["margin"], rel=1e-9)


def test_a_run_folder_keeps_the_texts_own_counting(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = substitutes(folder, (0, 2, [3]), (2, 0, [6]))
    arguments = asked(folder, "the good film\n\ngood\n", "--pad", "left", "--words", words, "--no-attack")
    plain = answered(arguments, capsys)["rows"]
    kept = answered([*arguments, "--run", str(folder / "run"), "--task", "1"], capsys)["rows"]
    keys = ("sample", "frames", "verdict", "margin")
    assert [[row[k] for k in keys] for row in kept] == [[row[k] for k in keys] for row in plain]
    assert [row["frames"] for row in kept] == [[0], [1], [2], [0]]


def test_what_was_cut_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    eps = ["--eps", "1e-6", "--no-attack", "--frames", "all", "--max-length", "2"]
    for pad, end in (("left", "first"), ("right", "last")):
        notes = answered(asked(folder, "bad bad good film\nfilm\n", *eps, "--pad", pad), capsys)["notes"][0]
        assert f"1 of 2 texts were too long, and their {end} words cut off" in notes
        assert ("frames count the words that are read" in notes) == (pad == "left")


def test_special_tokens_are_no_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither disturbed, nor listed, nor replaced; a position is a token of the text."""
    network(folder, "T", "t.onnx")
    (folder / "t.txt").write_text("good film\nbad\n")
    arguments = [
        str(folder / "t.onnx"),
        "--text",
        str(folder / "t.txt"),
        "--tokenizer",
        tokenizer(folder, side="left"),
    ]
    rows = answered([*arguments, "--eps", "1e-6", "--no-attack"], capsys)["rows"]
    assert [(row["sample"], row["frames"]) for row in rows] == [(0, [0]), (0, [1]), (1, [0])]
    assert main(["words", *arguments, "--json"]) in (0, 4)
    sentences = json.loads(capsys.readouterr().out)["sentences"]
    assert [[word["text"] for word in one["words"]] for one in sentences] == [["good", "film"], ["bad"]]
    assert [[word["frame"] for word in one["words"]] for one in sentences] == [[0, 1], [0]]
    found = certrnn.load(folder / "t.onnx").read_text(
        TextSource(str(folder / "t.txt"), tokenizer=str(folder / "t.json"))
    )
    assert found.spans == ((3, 5), (4, 5))
    assert "a position is one of its words 0..1" in refused(
        [*arguments, "--frames", "all", "--words", substitutes(folder, (0, 2, [4]))], capsys
    )


def test_words_of_a_text_that_was_cut_keep_their_position(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--pad", "left", "--max-length", "2", "--json"]
    assert main(["words", *asked(folder, "bad bad good film\n", *more)]) in (0, 4)
    words = json.loads(capsys.readouterr().out)["sentences"][0]["words"]
    assert [(w["frame"], w["position"], w["text"]) for w in words] == [(0, 2, "good"), (1, 3, "film")]


def test_an_attack_counts_words_as_the_text_does(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = "the good film\nbad film\nvery bad\nnot a good film\n"
    out = str(folder / "a.npz")
    arguments = [
        "attack",
        *asked(folder, texts, "--pad", "left", "--attack", "words", "--out", out, "--json"),
    ]
    assert main(arguments) in (0, 4)
    rows = json.loads(capsys.readouterr().out)["rows"]
    lengths = [len(line.split()) for line in texts.splitlines()]
    replaced = [(row["sample"], place) for row in rows for place, _, _ in row["words"] or ()]
    assert replaced
    assert all(place < lengths[sample] for sample, place in replaced)
    assert main(["attack", str(folder / "m.onnx"), "--replay", out, "--json"]) == 0


def test_word_vectors_of_zeros_are_ranked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A word without a vector has length 0: no share of it, so it is the least sensitive."""
    random = np.random.default_rng(1)
    numbers = {"V": random.standard_normal((3, 2)).astype(np.float32)}
    nodes = [node("ReduceMean", ["x"], "mean", axes=[1], keepdims=0), node("MatMul", ["mean", "V"], "scores")]
    saved(folder, model(nodes, numbers, ["N", "T", 3]), "f.onnx")
    (folder / "g.txt").write_text("good 0.5 -0.4 1.0\nfilm 0.1 0.9 -0.3\n")
    for texts in ("good film zzz\n", "film zzz zzz\n"):
        (folder / "t.txt").write_text(texts)
        for more in ([], ["--html", str(folder / "w.html")], ["--json"]):
            arguments = [
                "--text",
                str(folder / "t.txt"),
                "--embeddings",
                str(folder / "g.txt"),
                "--threat",
                "ball",
            ]
            code = main(["words", str(folder / "f.onnx"), *arguments, *more])
            shown = capsys.readouterr()
            assert code in (0, 4), shown.err
    assert "zzz" in (folder / "w.html").read_text()


def test_a_list_of_reviews_is_two_samples(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reviews = '[\n {"text": "good film", "label": 1},\n {"text": "bad film", "label": 0}\n]\n'
    more = ["--eps", "1e-6", "--no-attack", "--frames", "all"]
    found = answered(asked(folder, reviews, *more, name="reviews.json"), capsys)
    assert [(row["sample"], row["label"]) for row in found["rows"]] == [(0, 1), (1, 0)]
    assert found["labelled"] is True
