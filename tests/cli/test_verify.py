"""``certrnn verify`` and ``certrnn supports``: what is printed, and the exit codes."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import certrnn
from certrnn.cli import main
from certrnn.runs.store import read_plan
from certrnn.vnnlib.parse import holds, parse
from certrnn.vnnlib.parse.source import Source
from tests.cli.terminal import RNN, one_line
from tests.clock import LATE, Clock
from tests.vnnlib.test_verify import robustness


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for version in (1, 2):
        for name, eps in (("unsat", 0.004), ("sat", 0.4), ("open", 0.07)):
            (tmp_path / f"{name}{version}.vnnlib").write_text(robustness(version, eps))
    return tmp_path


def test_unsat_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(folder / "unsat2.vnnlib"), "--network", f"f={RNN}", "--timeout", "60"]) == 0
    assert capsys.readouterr().out == "unsat\n"


@pytest.mark.parametrize(
    ("options", "seconds"), [([], None), (["--timeout", "60"], math.inf), (["--budget", "5"], 5.0)]
)
def test_workers_branch_as_long_as_the_limit_of_the_whole(
    folder: Path, tmp_path: Path, options: list[str], seconds: float | None
) -> None:
    query = [str(folder / "unsat2.vnnlib"), "--network", f"f={RNN}"]
    assert main(["verify", *query, *options, "--run", str(tmp_path / "run"), "--workers", "1"]) == 0
    assert read_plan(tmp_path / "run").query.budget == seconds


def test_sat_of_version_2_prints_tensors_that_replay(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(folder / "sat2.vnnlib"), "--network", f"f={RNN}"]) == 1
    first, x_line, *lines = capsys.readouterr().out.splitlines()
    assert (first, x_line, lines[64]) == ("sat", "X real [1,8,8]", "Y real [1,10]")
    _check(robustness(2, 0.4), lines[:64], lines[65:])


def test_sat_of_version_1_prints_an_assignment_of_vnn_comp(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", RNN, str(folder / "sat1.vnnlib"), "--timeout", "60"]) == 1
    first, rest = capsys.readouterr().out.split("\n", 1)
    assert first == "sat"
    assert rest.startswith("((X_0 ")
    assert rest.endswith("))\n")
    words = rest.replace("(", " ").replace(")", " ").split()
    assert words[::2] == [f"X_{i}" for i in range(64)] + [f"Y_{j}" for j in range(10)]
    _check(robustness(1, 0.4), words[1::2][:64], words[1::2][64:])


def _check(text: str, x: list[str], y: list[str]) -> None:
    """What is printed satisfies the query exactly, and is what onnxruntime computes."""
    query = parse(Source(Path("q"), text))
    assert holds(query.formula, [Fraction(v) for v in x], [Fraction(v) for v in y])
    inputs = np.array([float(v) for v in x], dtype=np.float32)
    assert [Fraction(float(v)) for v in inputs] == [Fraction(v) for v in x]
    scores = certrnn.load(RNN).network.run_onnxruntime(inputs.reshape(1, 8, 8))[0]
    assert [Fraction(float(v)) for v in scores] == [Fraction(v) for v in y]


def test_json_says_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(folder / "sat2.vnnlib"), "--network", f"f={RNN}", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["answer"] == "sat"
    assert document["model"]["sha256"] == certrnn.load(RNN).sha256
    assert [(a["name"], a["shape"], len(a["values"])) for a in document["assignments"]] == [
        ("X", [1, 8, 8], 64),
        ("Y", [1, 10], 10),
    ]


def test_the_time_limit_is_kept(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock that moves when it is read: once the time is over, nothing begins anew."""
    clock = Clock(step=0.01)
    monkeypatch.setattr("time.perf_counter", clock)
    assert main(["verify", str(folder / "open2.vnnlib"), "--network", f"f={RNN}", "--timeout", "1"]) == 4
    assert capsys.readouterr().out == "timed-out\n"
    assert clock.readings < 1.0 / clock.step + LATE


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["unsat2.vnnlib"], 2),
        (["unsat2.vnnlib", "--network", "f"], 2),
        (["unsat2.vnnlib", "--network", f"g={RNN}"], 2),
        (["unsat2.vnnlib", "--network", f"f={RNN}", "--network", f"g={RNN}"], 2),
        (["unsat2.vnnlib", "--network", f"f={RNN}", "--timeout", "0"], 2),
        (["unsat2.vnnlib", "--network", f"f={RNN}", "--budget", "inf"], 2),
        (["missing.vnnlib", "--network", f"f={RNN}"], 3),
        (["unsat2.vnnlib", "--network", "f=missing.onnx"], 3),
        (["unsat2.vnnlib", "--network", "f=unsat2.vnnlib"], 3),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str],
    code: int,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    assert main(["verify", *arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert one_line(captured.err)


def test_every_capability_is_printed_as_the_standard_asks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["supports", "--json"]) == 0
    every = json.loads(capsys.readouterr().out)
    assert {"onnx-opset-versions", "onnx-element-types", "onnx-operators", "vnnlib-versions"} <= set(every)
    assert sum("theories" in name for name in every) == 5
    for name, lines in every.items():
        assert main(["supports", f"--{name}"]) == 0
        assert capsys.readouterr().out.splitlines() == lines
    assert every["onnx-element-types"] == ["real"]
    assert {"LSTM", "GRU", "RNN", "Softmax"} <= set(every["onnx-operators"])
    assert main(["supports"]) == 0
    assert "hidden-node-theories: NH\n" in capsys.readouterr().out
    assert main(["supports", "--onnx-operators", "--vnnlib-versions"]) == 2
    assert one_line(capsys.readouterr().err)
