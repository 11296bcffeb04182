"""certify --certificates and certrnn check, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from certrnn.cli import certify_main, main

ASKED = ["example:digits_rnn", "--data", "example:digits", "--eps", "0.01", "--samples", "0:2", "--no-attack"]
CHECKED = ["--model", "example:digits_rnn", "--data", "example:digits"]


def write(folder: Path, *more: str) -> int:
    return certify_main(
        [*ASKED, "--frames", "0", "--method", "zonotope", "--certificates", str(folder), *more]
    )


def test_every_row_gets_a_file_and_check_confirms_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write(tmp_path / "c") == 0
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == [
        f"sample-{k}-frames-0-eps-0.01.certificate.npz" for k in (0, 1)
    ]
    capsys.readouterr()
    assert main(["check", str(tmp_path / "c"), *CHECKED]) == 0
    out = capsys.readouterr().out
    assert "confirmed  sample 0, frames 0, eps 0.01: label 7" in out
    assert "2 of 2 certificates confirmed" in out
    assert main(["check", str(tmp_path / "c"), *CHECKED, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["confirmed"], found["rejected"]) == (2, 0)
    assert found["certificates"][1]["claim"]["threat"] == {
        "norm": "inf",
        "eps": "0.01",
        "joint": False,
        "radii": None,
    }
    assert found["certificates"][1]["margin"] > 0


def test_one_that_is_rejected_is_told_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "c")
    path = next((tmp_path / "c").iterdir())
    path.write_bytes(path.read_bytes()[:100])
    capsys.readouterr()
    assert main(["check", str(tmp_path / "c"), *CHECKED]) == 1
    out = capsys.readouterr().out
    assert f"rejected  {path.name}: the file is whole" in out
    assert "1 of 2 certificates confirmed" in out


def test_another_model_confirms_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "c")
    other = ["--model", "example:digits_gru", "--data", "example:digits"]
    assert main(["check", str(tmp_path / "c"), *other]) == 1
    assert "the certificate is about this model" in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["folder", "model", "data"])
def test_what_cannot_be_read_is_one_error(
    missing: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "c")
    capsys.readouterr()
    given = {"folder": str(tmp_path / "c"), "model": "example:digits_rnn", "data": "example:digits"}
    given[missing] = str(tmp_path / "nothing")
    assert main(["check", given["folder"], "--model", given["model"], "--data", given["data"]]) == 3
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--method", "joint"], "joint"),
        (["--method", "bab"], "bab"),
    ],
)
def test_what_has_no_certificate_is_refused_by_name_before_any_work(
    more: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = certify_main([*ASKED, "--certificates", str(tmp_path / "c"), *more])
    out, err = capsys.readouterr()
    assert code == 3
    assert "--certificates" in err
    assert named in err
    assert out == ""
    assert not (tmp_path / "c").exists()


def test_other_data_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "one.npz"
    np.savez(
        path, x=np.zeros((1, 8, 8), dtype=np.float32), y=np.zeros(1, dtype=np.int64), lengths=np.array([4])
    )
    asked = [
        "example:digits_rnn",
        "--data",
        str(path),
        "--method",
        "zonotope",
        "--certificates",
        str(tmp_path / "c"),
    ]
    assert certify_main(asked) == 3
    assert "padding" in capsys.readouterr().err


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert write(tmp_path) == 2
    assert "notes.txt" in capsys.readouterr().err


def test_a_run_that_is_resumed_writes_the_same_certificates(tmp_path: Path) -> None:
    more = ["--run", str(tmp_path / "run")]
    assert write(tmp_path / "c", *more) == 0
    before = {p.name: p.read_bytes() for p in (tmp_path / "c").iterdir()}
    assert main(["resume", str(tmp_path / "run")]) == 0
    assert {p.name for p in (tmp_path / "c").iterdir()} == set(before)
    assert main(["check", str(tmp_path / "c"), *CHECKED]) == 0
