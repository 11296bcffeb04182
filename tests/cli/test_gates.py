"""Gates of pipelines: what falls short is said, row by row; shares are demanded; servers get files they know."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from certrnn.cli import certify_main, main
from tests.cli.terminal import QUICK
from tests.cli.test_texts import answered

CHEAP = ["--method", "zonotope", "--no-attack"]


def test_rows_below_the_eps_are_named_with_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*QUICK, *CHEAP, "--samples", "0:2", "--frames", "0"]
    found = {row["sample"]: row["eps_certified"] for row in answered(arguments, capsys)["rows"]}
    low, high = sorted(found.values())
    gate = (low + high) / 2
    assert certify_main([*arguments, "--fail-under", str(gate), "--junit", str(tmp_path / "j.xml")]) == 1
    weak = min(found, key=lambda sample: found[sample])
    said = [line for line in capsys.readouterr().err.splitlines() if "below" in line]
    assert len(said) == 1
    assert said[0].startswith(f"certify: sample {weak}, frames 0: certified eps {low:.3f}"[:45])
    cases = list(ElementTree.parse(tmp_path / "j.xml").iter("testcase"))
    failed = [case.get("name") for case in cases if case.find("failure") is not None]
    assert failed == [f"sample {weak}, frames 0"]
    assert certify_main([*arguments, "--fail-under", str(low)]) == 0


def test_a_share_is_demanded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*QUICK, *CHEAP, "--samples", "0:8", "--frames", "all", "--eps", "0.03"]
    rows = answered(arguments, capsys)["rows"]
    good = sum(row["verdict"] == "certified" for row in rows)
    assert 0 < good < 8
    files = ["--junit", str(tmp_path / "j.xml"), "--sarif", str(tmp_path / "s.sarif")]
    assert certify_main([*arguments, "--fail-under-accuracy", repr(good / 8), *files]) == 0
    assert not json.loads((tmp_path / "s.sarif").read_text("utf-8"))["runs"][0]["results"]
    suite = ElementTree.parse(tmp_path / "j.xml").find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("9", "0")
    capsys.readouterr()
    assert certify_main([*arguments, "--fail-under-accuracy", str(good / 8 + 0.1), *files]) == 1
    assert f"({good} of 8), below" in capsys.readouterr().err
    (finding,) = json.loads((tmp_path / "s.sarif").read_text("utf-8"))["runs"][0]["results"]
    assert finding["ruleId"] == "share"
    assert "1 sample more would do" in finding["message"]["text"]


def test_a_curve_takes_a_share_too(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["curve", *QUICK, "--no-attack", "--samples", "0:4", "--eps", "0.001,0.5"]
    assert main([*arguments, "--fail-under-accuracy", "0.5"]) == 1
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "below 0.5" in line]
    assert "verified at eps 0.5: 0.0 % (0 of 4)" in said
    assert main([*arguments[:-1], "0.001", "--fail-under-accuracy", "0.5"]) == 0


def test_findings_say_what_is_falsified_and_undecided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "s.sarif"
    arguments = [*QUICK, "--samples", "0:2", "--frames", "all", "--eps", "0.0001,0.4", "--method", "interval"]
    assert certify_main([*arguments, "--sarif", str(file)]) == 1
    found = json.loads(file.read_text("utf-8"))["runs"][0]
    assert {one["ruleId"] for one in found["results"]} <= {"falsified", "undecided"}
    assert any("a counterexample at eps" in one["message"]["text"] for one in found["results"])
    assert {rule["id"] for rule in found["tool"]["driver"]["rules"]} >= {"falsified", "undecided"}


def test_the_smallest_of_frames_stands_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*QUICK, *CHEAP, "--samples", "0:2"]
    rows = answered(arguments, capsys)["rows"]
    assert certify_main(arguments) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    minima = [line for line in lines if line[1:2] == ["min"]]
    assert [line[0] for line in minima] == ["0", "1"]
    for line in minima:
        own = min(row["eps_certified"] for row in rows if row["sample"] == int(line[0]))
        assert float(line[5]) == pytest.approx(own, rel=1e-3)
    assert len(rows) == 16


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--fail-under-accuracy", "0.9"], "--eps"),
        (["--fail-under-accuracy", "90", "--eps", "0.1"], "the share lies in (0, 1]"),
        (["--fail-under", "-1"], "positive"),
        (["--fail-under", "0.1", "--eps", "0.1"], "--eps beside it"),
        (["--junit", "/nowhere/j.xml"], "can be written"),
    ],
)
def test_demands_that_make_no_sense_are_refused(
    more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert certify_main([*QUICK, *more]) == 2
    assert message in capsys.readouterr().err
