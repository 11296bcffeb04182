"""Results as tables: CSV that reads back, LaTeX that holds no more than is proved, data frames, short reprs."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import certrnn
from certrnn.cli import certify_main, main
from certrnn.errors import Unsupported
from certrnn.results.comparison import Comparison, Group
from tests.cli.terminal import DIGITS, QUICK, RNN
from tests.report.cases import results, row

ROWS = results(row(0, 0.12349, 0.2), row(3, 0.5, None))


def test_a_csv_file_reads_back_as_the_rows() -> None:
    read = list(csv.DictReader(io.StringIO(ROWS.to_csv())))
    assert [int(one["sample"]) for one in read] == [0, 3]
    assert [float(one["eps_certified"]) for one in read] == [0.12349, 0.5]
    assert [one["eps_attacked"] for one in read] == ["0.2", ""]


def test_latex_rounds_what_is_proved_down_and_escapes() -> None:
    long = results(row(0, 0.123499, 0.200001)).to_latex()
    assert "0.1234 " in long
    assert "0.2001 " in long
    assert r"eps\_certified" in long
    assert long.startswith(r"\begin{tabular}")
    group = Group(results(row(0, 0.1), path="a_b&c%"), "crown")
    assert r"a\_b\&c\%" in Comparison((group,)).to_latex()


def test_reprs_are_short_and_notebooks_get_a_table() -> None:
    assert len(repr(ROWS)) < 120
    assert "2 certified" in repr(ROWS)
    page = ROWS._repr_html_()
    assert page.count("<tr>") == 3
    hostile = results(row(0, 0.1), path="<script>")._repr_html_()
    assert "<script>" not in hostile


def test_data_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    class Frames:
        @staticmethod
        def from_records(records: list[dict[str, object]]) -> list[dict[str, object]]:
            return records

    pandas = ModuleType("pandas")
    pandas.DataFrame = Frames  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    assert [one["sample"] for one in ROWS.to_dataframe()] == [0, 3]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(Unsupported, match="pandas"):
        ROWS.to_dataframe()


def test_attack_results_are_a_sequence() -> None:
    model = certrnn.load(RNN)
    found, _ = model.attack(model.read(DIGITS).take([0, 1]), attack="fgsm", eps=0.3)
    assert [one.sample for one in found] == [0, 1]
    assert found[0] is found.rows[0]
    assert len(found) == 2
    assert found.to_csv().startswith("sample,frames")
    assert "AttackResults" in repr(found)


@pytest.mark.parametrize("kind", ["csv", "tex"])
def test_commands_write_tables(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quick = [*QUICK, "--samples", "0:2", "--no-attack", "--frames", "all"]
    files = [tmp_path / f"{name}.{kind}" for name in ("certify", "curve", "compare")]
    assert certify_main([*quick, "--eps", "0.001", "--out", str(files[0])]) == 0
    assert main(["curve", *quick, "--eps", "0.001,0.01", "--out", str(files[1])]) == 0
    assert main(["compare", *quick, "--methods", "interval,zonotope", "--out", str(files[2])]) == 0
    for file, column in zip(files, ("verdict", "verified", "method"), strict=True):
        assert column in file.read_text("utf-8")


def test_samples_come_in_on_stdin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.zeros((1, 8, 8), dtype=np.float32))
    content = buffer.getvalue()

    class Piped:
        buffer = io.BytesIO(content)

    monkeypatch.setattr("sys.stdin", Piped())
    assert certify_main([RNN, "--data", "-", "--frames", "all", "--eps", "1e-4", "--no-attack"]) == 0
    assert "data: - (sha256" in capsys.readouterr().out


def test_columns_without_room_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    arguments = [*QUICK, "--samples", "0", "--frames", "all", "--eps", "1e-4", "--no-attack"]
    assert certify_main(arguments) == 0
    assert "no room for: label, answer, margin, seconds" in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "160")
    assert certify_main(arguments) == 0
    assert "no room" not in capsys.readouterr().out
