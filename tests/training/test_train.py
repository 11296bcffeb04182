"""``certrnn train``: from data to a file that certify reads, the same for the same seed, and after an interruption."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import certrnn
from certrnn.cli import certify_main, main
from certrnn.errors import InvalidInput, UsageError
from certrnn.training import LOSSES, Architecture, Epoch, Examples, Run, Settings, Trained, train
from certrnn.training.checkpoint import Checkpoint
from certrnn.training.sources import read_words
from certrnn.training.synonyms import read_synonyms

SMALL = ("--cell", "rnn", "--hidden", "6", "--epochs", "3", "--warmup", "0", "--ramp", "1", "--rate", "0.02")


def sequences(count: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """Sequences whose sum decides: learnt in a few steps."""
    x = np.random.default_rng(0).standard_normal((count, 3, 2)).astype(np.float32)
    return x, (x.sum((1, 2)) > 0).astype(np.int64)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    x, y = sequences()
    np.savez(tmp_path / "data.npz", x=x, y=y)
    return tmp_path / "data.npz"


def run(**changes: object) -> Run:
    examples, heldout = Examples.of(*sequences()).split(0.25, 0)
    settings = Settings("ibp-vt", 0.02, epochs=3, warmup=0, ramp=2, rate=0.02)
    return replace(Run(examples, heldout, settings, Architecture("rnn", 6)), **changes)


def file_of(trained: Trained, folder: Path, name: str = "one.onnx") -> bytes:
    trained.save(folder / name)
    return (folder / name).read_bytes()


def test_what_is_trained_is_certified(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("train", "--data", "data.npz", "--defence", "ibp-vt", "--eps", "0.02", "--heldout", "0.25")
    assert main([*asked, *SMALL, "--epochs", "12", "--out", "model.onnx"]) == 0
    captured = capsys.readouterr()
    assert captured.err.count("epoch ") == 12
    assert "verified" in captured.out
    assert "no proof" in captured.out
    command = captured.out.split("next: certify ")[1].split()
    assert certify_main([*command, "--method", "interval", "--no-attack", "--json"]) in (0, 4)
    rows = json.loads(capsys.readouterr().out)["rows"]
    said = float(captured.err.splitlines()[-1].split("verified ")[1].split()[0]) / 100
    proved = sum(row["verdict"] == "certified" for row in rows) / len(rows)
    assert len(rows) == 20
    assert proved > 0.6
    assert proved == pytest.approx(said, abs=1.5 / len(rows))  # float32 against float64


@pytest.mark.parametrize("defence", LOSSES)
def test_every_defence_learns(defence: str) -> None:
    settings = Settings(defence, 0.01, epochs=14, warmup=1, ramp=2, rate=0.02, temperature=5.0, weight=0.01)
    trained = train(run(settings=settings))
    assert trained.history[-1].accuracy.clean >= 0.8
    assert trained.history[-1].loss < trained.history[0].loss or defence in ("contract", "ibp-vt", "sabr")


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_same_seed_gives_the_same_file(cell: str, tmp_path: Path) -> None:
    asked = run(architecture=Architecture(cell, 5, 2, bidirectional=True))
    first = file_of(train(asked), tmp_path)
    torch.manual_seed(99)
    assert file_of(train(asked), tmp_path) == first
    other = replace(asked, settings=replace(asked.settings, seed=1))
    assert file_of(train(other), tmp_path) != first


def test_training_leaves_torchs_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    train(run())
    assert torch.rand(1) == expected


class Stop(Exception):
    """An interruption."""


@pytest.mark.parametrize("defence", ["pgd-at", "distill", "cert-rnn-vt"])
def test_a_resumed_run_gives_the_same_file(defence: str, tmp_path: Path) -> None:
    settings = Settings(defence, 0.02, epochs=4, warmup=1, ramp=2, rate=0.02)
    whole = file_of(train(run(settings=settings)), tmp_path)
    kept = str(tmp_path / "state.npz")

    def stop(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise Stop

    with pytest.raises(Stop):
        train(run(settings=settings, checkpoint=kept, tell=stop))
    seen: list[int] = []
    again = train(run(settings=settings, checkpoint=kept, resume=True, tell=lambda e: seen.append(e.number)))
    assert seen == [3, 4]
    assert [epoch.number for epoch in again.history] == [1, 2, 3, 4]
    assert file_of(again, tmp_path) == whole


def test_another_run_does_not_go_on_from_a_checkpoint(tmp_path: Path) -> None:
    kept = str(tmp_path / "state.npz")
    train(run(checkpoint=kept))
    with pytest.raises(UsageError, match="eps"):
        train(run(settings=replace(run().settings, eps=0.5), checkpoint=kept, resume=True))
    with pytest.raises(UsageError, match="data"):
        train(run(heldout=run().heldout.take([0, 1]), checkpoint=kept, resume=True))


@pytest.mark.parametrize("content", [b"", b"no file", b"PK\x03\x04 cut"])
def test_a_damaged_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "state.npz").write_bytes(content)
    with pytest.raises(InvalidInput, match="checkpoint"):
        Checkpoint.read(str(tmp_path / "state.npz"))


def test_pickles_are_never_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "state.npz", about=np.array([{}], dtype=object))
    with pytest.raises(InvalidInput, match="checkpoint"):
        Checkpoint.read(str(tmp_path / "state.npz"))


def test_it_goes_on_from_a_file(data: Path) -> None:
    assert main(["train", "--data", "data.npz", *SMALL, "--epochs", "10", "--out", "first.onnx"]) == 0
    asked = ("train", "--data", "data.npz", "--from", "first.onnx", "--defence", "ibp-vt", "--eps", "0.01")
    assert main([*asked, *SMALL, "--epochs", "1", "--rate", "1e-6", "--out", "second.onnx"]) == 0
    x = np.random.default_rng(1).standard_normal((4, 3, 2)).astype(np.float32)
    scores = [certrnn.load(name).network.run_onnxruntime(x) for name in ("first.onnx", "second.onnx")]
    np.testing.assert_allclose(*scores, atol=1e-3)
    assert not np.array_equal(*scores)


def texts(folder: Path) -> None:
    generator = np.random.default_rng(0)
    for name, words in (("bad.txt", ["bad", "dull", "The"]), ("good.txt", ["good", "fine", "The"])):
        lines = [
            " ".join(generator.choice(words, generator.integers(2, 5))) + " " + words[0] for _ in range(30)
        ]
        (folder / name).write_text("\n".join(lines) + "\n")


def test_texts_are_trained_on_and_certified(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts(data.parent)
    asked = ("train", "--text", "bad.txt", "--text", "good.txt", "--width", "4", "--vectors", "frozen")
    assert (
        main(
            [*asked, *SMALL, "--epochs", "10", "--defence", "cert-rnn-vt", "--eps", "0.01", "--out", "t.onnx"]
        )
        == 0
    )
    vocabulary = Path("t.vocab.txt").read_text().split()
    assert vocabulary[0] == "<unk>"
    assert set(vocabulary[1:]) == {"bad", "dull", "the", "good", "fine"}
    command = capsys.readouterr().out.split("next: certify ")[1].split()
    assert certify_main([*command, "--method", "zonotope", "--no-attack", "--json"]) in (0, 4)
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert sum(row["verdict"] == "certified" for row in rows) >= 4


def test_vectors_of_a_file_stay_as_they_are(data: Path) -> None:
    texts(data.parent)
    words = ["bad", "dull", "good", "fine", "elsewhere"]
    vectors = np.random.default_rng(3).standard_normal((len(words), 3)).astype(np.float32)
    lines = [
        f"{word} {' '.join(map(str, vector))}" for word, vector in zip(words, vectors.tolist(), strict=True)
    ]
    Path("vectors.txt").write_text("\n".join(lines) + "\n")
    asked = ("train", "--text", "bad.txt", "--text", "good.txt", "--embeddings", "vectors.txt", *SMALL)
    for how in ("frozen", "trained"):
        more = () if how == "frozen" else ("--vectors", "trained")
        assert main([*asked, *more, "--out", f"{how}.onnx"]) == 0
        table = certrnn.load(f"{how}.onnx").network.embedding.table  # type: ignore[union-attr]
        names = Path(f"{how}.vocab.txt").read_text().split()
        rows = [names.index(word) for word in words[:4]]
        assert np.array_equal(table[rows], vectors[:4]) == (how == "frozen")
        assert "the" not in names  # it has no vector


def test_sequences_of_different_lengths_are_told_apart(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = sequences()
    np.savez("data.npz", x=x, y=y, lengths=np.arange(len(x)) % 3 + 1)
    assert main(["train", "--data", "data.npz", *SMALL, "--out", "l.onnx"]) == 0
    capsys.readouterr()
    assert main(
        ["certify", "l.onnx", "--data", "l.heldout.npz", "--frames", "all", "--no-attack", "--json"]
    ) in (0, 4)
    assert len(json.loads(capsys.readouterr().out)["rows"]) == np.load("l.heldout.npz")["lengths"].size


def test_the_document_has_every_epoch(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--data", "data.npz", *SMALL, "--json", "--out", "j.onnx"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [epoch["epoch"] for epoch in document["epochs"]] == [1, 2, 3]
    assert set(document["epochs"][0]) == {"epoch", "loss", "eps", "clean", "attacked", "verified"}


def test_resume_on_the_command_line_trains_no_epoch_twice(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["train", "--data", "data.npz", *SMALL, "--out", "r.onnx"]
    assert main(asked) == 0
    first = Path("r.onnx").read_bytes()
    capsys.readouterr()
    assert main([*asked, "--resume"]) == 0
    assert "epoch" not in capsys.readouterr().err
    assert Path("r.onnx").read_bytes() == first


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--defence", "none"), 2, "--data or by --text"),
        (("--data", "data.npz", "--defence", "magic"), 2, "ibp-vt"),
        (("--data", "data.npz", "--cell", "cnn"), 2, "rnn, lstm, gru"),
        (("--data", "data.npz", "--hidden", "0"), 2, "--hidden"),
        (("--data", "data.npz", "--eps", "-1"), 2, "--eps"),
        (("--data", "data.npz", "--heldout", "0"), 2, "--heldout"),
        (("--data", "data.npz", "--frames", "4"), 3, "4 frames"),
        (("--data", "unlabelled.npz"), 3, "label"),
        (("--data", "data.npz", "--from", "example:digits_rnn"), 3, "features"),
        (("--text", "good.txt"), 3, "one --text for each class"),
        (("--text", "good.txt", "--from", "example:digits_rnn"), 2, "--vocab"),
        (("--text", "bad.txt", "--text", "good.txt", "--vectors", "soft"), 2, "frozen or trained"),
        (("--text", "bad.txt", "--text", "good.txt", "--width", "0"), 2, "--width"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    options: tuple[str, ...], code: int, words: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts(data.parent)
    np.savez("unlabelled.npz", x=sequences()[0])
    assert main(["train", *options, "--out", "n.onnx"]) == code
    assert words in capsys.readouterr().err.splitlines()[-1]
    assert not Path("n.onnx").exists()


def test_a_loss_that_leaves_the_numbers_is_said() -> None:
    x, y = sequences()
    x[3, 0, 0] = np.nan
    with pytest.raises(InvalidInput, match="loss and weights are numbers"):
        train(run(examples=Examples.of(x, y)))


def test_held_out_samples_are_of_every_class_and_drawn_by_the_seed() -> None:
    x, y = sequences()
    examples = Examples.of(x, y)
    kept = [examples.split(0.25, seed)[1] for seed in (0, 0, 1)]
    assert kept[0].numbers == kept[1].numbers != kept[2].numbers
    assert abs(kept[0].y.mean() - y.mean()) < 0.05
    rest = examples.split(0.25, 0)[0]
    assert sorted(rest.numbers + kept[0].numbers) == list(range(len(y)))


def test_every_sample_is_in_one_batch() -> None:
    examples = Examples.of([np.full((n % 3 + 1, 1), n) for n in range(20)], np.zeros(20))
    for batches in (examples.batches(4), examples.in_order(4)):
        found = [int(v) for x, _ in batches for v in x[:, 0, 0]]
        assert sorted(found) == list(range(20))


def test_a_vocabulary_keeps_the_most_frequent_words(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label\na a a b b c,0\nB a,1\n")
    words = read_words([str(tmp_path / "t.csv")], str(tmp_path / "v.txt"), words=3)
    assert words.vocabulary == ("<unk>", "a", "b")
    assert words.examples.x[0].tolist() == [1, 1, 1, 2, 2, 0]


def test_words_are_trained_for_and_certified_against_their_synonyms(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts(data.parent)
    Path("synonyms.json").write_text('{"good": ["fine"], "bad": ["dull"], "nowhere": ["dull"]}')
    asked = [
        "train",
        "--text",
        "bad.txt",
        "--text",
        "good.txt",
        "--width",
        "4",
        "--synonyms",
        "synonyms.json",
    ]
    asked += [*SMALL, "--epochs", "14", "--defence", "ibp-vt", "--out", "s.onnx"]
    assert main(asked) == 0
    command = capsys.readouterr().out.split("next: certify ")[1].split()
    assert command[-2:] == ["--words", "s.synonyms.jsonl"]
    assert certify_main([*command, "--method", "interval", "--no-attack", "--json"]) in (0, 4)
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert sum(row["verdict"] == "certified" for row in rows) >= 4
    Path("synonyms.json").write_text('{"good": ["bad"]}')
    assert main([*asked, "--resume"]) == 2
    assert "data" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "[]", '{"good": "fine"}', '{"nowhere": ["else"]}', "{"])
def test_synonyms_that_are_none_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "synonyms.json").write_text(content)
    with pytest.raises(InvalidInput, match="synonyms"):
        read_synonyms(str(tmp_path / "synonyms.json"), ["good", "fine"])
