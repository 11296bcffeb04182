"""The command as a process of its own: pipes, signals, colours, tracebacks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.terminal import DIGITS, QUICK, messages, one_line


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "certrnn", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=environment, **options
    )


def test_debug_shows_the_traceback() -> None:
    done = run("certify", "missing.onnx", "--data", DIGITS, "--debug")
    assert "Traceback" in done.stderr
    assert "missing.onnx" in done.stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [
        sys.executable,
        "-m",
        "certrnn",
        "certify",
        *QUICK,
        "--samples",
        "0",
        "--eps",
        "0.001",
        "--method",
        "zonotope",
    ]
    for extra in ([], ["--json"]):
        done = subprocess.run(
            [*command, *extra], stdout=write, stderr=subprocess.PIPE, text=True, check=False
        )
        assert done.returncode == 0
        assert messages(done.stderr) == []
    os.close(write)


def test_colours_only_where_they_are_wanted() -> None:
    arguments = ["certify", *QUICK, "--samples", "0", "--eps", "0.001", "--method", "zonotope"]
    forced = subprocess.run(
        [sys.executable, "-m", "certrnn", *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "FORCE_COLOR": "1"},
    )
    assert "\x1b[32mcertified" in forced.stdout
    plain = run(*arguments)
    assert "\x1b" not in plain.stdout


def test_an_interrupt_keeps_what_is_finished(tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    program = (
        "import sys, _thread; from certrnn.runs import loop; from certrnn.cli import certify_main\n"
        "answered = loop.answer_here\n"
        "def three(*arguments):\n"
        "    for number, rows in enumerate(answered(*arguments)):\n"
        "        if number == 3: raise KeyboardInterrupt\n"
        "        yield rows\n"
        "loop.answer_here = three\n"
        "sys.exit(certify_main(sys.argv[1:]))"
    )
    arguments = [
        *QUICK,
        "--method",
        "zonotope",
        "--samples",
        "0:2",
        "--no-attack",
        "--eps",
        "0.001",
        "--json",
        "--out",
        str(out),
    ]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    document = json.loads(done.stdout)
    assert done.returncode == 130
    assert len(document["rows"]) == 6
    assert document["notes"] == ["stopped early: 6 of 16 rows are finished"]
    assert json.loads(out.read_text()) == document
    assert one_line(done.stderr)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_with_130_at_any_time() -> None:
    program = (
        "from certrnn.cli import certify_main; print('begun', flush=True); raise SystemExit(certify_main())"
    )
    command = [sys.executable, "-c", program, "example:digits_lstm", "--data", "example:digits_heldout"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a suite that runs in the background of a shell ignores the signal, and its children would inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(2)  # wherever it is then, while it imports or while it works: the answer is the same
    process.send_signal(signal.SIGINT)
    try:
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "interrupted" in errors


LOADING = """
import os, signal, sys
from certrnn.cli import certify_main

class Finder:
    def find_spec(self, name, path, target=None):
        if name == "torch._C":
            os.kill(os.getpid(), signal.{signal})
        return None

sys.meta_path.insert(0, Finder())
code = certify_main(["example:digits_rnn", "--data", "example:digits", "--samples", "0", "--frames", "all"])
print(hasattr(sys.modules["torch"], "nn"))
raise SystemExit(code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupt_while_libraries_load_waits_until_they_are_loaded(name: str) -> None:
    """In the middle of a C++ module's initialisation an exception would crash the process."""
    program = LOADING.format(signal=name)
    # a suite in the background of a shell ignores SIGINT, and so would its children
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert (done.returncode, done.stdout) == (130, "True\n")
    assert "interrupted" in done.stderr
    assert one_line(done.stderr)


def test_a_table_in_a_pipe_is_wide_unless_columns_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = (
        "certify",
        *QUICK,
        "--samples",
        "0",
        "--frames",
        "0",
        "--eps",
        "0.001",
        "--method",
        "interval",
    )
    monkeypatch.delenv("COLUMNS")
    wide = run(*arguments).stdout.splitlines()
    monkeypatch.setenv("COLUMNS", "40")
    narrow = run(*arguments).stdout.splitlines()
    assert "seconds" in wide[1]
    assert len(narrow[1]) <= 40 < len(wide[1])
