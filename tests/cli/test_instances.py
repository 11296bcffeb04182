"""Lists of instances in one process, time limits that are kept, and inequalities that are strict."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path

import numpy as np
import pytest

from certrnn.cli import main
from certrnn.cli._limits import alarm, process_start
from certrnn.errors import TimedOut
from certrnn.examples import resolve
from tests.cli.terminal import RNN, one_line
from tests.io.onnx_models import model, node, saved
from tests.vnnlib.test_verify import robustness

HEAD = ["onnx", "vnnlib"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A network ``-relu(x0 - 2)`` of one frame with two features in [0, 1]: 0 everywhere."""
    numbers = {"W": np.array([[1.0], [0.0]], dtype=np.float32), "b": np.array([-2.0], dtype=np.float32)}
    nodes = [
        node("MatMul", ["x", "W"], "p"),
        node("Add", ["p", "b"], "z"),
        node("Relu", ["z"], "r"),
        node("Neg", ["r"], "scores"),
    ]
    saved(tmp_path, model(nodes, numbers, ["N", 2]), "zero.onnx")
    for name, sign in (("gt", ">"), ("ge", ">="), ("lt", "<")):
        bounds = "".join(f"(assert (>= X_{i} 0.0))\n(assert (<= X_{i} 1.0))\n" for i in range(2))
        heads = "".join(f"(declare-const {v} Real)\n" for v in ("X_0", "X_1", "Y_0"))
        (tmp_path / f"{name}.vnnlib").write_text(f"{heads}{bounds}(assert ({sign} Y_0 0.0))\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "verdict", "code"), [("gt", "unsat", 0), ("lt", "unsat", 0), ("ge", "sat", 1)]
)
def test_a_strict_inequality_is_refuted_by_equality(
    name: str, verdict: str, code: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query, network = str(folder / f"{name}.vnnlib"), str(folder / "zero.onnx")
    assert main(["verify", network, query, "--timeout", "60"]) == code
    assert capsys.readouterr().out.splitlines()[0] == verdict


def test_a_list_is_answered_line_by_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["zero.onnx,gt.vnnlib,60", "zero.onnx,ge.vnnlib,60", "zero.onnx,nothing.vnnlib,60"]
    (folder / "instances.csv").write_text("\n".join(lines) + "\n")
    out = folder / "results.csv"
    assert main(["verify", str(folder / "instances.csv"), "--out", str(out)]) == 3
    assert "3 instances: 1 unsat, 1 sat, 1 error" in capsys.readouterr().err
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8"))))
    assert [row["result"] for row in rows] == ["unsat", "sat", "error"]
    assert [row["query"] for row in rows] == ["gt.vnnlib", "ge.vnnlib", "nothing.vnnlib"]
    assert "nothing.vnnlib" in rows[2]["reason"]
    assert all(float(row["seconds"]) < 60 for row in rows)
    (folder / "instances.csv").write_text("\n".join(lines[:2]) + "\n")
    assert main(["verify", str(folder / "instances.csv")]) == 0
    assert capsys.readouterr().out.count("zero.onnx") == 2


@pytest.mark.parametrize(
    "content", ["", "a.onnx,b.vnnlib\n", "a.onnx,b.vnnlib,soon\n", "a.onnx,b.vnnlib,0\n"]
)
def test_what_is_no_list_is_refused(content: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "instances.csv").write_text(content)
    assert main(["verify", str(folder / "instances.csv")]) == 3
    assert one_line(capsys.readouterr().err)
    assert main(["verify", str(folder / "zero.onnx"), str(folder / "gt.vnnlib"), "--out", "x.csv"]) == 2


def test_a_limit_is_kept_by_an_alarm(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """Whatever an interrupted library makes of it, the answer is that time was over."""

    def interrupted() -> None:
        try:
            while True:
                pass
        except TimedOut:
            raise RuntimeError("no compiled object yet") from None

    with pytest.raises(TimedOut), alarm(time.perf_counter(), 0.2):
        interrupted()
    with pytest.raises(RuntimeError, match="own"), alarm(time.perf_counter(), 60.0):
        raise RuntimeError("its own")
    assert process_start() <= time.perf_counter()
    (folder / "q.vnnlib").write_text(robustness(2, 0.05))
    assert main(["verify", str(resolve(RNN)), str(folder / "q.vnnlib"), "--timeout", "0.01"]) == 4
    assert capsys.readouterr().out == "timed-out\n"
