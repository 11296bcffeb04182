"""Experiments of training run in seconds with --quick, and print the table that they are for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Run = Callable[..., object]


def table(text: str) -> list[list[str]]:
    """Rows of a printed table, its heading left out."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines[1:]]


def test_steps(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("training.steps", "--quick") == 0
    rows = table(capsys.readouterr().out)
    assert [row[1] for row in rows] == ["none", "ibp-vt", "cert-rnn-vt, memory 1"]


def test_table7(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("training.table7", "--quick", "--cache", str(tmp_path)) == 0
    rows = table(capsys.readouterr().out)
    assert [row[1] for row in rows] == ["Original", "IBP-VT", "Cert-RNN-VT"]
    assert all(np.isfinite(float(row[2])) for row in rows)
    assert run("training.table7", "--quick", "--cache", str(tmp_path)) == 0
    again = capsys.readouterr()
    assert table(again.out) == rows
    assert "trained" not in again.err


def test_contraction(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("training.contraction", "--quick") == 0
    rows = table(capsys.readouterr().out)
    assert [row[0] for row in rows] == ["none", "expand"]
    assert float(rows[1][3]) < float(rows[0][3])


def test_distillation(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("training.distillation", "--quick") == 0
    rows = table(capsys.readouterr().out)
    assert [row[0] for row in rows] == ["1", "40"]
    assert float(rows[1][2]) > 1.5 * float(rows[0][2])  # margins grow with the temperature


def test_defences(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("training.defences", "--quick", "--cache", str(tmp_path)) == 0
    rows = table(capsys.readouterr().out)
    assert len(rows) == 8
    for row in rows:
        fgsm, pgd, verified = (float(share.split()[0]) for share in row[4:7])
        assert verified <= min(fgsm, pgd)  # what is proved no attack contradicts


def test_mnist(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("training.mnist", "--quick", "--model", str(tmp_path / "m.onnx")) == 0
    rows = table(capsys.readouterr().out)
    assert [row[3] for row in rows] == ["interval", "zonotope"]
    assert float(rows[0][1].split()[0]) > 50.0


def test_synonyms(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("training.synonyms", "--quick") == 0
    rows = table(capsys.readouterr().out)
    assert [row[1] for row in rows] == ["none", "ibp-vt"]


@pytest.mark.parametrize("script", ["table7", "defences", "mnist", "synonyms"])
def test_data_that_is_missing_is_named(script: str, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"training.{script}") == 2
    assert "--data" in capsys.readouterr().err.splitlines()[-1]


def test_thresholding(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("training.thresholding", "--quick") == 0
    rows = table(capsys.readouterr().out)
    assert [row[0] for row in rows] == [
        name for name in ("as it is", "threshold in front", "trained behind it") for _ in range(2)
    ]
    shares = np.array([[float(cell.rstrip(" %")) for cell in row[3:]] for row in rows])
    assert (shares[:, 1] + shares[:, 2] <= 100.0).all()
    assert shares[2:, 2].max() > 0.0
