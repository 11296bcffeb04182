"""Every benchmark explains itself, and says in a line what it misses where there is no data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
SCRIPTS = [
    f"{path.parent.name}.{path.stem}"
    for path in sorted(FOLDER.rglob("*.py"))
    if "__main__" in (text := path.read_text("utf-8")) and "sys.argv[" not in text
]
"""Without those that another script starts in a Python of its own."""
NEEDY: dict[str, tuple[str, ...]] = {
    "attacks.oracles": (),
    "attacks.pgd": (),
    "deka.activity": (),
    "deka.mnist": (),
    "deka.reviews": (),
    "cert_rnn.paper": ("table2", "--cache", "nowhere"),
    "popqorn.original": (),
    "precision.methods": (),
    "attacks.squared_error": (),
    "cert_rnn.words": ("--cache", "nowhere"),
    "rnn_test.guidance": (),
    "rnn_test.language_model": (),
    "rnn_test.selection": (),
    "rnn_test.table1": (),
    "rnn_test.table4": (),
    "rnn_test.table7": (),
    "speed.zonotope": ("precision",),
}
"""Scripts that read real data, and how they are called."""

Run = Callable[..., object]


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_explains_itself(script: str, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(script, "--help") == 0
    assert "usage:" in capsys.readouterr().out


@pytest.mark.parametrize("script", NEEDY)
def test_it_says_what_is_missing(script: str, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(script, *NEEDY[script])
    said = code if isinstance(code, str) else capsys.readouterr().err
    lines = [
        line for line in said.splitlines() if not line.startswith(("usage:", " "))
    ]  # argparse's reminder
    assert code not in (0, None)
    assert len(lines) == 1
    assert "--data" in lines[0] or "--models" in lines[0]


def test_an_incomplete_folder_is_named_file_by_file(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("models", "--data", str(tmp_path), "--cache", str(tmp_path / "cache"), "--only", "URL")
    assert run("cert_rnn.paper", *asked) == 2
    assert f"missing in {tmp_path}: urls/urls.csv.gz" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "cache").exists()
