"""A falsified row says what its counterexample changes: in the table, the document, the page and for texts in words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from certrnn.cli import certify_main, main
from certrnn.results.from_json import read_results
from tests.cli.terminal import QUICK
from tests.cli.test_edits import TEXTS, read
from tests.cli.test_texts import VOCABULARY, answered, asked, deployed, folder

__all__ = ["folder"]


def applied(text: str, changed: list[dict[str, object]]) -> list[int]:
    """The numbers of a text after its changes."""
    ids = read(text)
    for one in changed:
        place = int(str(one["frame"]))
        assert text.split()[place] == one["before"]
        ids[place] = VOCABULARY.index(str(one["after"]))
    return ids


def test_changed_words_are_named_and_change_the_answer(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "r.json"
    arguments = asked(folder, "\n".join(TEXTS) + "\n", "--edits", "2", "--out", str(out))
    rows = [row for row in answered(arguments, capsys)["rows"] if row["verdict"] == "falsified"]
    assert len(rows) > 1
    for row in rows:
        text = TEXTS[row["sample"]]
        answers = deployed(folder, [read(text), applied(text, row["changed"])]).argmax(axis=1)
        assert answers[0] != answers[1]
    restored = read_results(str(out))
    assert [[one.as_json() for one in row.changed] for row in restored if row.changed] == [
        row["changed"] for row in rows
    ]
    assert certify_main(arguments) == 1
    one = rows[0]["changed"][0]
    assert f"{one['frame']}: {one['before']} > {one['after']}" in capsys.readouterr().out
    page = folder / "p.html"
    assert main(["report", str(out), "--out", str(page)]) == 0
    assert f"{one['before']} &gt; {one['after']}" in page.read_text("utf-8")


def test_an_attack_prints_texts_with_their_changes_marked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, *more = asked(folder, "\n".join(TEXTS) + "\n", "--edits", "1", "--pad", "left")
    assert main(["attack", model, *more, "--json"]) == 1
    rows = [row for row in json.loads(capsys.readouterr().out)["rows"] if row["verdict"] == "falsified"]
    assert main(["attack", model, *more]) == 1
    shown = capsys.readouterr().out
    for row in rows:
        (one,) = row["changed"]
        words = TEXTS[row["sample"]].split()[:6] if row["sample"] != 2 else TEXTS[2].split()[-6:]
        assert words[one["frame"]] == one["before"]
        marked = [*words[: one["frame"]], f"[{one['before']} > {one['after']}]", *words[one["frame"] + 1 :]]
        assert row["text"] == " ".join(marked)
        assert f"sample {row['sample']}: {row['text']}" in shown


def test_words_of_data_without_a_vocabulary_are_numbers(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(folder / "x.npz", x=np.array([[5, 2, 4, 9, 6, 3]] * 2))
    lines = [
        {"sample": s, "position": t, "substitutes": list(range(2, 10))} for s in range(2) for t in range(6)
    ]
    (folder / "w.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    arguments = [str(folder / "m.onnx"), "--data", str(folder / "x.npz"), "--frames", "all"]
    rows = answered([*arguments, "--words", str(folder / "w.jsonl"), "--method", "interval"], capsys)["rows"]
    (row, _) = rows
    assert row["verdict"] == "falsified"
    assert all(one["before"].startswith("#") and one["after"].startswith("#") for one in row["changed"])


def test_frames_that_move_most_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*QUICK, "--samples", "0", "--frames", "2-7", "--eps", "0.5", "--method", "interval"]
    (row,) = answered(arguments, capsys)["rows"]
    assert row["verdict"] == "falsified"
    moved = [one["by"] for one in row["changed"]]
    assert moved == sorted(moved, reverse=True)
    assert len(moved) == 5
    assert max(moved) <= 0.5
    assert {one["frame"] for one in row["changed"]} <= set(range(2, 8))
    kept = answered([*arguments[:-2], "--eps", "1e-6"], capsys)["rows"][0]
    assert "changed" not in kept
