"""``certrnn coverage`` as a user meets it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from certrnn.cli import main
from certrnn.cli.guide import read
from tests.cli.terminal import one_line
from tests.cli.test_texts import VOCABULARY, network

DIGITS = ("coverage", "example:digits_lstm", "--data", "example:digits")


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_guide_shows_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    text = read("coverage")
    (command,) = re.findall(r"^    certrnn (coverage .*)$", text, re.MULTILINE)
    shown = re.findall(r"prints:\n\n```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[0]
    assert main(command.split()) == 0
    assert capsys.readouterr().out == shown


def test_a_row_for_each_section_and_its_curve(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, *DIGITS, "--samples", "0:4", "--metrics", "cs,dx")
    assert [(row["metric"], row["section"]) for row in found["rows"]] == [
        *(("cs", section) for section in ("[-1,-0.8]", "[-0.8,-0.2]", "[-0.2,0.2]", "[0.2,0.8]", "[0.8,1]")),
        ("dx", None),
    ]
    for row in found["rows"]:
        counts, shares = zip(*row["curve"], strict=True)
        assert counts == (1, 2, 3, 4)
        assert list(shares) == sorted(shares)
        assert shares[-1] == row["coverage"]
        assert row["pairs"] == 8 * 32
    covered = sum(row["coverage"] for row in found["rows"][:5])
    assert covered >= 1  # every cell state lies in a section
    assert found["options"]["sections"] == "paper"
    assert found["question"]["data"]["samples"] == "0:4"


def test_samples_set_beside_and_both_together(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = np.load(Path(str(_resolved("example:digits"))))["x"]
    parts = {"a": data[:3], "b": data[3:8], "both": data[:8]}
    for name, x in parts.items():
        np.savez(tmp_path / f"{name}.npz", x=x)
    files = {name: str(tmp_path / f"{name}.npz") for name in parts}

    def shares(name: str, *more: str) -> dict[str, Any]:
        rows = document(capsys, DIGITS[0], DIGITS[1], "--data", files[name], *more)["rows"]
        return {f"{row['metric']} {row['section']}": row for row in rows}

    beside = shares("a", "--beside", files["b"])
    alone, second, whole = (shares(name) for name in ("a", "b", "both"))
    for key, row in beside.items():
        assert row["coverage"] == alone[key]["coverage"]
        assert row["beside"] == second[key]["coverage"]
        assert row["together"] == whole[key]["coverage"]
    assert any(row["together"] > max(row["beside"], row["coverage"]) for row in beside.values())


def _resolved(name: str) -> object:
    from certrnn.examples import resolve

    return resolve(name)


def test_files_hold_the_picture_and_the_document(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = [str(tmp_path / f"curve.{kind}") for kind in ("png", "svg", "json")]
    outs = [word for file in files for word in ("--out", file)]
    shown = document(capsys, *DIGITS, "--samples", "0:3", *outs)
    png, svg, text = (Path(file).read_bytes() for file in files)
    assert png.startswith(b"\x89PNG")
    assert svg.startswith(b"<?xml")
    assert all(name in svg.decode() for name in ("hs", "cs", "gate-o", "[0.9,1]"))
    assert json.loads(text) == shown


def test_texts_of_different_lengths(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A network that takes any number of words: the last steps belong to the longest text alone."""
    model = network(tmp_path, "T")
    (tmp_path / "v.txt").write_text("\n".join(VOCABULARY) + "\n")
    (tmp_path / "t.txt").write_text("the film was good\nbad\n")
    (tmp_path / "u.txt").write_text("not very good a\n")
    asked = ("--vocab", str(tmp_path / "v.txt"), "--metrics", "dx,hs")
    found = document(capsys, "coverage", model, "--text", str(tmp_path / "t.txt"), *asked)
    assert [row["pairs"] for row in found["rows"]] == [4 * 4] * 2
    hs = next(row for row in found["rows"] if row["metric"] == "hs")
    assert (
        4 / 16 <= hs["coverage"] <= 5 / 16
    )  # one unit a step, and maybe another of the second text's only one
    beside = ("--beside", str(tmp_path / "u.txt"))
    assert document(capsys, "coverage", model, "--text", str(tmp_path / "t.txt"), *asked, *beside)[
        "beside"
    ] == {
        "name": str(tmp_path / "u.txt"),
        "samples": 1,
    }


@pytest.mark.parametrize(
    ("more", "code", "named"),
    [
        (("--metrics", "hs,neurons"), 2, "a metric is one of hs"),
        (("--metrics", "gate-z"), 2, "LSTM layers"),
        (("--metrics", "hs,gate-z"), 2, "LSTM layers"),
        (("--threshold", "2"), 2, "--threshold"),
        (("--sections", "wide"), 2, "--sections"),
        (("--gates", "halves"), 2, "--gates"),
        (("--out", "curve.gif"), 2, "--out"),
        (("--beside", "nowhere.npz"), 3, "nowhere.npz"),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    more: tuple[str, ...], code: int, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*DIGITS, "--samples", "0:2", *more]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert one_line(captured.err)
    assert named in captured.err


def test_gate_asks_for_the_gates_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    gru = document(capsys, "coverage", "example:digits_gru", "--data", "example:digits", "--metrics", "gate")
    assert {row["metric"] for row in gru["rows"]} == {"gate-z", "gate-r", "gate-n"}
    assert main(["coverage", "example:digits_rnn", "--data", "example:digits", "--metrics", "gate"]) == 2
    assert "RNN layers" in capsys.readouterr().err


def test_a_unit_that_never_moves_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Of the identity without recurrence, unit 1 is the largest nowhere."""
    from onnx import helper

    from tests.io.onnx_models import model, node, saved

    numbers = {
        "W": np.eye(3, dtype=np.float32)[None],
        "R": np.zeros((1, 3, 3), dtype=np.float32),
        "zero": np.array([0]),
    }
    nodes = [
        node("Transpose", ["x"], "t", perm=[1, 0, 2]),
        helper.make_node("RNN", ["t", "W", "R"], ["", "last"], name="layer", hidden_size=3),
        node("Squeeze", ["last", "zero"], "scores"),
    ]
    x = np.zeros((2, 2, 3))
    x[0, :, 0], x[1, 0, 2], x[1, 1, 0] = 1, 1, 1
    np.savez(tmp_path / "d.npz", x=x)
    asked = ("coverage", str(saved(tmp_path, model(nodes, numbers, ["N", "T", 3]))))
    (row,) = document(capsys, *asked, "--data", str(tmp_path / "d.npz"), "--metrics", "hs")["rows"]
    assert row["never"] == [{"layer": "layer", "units": [1]}]
    assert row["coverage"] == pytest.approx(3 / 6)
    assert row["curve"] == [[1, pytest.approx(2 / 6)], [2, pytest.approx(3 / 6)]]
