"""Kernels of one factory stay apart, whichever process compiled which of them first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KERNELS = """
from transformers_abs import compilation

{planted}
def made(k):
    @compilation.kernel
    def plus(x):
        return x + k
    return plus

one, two = made(1.0), made(2.0)

@compilation.kernel
def both(x):
    return 100.0 * one(x) + two(x)
"""
COUNTED_ALIKE = "import itertools; compilation.FunctionIdentity._unique_ids = itertools.count(1)"
NAMED_ALIKE = "compilation._name_apart = lambda function: None"


def said(folder: Path, program: str) -> str:
    """What a process of its own prints that finds the kernels, and their cache, in a folder."""
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(folder / "cache"),
        "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT))),
    }
    done = subprocess.run(
        [sys.executable, "-c", f"import kernels; {program}"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def linked(folder: Path, planted: str) -> str:
    """Two kernels called by a third, where a process before had compiled the first of them, and this the second."""
    (folder / "kernels.py").write_text(KERNELS.format(planted=planted))
    assert said(folder, "print(kernels.one(0.0))") == "1.0"
    return said(folder, "print(kernels.two(0.0), kernels.both(0.0))")


@pytest.mark.parametrize("planted", ["", COUNTED_ALIKE, NAMED_ALIKE], ids=["both", "by name", "by number"])
def test_a_kernel_from_the_cache_is_not_taken_for_another(tmp_path: Path, planted: str) -> None:
    """Names hold what kernels were made with, and processes count apart: each is enough."""
    assert linked(tmp_path, planted) == "2.0 102.0"


def test_kernels_that_are_named_and_counted_alike_are_mistaken(tmp_path: Path) -> None:
    """The error that is guarded against is one: without both guards the wrong kernel is called."""
    assert linked(tmp_path, f"{COUNTED_ALIKE}\n{NAMED_ALIKE}\n") != "2.0 102.0"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_fork_counts_apart(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text("from transformers_abs import compilation")
    program = (
        "import os; from numba.core.bytecode import FunctionIdentity as F; pid = os.fork(); "
        "pid and os.waitpid(pid, 0); print(next(F._unique_ids))"
    )
    numbers = said(tmp_path, program).split()
    assert len(numbers) == 2
    assert abs(int(numbers[0]) - int(numbers[1])) > 1 << 20
