"""``certrnn conditions`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from certrnn.cli import main
from tests.io.onnx_models import model, node, saved


@pytest.fixture
def expanding(tmp_path: Path) -> tuple[str, str]:
    """Two units that repel the origin, as a file, and a sequence that stays there."""
    numbers = {
        "W": 0.5 * np.eye(2, dtype=np.float32)[None],
        "R": 2.0 * np.eye(2, dtype=np.float32)[None],
        "zero": np.array([0]),
    }
    nodes = [
        node("Transpose", ["x"], "t", perm=[1, 0, 2]),
        helper.make_node("RNN", ["t", "W", "R"], ["", "last"], name="layer", hidden_size=2),
        node("Squeeze", ["last", "zero"], "scores"),
    ]
    np.savez(tmp_path / "data.npz", x=np.zeros((2, 4, 2)))
    return str(saved(tmp_path, model(nodes, numbers, ["N", "T", 2]))), str(tmp_path / "data.npz")


@pytest.mark.parametrize("columns", [80, 160])
def test_the_table_says_what_holds_without_breaking_a_word(
    expanding: tuple[str, str],
    columns: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["conditions", expanding[0], "--data", expanding[1], "--eps", "0.001", "--samples", "0"]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    rows = [line.split() for line in lines if line.startswith("Theorem 1  ")]
    assert [("holds" in row, "fails" in row) for row in rows] == [(False, True), (True, False)]
    assert "disturbing frame 0 alone makes the error grow" in out
    assert "not sufficient: see the erratum" in out
    assert "sample 0, frames all, eps 0.001, layer layer" in lines
    assert [line for line in lines if line.startswith("Example 1, corrected ")]
    assert not [line for line in lines if "\u2026" in line]


def test_the_document_is_strict_json(expanding: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    given = [
        "conditions",
        expanding[0],
        "--data",
        expanding[1],
        "--eps",
        "0.001,0.1",
        "--frames",
        "each",
        "--json",
    ]
    assert main(given) == 0
    document = json.loads(capsys.readouterr().out, parse_constant=lambda text: pytest.fail(text))
    assert document["semantics"] == "real"
    assert {tuple(row["frames"]) for row in document["rows"]} == {(0,), (1,), (2,), (3,)}
    assert {row["eps"] for row in document["rows"]} == {0.001, 0.1}
    assert {row["sample"] for row in document["rows"]} == {0, 1}
    assert {row["verdict"] for row in document["rows"]} == {"holds", "fails", "cannot tell"}
    promised = [layer["divergence"] for layer in document["layers"] if layer["divergence"]]
    assert promised
    assert all(d["growth"] >= d["certified"] > 1 for d in promised)
    assert all(d["monotone"] for d in promised)
    last = [row for row in document["rows"] if row["frames"] == [3]]
    assert {(row["verdict"], row["at_most"]) for row in last} == {("cannot tell", None)}


def test_real_layers_are_judged(capsys: pytest.CaptureFixture[str]) -> None:
    given = [
        "conditions",
        "example:digits_gru",
        "--data",
        "example:digits",
        "--eps",
        "0.01",
        "--samples",
        "0",
    ]
    assert main([*given, "--frames", "6"]) == 0
    assert "/recurrent/GRU" in capsys.readouterr().out


def test_a_model_without_a_recurrent_node_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["conditions", "example:digits_rnn_dynamo", "--data", "example:digits", "--eps", "0.01"]
    assert main(given) == 3
    error = capsys.readouterr().err
    assert "digits_rnn_dynamo.onnx" in error
    assert "RNN, LSTM or GRU node" in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("eps", ["0", "-1", "nan", "x"])
def test_an_eps_without_sense_is_refused(eps: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conditions", "example:digits_rnn", "--data", "example:digits", f"--eps={eps}"]) == 2
    assert "--eps" in capsys.readouterr().err
