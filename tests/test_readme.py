"""README does what it says: its commands and its Python example run, its first output is real, CI runs its set-up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from certrnn.certification.methods import METHODS
from certrnn.cli import certify_main
from certrnn.cli.guide import FOLDER
from tests.documents import README as PATH
from tests.documents import ROOT, furnish, perform, pieces

README = PATH.read_text("utf-8")
LONGEST = 120
PICTURE = 100_000
"""Bytes of a picture, at most."""


def set_up() -> tuple[str, str]:
    main, tests = re.findall(r"^    python3 -m venv .*$", README, re.MULTILINE)
    return main.split(" && .venv/bin/")[-1], tests.split(" && .venv/bin/")[-1]


def table(text: str) -> list[list[str]]:
    """The rows of a printed table: what stands in each column, but for a method that some rows have."""
    rows = [line.split() for line in text.splitlines() if re.match(r" +\d+ +all ", line)]
    return [[cell for cell in row if cell not in METHODS] for row in rows]


def test_ci_runs_the_commands_of_the_readme() -> None:
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    assert all(command in ci for command in set_up())


def test_its_commands_and_its_python_example_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    kinds = []
    for kind, text in pieces(README):
        perform(kind, text, {})
        kinds.append(kind)
    assert kinds.count("python") == 1
    assert kinds.count("command") > 0
    out = capsys.readouterr().out
    assert "3 rows: 3 certified" in out
    assert out.count("'certified'") == 3


def test_its_first_output_is_what_the_first_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """Up to what another processor, or less time, changes: which methods were fast enough, and what they certify more
    than the zonotope does."""
    (shown,) = re.findall(r"^```\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    program, *arguments = set_up()[0].split()
    assert program == "certify"
    assert certify_main(arguments) == 0
    printed = capsys.readouterr().out
    assert shown.splitlines()[0].split(", ")[:2] == printed.splitlines()[0].split(", ")[:2]
    assert shown.splitlines()[-2:] == printed.splitlines()[-2:]
    assert certify_main([*arguments, "--method", "zonotope", "--no-attack"]) == 0
    alone = table(capsys.readouterr().out)
    rows = list(zip(table(shown), table(printed), alone, strict=True))
    assert len(rows) == 10
    for ours, theirs, least in rows:
        assert ours[:5] == theirs[:5]
        assert min(float(ours[5]), float(theirs[5])) >= 0.98 * float(least[5])
        assert float(ours[6]) == pytest.approx(float(theirs[6]), rel=0.2)


def test_the_exit_codes_stand_in_the_readme() -> None:
    assert all(f"| {code} |" in README for code in (0, 1, 2, 3, 4, 130))


def test_it_is_short_and_its_pictures_are_small() -> None:
    assert len(README.splitlines()) <= LONGEST
    assert all(path.stat().st_size <= PICTURE for path in FOLDER.glob("*.[ps][nv]g"))
    assert "![" in README


def test_its_figures_stand_in_the_file_that_it_names() -> None:
    """Every share and time of the comparison is a number of that file, as it stands there or with one digit more."""
    (name,) = re.findall(r"`(benchmarks/precision/results/\S+\.md)`", README)
    measured = set(re.findall(r"\d+\.\d+", (ROOT / name).read_text("utf-8")))
    section = README.split("## Beside its peers")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    figures = {figure for row in rows for figure in re.findall(r"\d+\.\d+", row)}
    assert len(rows) >= 6
    assert figures <= measured
