"""Runs from the command line: killed, interrupted, resumed, cut in shards and merged."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from certrnn.cli import certify_main, main
from tests.cli.terminal import QUICK, messages, one_line

ROOT = Path(__file__).resolve().parents[2]
CHEAP = [*QUICK, "--method", "zonotope", "--no-attack", "--eps", "0.001,0.5"]
"""Answered by the compiled pass, row by row: identical in every batch and process, see ``tests/runs/light.py``."""


def rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in document["rows"]]


def document(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> dict[str, Any]:
    command = main if arguments[0] in ("resume", "merge") else certify_main
    assert command([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_run_in_a_folder_prints_what_a_plain_one_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*CHEAP, "--samples", "0:4"]
    plain = document(capsys, 4, *arguments)
    kept = document(capsys, 4, *arguments, "--run", str(tmp_path / "run"))
    again = document(capsys, 4, *arguments, "--run", str(tmp_path / "run"))
    resumed = document(capsys, 4, "resume", str(tmp_path / "run"))
    assert rows(plain) == rows(kept)
    assert kept == again == resumed
    assert {k: v for k, v in plain.items() if k != "rows"} == {k: v for k, v in kept.items() if k != "rows"}


def test_a_curve_in_a_folder_is_the_plain_one_and_is_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def curve(*arguments: str) -> dict[str, Any]:
        assert main([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    folder = str(tmp_path / "run")
    asked = ["curve", *QUICK, "--samples", "0:3", "--eps", "0:0.02:3", "--method", "zonotope", "--no-attack"]
    plain = curve(*asked)
    kept = curve(*asked, "--run", folder, "--workers", "1")
    resumed = curve("resume", folder)
    assert rows(plain) == rows(kept) == rows(resumed)
    assert plain["curve"] == kept["curve"] == resumed["curve"]
    assert main([*asked[:-4], "0:0.04:3", *asked[-3:], "--run", folder]) == 2
    assert "another" in capsys.readouterr().err


def test_shards_merge_into_the_whole_and_what_is_missing_is_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*CHEAP, "--samples", "0:4", "--task", "2"]
    whole = document(capsys, 4, *arguments, "--run", str(tmp_path / "whole"))
    for shard in "123":
        part = document(capsys, 4, *arguments, "--run", str(tmp_path / shard), "--shard", f"{shard}/3")
        assert any(f"shard {shard}/3" in note for note in part["notes"])
        assert not any("stopped early" in note for note in part["notes"])
    folders = [str(tmp_path / shard) for shard in "12"]
    partly = document(capsys, 4, "merge", *folders, "--into", str(tmp_path / "partly"))
    assert any("stopped early" in note for note in partly["notes"])
    assert rows(document(capsys, 4, "resume", str(tmp_path / "partly"))) == rows(whole)
    folders += [str(tmp_path / "3"), str(tmp_path / "1")]
    merged = document(capsys, 4, "merge", *folders, "--into", str(tmp_path / "merged"))
    assert rows(merged) == rows(whole)
    assert merged["notes"] == whole["notes"]


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "certrnn", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def when_begun(process: subprocess.Popen[str], folder: Path, size: int) -> None:
    """Wait until the run's journal has grown to ``size`` bytes."""
    journal = folder / "journal"
    deadline = time.monotonic() + 200
    while not (journal.exists() and journal.stat().st_size >= size):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_killed_interrupted_and_resumed_it_comes_to_the_same_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*QUICK, "--samples", "0:24", "--task", "1", "--no-attack", "--eps", "0.001,0.02"]
    folder = tmp_path / "run"
    killed = started("certify", *arguments, "--run", str(folder))
    when_begun(killed, folder, 500)
    killed.kill()
    killed.communicate()
    interrupted = started("certify", *arguments, "--run", str(folder))
    when_begun(interrupted, folder, (folder / "journal").stat().st_size + 500)
    refused = certify_main([*arguments, "--run", str(folder)])
    assert refused == 2
    assert f"process {interrupted.pid} on" in capsys.readouterr().err
    interrupted.send_signal(signal.SIGINT)
    out, errors = interrupted.communicate(timeout=120)
    assert interrupted.returncode == 130
    assert f"go on with: certrnn resume {folder}" in errors
    assert "Traceback" not in errors
    assert "stopped early" in out
    held = (folder / "journal").read_bytes()
    resumed = document(capsys, 0, "resume", str(folder))
    whole = document(capsys, 0, *arguments, "--run", str(tmp_path / "whole"))
    assert rows(resumed) == rows(whole)
    assert held.count(b"\n") < len(whole["rows"])
    assert not (folder / "journal").exists()


def test_another_question_or_a_full_folder_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "run")
    arguments = [*CHEAP, "--samples", "0", "--run", folder]
    certify_main(arguments)
    capsys.readouterr()
    cases = [
        [*arguments, "--clip", "0", "1"],
        [*arguments, "--samples", "1"],
        [*arguments, "--task", "3"],
        [*CHEAP, "--run", str(ROOT / "certrnn")],
        [*CHEAP, "--run", str(ROOT / "README.md")],
        [*CHEAP, "--shard", "1/2"],
        [*arguments, "--shard", "3/2"],
        [*arguments, "--shard", "half"],
        [*arguments, "--executor", "cloud"],
        [*arguments, "--executor", "in-process", "--time-limit", "1"],
    ]
    for case in cases:
        assert certify_main(case) == 2, case
        out, err = capsys.readouterr()
        assert out == ""
        assert one_line(err), (case, err)
    assert not (ROOT / "certrnn" / "lock").exists()


def test_a_folder_without_a_run_and_a_damaged_one_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resume", str(tmp_path)]) == 2
    assert main(["merge", str(tmp_path), "--into", str(tmp_path / "all")]) == 2
    folder = tmp_path / "run"
    certify_main([*CHEAP, "--samples", "0", "--run", str(folder)])
    (folder / "rows.parquet").write_bytes((folder / "rows.parquet").read_bytes()[:-9])
    assert main(["resume", str(folder)]) == 3
    (folder / "plan.json").write_text((folder / "plan.json").read_text()[:-9])
    assert main(["resume", str(folder)]) == 3
    errors = messages(capsys.readouterr().err)
    assert len(errors) == 4
    assert not any("internal error" in line for line in errors)


def test_folders_that_disagree_are_not_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b, c = (str(tmp_path / name) for name in "abc")
    certify_main([*CHEAP, "--samples", "0", "--run", a])
    certify_main([*CHEAP, "--samples", "1", "--run", b])
    capsys.readouterr()
    assert main(["merge", a, b, "--into", c]) == 2
    assert "the same" in capsys.readouterr().err
    assert main(["merge", a, "--into", a]) == 2


def test_a_run_is_resumed_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from certrnn.examples import path

    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "m.onnx").write_bytes(path("digits_rnn").read_bytes())
    monkeypatch.chdir(tmp_path / "here")
    arguments = ["m.onnx", *CHEAP[1:], "--samples", "0", "--run", "run", "--shard", "1/2"]
    first = document(capsys, 0, *arguments)
    monkeypatch.chdir(tmp_path)
    assert document(capsys, 0, "resume", "here/run") == first
    assert Path.cwd() == tmp_path / "here"
    os.remove("m.onnx")
    monkeypatch.chdir(tmp_path)
    assert main(["resume", "here/run"]) == 3
