"""The README does what it says: its Python example runs, and CI runs its commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_the_python_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})  # our own text
    out = capsys.readouterr().out
    assert "3 rows: 3 certified" in out
    assert out.count("'certified'") == 3


def test_ci_runs_the_commands_of_the_readme() -> None:
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    main, tests = re.findall(r"^    python3 -m venv .*$", README, re.MULTILINE)
    assert main.split(" && .venv/bin/")[-1] in ci
    assert tests.split(" && .venv/bin/")[-1] in ci


def test_every_option_and_exit_code_is_documented() -> None:
    from certrnn.cli import certify

    options = {f"--{name.replace('_', '-')}" for name in certify.__annotations__}
    options -= {"--model", "--debug", "--version", "--norm", "--return"}
    assert {option for option in options if option not in README} == set()
    assert all(f"| {code} |" in README for code in (0, 1, 2, 3, 4, 130))
