"""``certrnn attack --attack rnn-test`` as a user meets it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from certrnn.cli import main
from tests.cli.terminal import one_line
from tests.cli.test_texts import VOCABULARY, network

DIGITS = ("attack", "example:digits_lstm", "--data", "example:digits", "--samples", "0:4")
SEARCH = (*DIGITS, "--attack", "rnn-test")


@pytest.fixture
def texts(tmp_path: Path) -> tuple[str, ...]:
    model = network(tmp_path, "T")
    (tmp_path / "v.txt").write_text("\n".join(VOCABULARY) + "\n")
    (tmp_path / "t.csv").write_text("text\nthe film was very good\nbad film\n")
    told = ("--text", str(tmp_path / "t.csv"), "--vocab", str(tmp_path / "v.txt"))
    return ("attack", model, *told, "--attack", "rnn-test")


def test_the_changed_word_is_marked_in_its_text(
    texts: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*texts, "--orientation", "none"]) == 0
    shown = capsys.readouterr().out
    assert main([*texts, "--orientation", "none", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    originals = [["the", "film", "was", "very", "good"], ["bad", "film"]]
    for row, words in zip(rows, originals, strict=True):
        before, after = row["spelled"]
        assert words[row["frame"]] == before != after
        assert after == VOCABULARY[row["substitute"]]
        assert row["text"] == [*words[: row["frame"]], after, *words[row["frame"] + 1 :]]
        marked = [*words[: row["frame"]], f"[{before} -> {after}]", *words[row["frame"] + 1 :]]
        assert f"sample {row['sample']}: {' '.join(marked)}" in shown


def test_padding_is_never_put_in(texts: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*texts, "--orientation", "none", "--runs", "40", "--json"]) == 0
    drawn = {row["substitute"] for row in json.loads(capsys.readouterr().out)["rows"]}
    assert drawn == set(range(1, len(VOCABULARY)))  # the entry for unknown words may be


def test_found_inputs_are_written_and_are_samples_like_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found.npz"
    asked = (
        "--orientation",
        "decision",
        "--guide",
        "cs",
        "--clip",
        "0",
        "1",
        "--runs",
        "2",
        "--out",
        str(file),
    )
    assert main([*SEARCH, *asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    with open(tmp_path / "found.csv") as lines:
        table = list(csv.DictReader(lines))
    assert len(table) == len(document["rows"]) == 8
    for line, row in zip(table, document["rows"], strict=True):
        assert (int(line["sample"]), int(line["run"]), int(line["frame"])) == (
            row["sample"],
            row["run"],
            row["frame"],
        )
        assert float(line["l2"]) == row["l2"]
        assert float(line["pp_after"]) == pytest.approx(row["pp_after"])
        assert [float(line[f"coverage {name}"]) for name in document["sections"]] == row["coverage"]
    assert main(["coverage", DIGITS[1], "--data", str(file), "--metrics", "cs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 8
    with np.load(file) as data:
        assert data["x"].min() >= 0
        assert data["x"].max() <= 1


def test_words_of_different_lengths_are_written_with_their_lengths(
    texts: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found.npz"
    assert main([*texts, "--orientation", "none", "--out", str(file)]) == 0
    with np.load(file) as data:
        assert data["lengths"].tolist() == [5, 2]
        assert data["x"].dtype == np.int64
    capsys.readouterr()
    assert main(["coverage", texts[1], "--data", str(file)]) == 0


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_table_or_a_document_alone(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / f"found.{kind}"
    assert main([*SEARCH, "--orientation", "none", "--out", str(file), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    text = file.read_text("utf-8")
    assert json.loads(text) == shown if kind == "json" else len(text.splitlines()) == 5
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_the_table_holds_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SEARCH, "--orientation", "cost", "--runs", "2", "--certify"]) == 0
    shown = capsys.readouterr().out
    for title in ("pp before", "pp_i", "gen_rate", "orient_rate", "suc_rate", "certified eps", "run 1"):
        assert title in shown
    assert "rnn-test: cost" in shown.splitlines()[0]


def test_within_eps_it_is_an_attack_like_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SEARCH, "--eps", "0.9", "--clip", "0", "1", "--json"]) in (1, 4)
    document = json.loads(capsys.readouterr().out)
    assert {row["eps"] for row in document["rows"]} == {0.9}


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ((*DIGITS, "--orientation", "state"), "--attack rnn-test"),
        ((*DIGITS, "--attack", "pgd", "--fill"), "--attack rnn-test"),
        ((*SEARCH, "--eps", "0.1", "--guide", "cs"), "--attack rnn-test"),
        ((*SEARCH, "--orientation", "up"), "--orientation"),
        ((*SEARCH, "--guide", "gate-z"), "--guide"),
        ((*SEARCH, "--scales", "5"), "--scales"),
        ((*SEARCH, "--frames", "0"), "--frames"),
        ((*SEARCH, "--target", "1"), "--target"),
        ((*SEARCH, "--out", "found.txt"), "--out"),
    ],
)
def test_options_without_sense_are_one_line(
    more: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*more]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert one_line(captured.err)
    assert named in captured.err


def test_nothing_found_is_exit_code_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SEARCH, "--scales", "0:1:1"]) == 4
    assert "nothing found" in capsys.readouterr().out
