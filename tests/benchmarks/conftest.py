"""Benchmarks run inside the test's process, which has torch loaded already, as if they were started from a shell."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Iterator

import pytest

Run = Callable[..., object]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a benchmark by name, such as ``deka.mnist``: the exit code, or the line that stands in for it.

    No data is named, and the modules of benchmarks are gone afterwards.
    """
    for name in ("CERTRNN_DATA", "CERTRNN_MODELS", "CERTRNN_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # what some set for good
    before = set(sys.modules)

    def started(script: str, *arguments: str) -> object:
        monkeypatch.setattr(sys, "argv", [script, *arguments])
        with pytest.raises(SystemExit) as stopped:
            runpy.run_module(f"benchmarks.{script}", run_name="__main__")
        return stopped.value.code

    yield started
    for name in set(sys.modules) - before:
        if name.startswith("benchmarks."):
            del sys.modules[name]
