"""Benchmarks run inside the test's process, which has torch loaded already, as if they were started from a shell."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Run = Callable[..., object]


@pytest.fixture
def folder() -> Path:
    """Where the scripts lie."""
    return Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a script by name with arguments: the exit code, or the line that stands in for it.

    No data is named, and what a script imports from its folder is gone afterwards.
    """
    for name in ("CERTRNN_DATA", "CERTRNN_MODELS", "CERTRNN_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # what some set for good
    path, before = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(folder))

    def started(script: str, *arguments: str) -> object:
        file = str(folder / f"{script}.py")
        monkeypatch.setattr(sys, "argv", [file, *arguments])
        with pytest.raises(SystemExit) as stopped:
            runpy.run_path(file, run_name="__main__")
        return stopped.value.code

    yield started
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if (folder / f"{name}.py").is_file():
            del sys.modules[name]
