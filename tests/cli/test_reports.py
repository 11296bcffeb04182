"""The commands curve, compare and report on the bundled networks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import certrnn
from certrnn.cli import certify_main, main
from certrnn.examples import resolve
from tests.cli.terminal import DIGITS, QUICK, RNN, messages, one_line
from tests.report.pictures import png, svg

FEW = ["--samples", "0:6"]
FAST = [*QUICK, "--method", "zonotope"]  # auto spends its budget, and so depends on the machine


def documents(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def first_samples(count: int) -> tuple[np.ndarray, np.ndarray]:
    with np.load(resolve(DIGITS)) as data:
        return data["x"][:count], data["y"][:count]


def test_a_curve_counts_what_certify_certifies_at_each_eps(capsys: pytest.CaptureFixture[str]) -> None:
    eps = [0.005, 0.015, 0.02, 0.025, 0.035, 0.2]
    axis = ",".join(map(str, eps))
    code, document = documents(capsys, "curve", *FAST, *FEW, "--eps", f"0,{axis}")
    assert code == 0
    zero, *points = document["curve"]
    assert zero["verified"]["count"] == zero["attacked"]["count"] == zero["clean"]["count"] == 6
    asked = certrnn.load(RNN).certify(*first_samples(6), eps, "all", method="zonotope", attack=False)
    assert [point["verified"]["count"] for point in points] == [asked.verified()[e][0] for e in eps]
    counts = [point["attacked"]["count"] for point in points]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < 6
    for point in points:
        assert point["verified"]["count"] <= point["attacked"]["count"]
        assert point["verified"]["low"] <= point["verified"]["share"] <= point["verified"]["high"]


def test_a_curve_of_single_frames_needs_every_frame(capsys: pytest.CaptureFixture[str]) -> None:
    _, document = documents(
        capsys, "curve", *FAST, "--samples", "0:2", "--eps", "0.05,0.1", "--frames", "each", "--no-attack"
    )
    weakest: dict[int, float] = {}
    for row in document["rows"]:
        weakest[row["sample"]] = min(weakest.get(row["sample"], 1.0), row["eps_certified"])
    assert len(document["rows"]) == 16
    for point in document["curve"]:
        assert point["verified"]["count"] == sum(eps >= point["eps"] for eps in weakest.values())
        assert point["attacked"] is None


def test_a_curve_is_a_plain_table_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [tmp_path / f"curve.{kind}" for kind in ("png", "svg", "json")]
    outs = [part for name in names for part in ("--out", str(name))]
    assert main(["curve", *FAST, *FEW, "--eps", "0:0.04:3", *outs]) == 0
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out
    assert messages(captured.err) == []
    lines = captured.out.splitlines()
    assert lines[1].split() == ["eps", "verified", "attacked", "clean", "accuracy"]
    assert lines[3].split()[:2] == ["0", "100.0"]
    png(names[0].read_bytes())
    svg(names[1].read_bytes())
    assert len(json.loads(names[2].read_text())["curve"]) == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["curve.json", "curve.png", "curve.svg"]


def test_curves_and_comparisons_of_other_threats_and_demands(capsys: pytest.CaptureFixture[str]) -> None:
    """A joint l2 ball lies in its l-inf ball, and never becoming one label is less than keeping one's own."""
    few = [*QUICK, "--samples", "0:4", "--no-attack"]
    _, plain = documents(capsys, "compare", *few, "--methods", "zonotope")
    for options in (["--norm", "2", "--joint"], ["--target", "3"]):
        _, weaker = documents(capsys, "compare", *few, "--methods", "zonotope", *options)
        pairs = zip(plain["comparison"][0]["rows"], weaker["comparison"][0]["rows"], strict=True)
        assert all(
            b["eps_certified"] >= a["eps_certified"] for a, b in pairs if b["eps_certified"] is not None
        )
    assert main(["curve", *few, "--method", "zonotope", "--eps", "0.01", "--norm", "1"]) == 0
    assert main(["curve", *few, "--method", "zonotope", "--eps", "0.01", "--accept", "0,1,2,3,4"]) == 0
    out = capsys.readouterr().out
    assert "l1" in out
    assert "the answer stays 0, 1, 2, 3, 4" in out
    assert "holds undisturbed" in out


def test_where_nothing_is_certified_the_exit_code_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = documents(capsys, "curve", *FAST, *FEW, "--eps", "0.9", "--no-attack")
    assert code == 4
    assert document["curve"][0]["verified"]["count"] == 0


def test_models_and_methods_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "violins.svg"
    arguments = ["compare", f"{RNN},{RNN}_dynamo", "--data", DIGITS, *FEW, "--methods", "interval,zonotope"]
    code, document = documents(capsys, *arguments, "--eps", "0.01", "--out", str(picture))
    assert code == 0
    groups = {(g["model"]["path"], g["method"]): g for g in document["comparison"]}
    assert len(groups) == 4
    interval, zonotope = groups[RNN, "interval"], groups[RNN, "zonotope"]
    assert interval["mean"] <= zonotope["mean"] == pytest.approx(groups[f"{RNN}_dynamo", "zonotope"]["mean"])
    assert 0 < zonotope["share"] < 1
    assert zonotope["verified"][0]["count"] == 6
    assert {row["eps_attacked"] for row in interval["rows"]} == {
        row["eps_attacked"] for row in zonotope["rows"]
    }
    assert len(document["tests"]) == 4
    svg(picture.read_bytes())
    radii = certrnn.load(RNN).radius(*first_samples(6), "all", method="zonotope", attack=False)
    assert [row["eps_certified"] for row in zonotope["rows"]] == [row.eps_certified for row in radii]


def test_a_comparison_is_a_plain_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *QUICK, "--samples", "0:2", "--methods", "interval,zonotope", "--no-attack"]) == 0
    captured = capsys.readouterr()
    assert "Mann-Whitney U" in captured.out
    assert "\x1b" not in captured.out
    assert messages(captured.err) == []


def test_a_report_of_a_document_and_of_a_run_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, page = tmp_path / "rows.json", tmp_path / "page.html"
    few = [*FAST, "--samples", "0:2", "--frames", "all"]
    assert certify_main([*few, "--out", str(rows)]) == 0
    assert main(["report", str(rows), "--out", str(page)]) == 0
    first = page.read_text("utf-8")
    assert json.loads(rows.read_text())["model"]["sha256"] in first
    assert first.startswith("<!DOCTYPE html>")
    assert main(["certify", *few, "--run", str(tmp_path / "run")]) == 0
    assert main(["report", str(tmp_path / "run"), "--out", str(page)]) == 0
    assert "Verified accuracy over eps" in page.read_text("utf-8")
    assert messages(capsys.readouterr().err) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["curve", *FAST], "--eps"),
        (["curve", RNN, "--eps", "0.1"], "--data"),
        (["curve", *FAST, "--eps", "0:1"], "LOW:HIGH:COUNT"),
        (["curve", *FAST, "--eps", "-1"], "from 0"),
        (["curve", *FAST, "--eps", "0.1", "--frames", "9"], "0..7"),
        (["curve", *QUICK, "--eps", "0.1", "--method", "magic"], "zonotope"),
        (["curve", *FAST, "--eps", "0.1", "--out", "curve.jpg"], ".png"),
        (["curve", *FAST, "--eps", "0.1", "--out", "no/such/curve.png"], "--out"),
        (["compare", *QUICK, "--methods", "interval,magic"], "magic"),
        (["compare", *QUICK, "--methods", "interval,"], "--methods"),
        (["compare", f"{RNN},", "--data", DIGITS], "MODEL"),
        (["compare", *QUICK, "--rel-tol", "0"], "tolerance"),
        (["compare", *QUICK, "--out", "violins.html"], ".png"),
        (["report", "rows.json"], "--out"),
        (["report", "rows.json", "--out", "page.pdf"], ".html"),
        (["report", ".", "--out", "page.html"], "run"),
    ],
)
def test_options_that_make_no_sense_are_one_line_and_2(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert one_line(captured.err), captured.err
    assert words in captured.err
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_files_that_hold_no_results_are_one_line_and_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.json").write_text('{"rows": []}')
    for name in ("rows.json", "missing.json"):
        assert main(["report", str(tmp_path / name), "--out", str(tmp_path / "page.html")]) == 3
        assert one_line(capsys.readouterr().err)


@pytest.mark.parametrize("command", ["curve", "compare"])
def test_an_attack_inside_a_certified_region_is_loud(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    from certrnn.certification import AttackFalsifier

    monkeypatch.setattr(
        AttackFalsifier,
        "smallest",
        lambda self, problem, samples, threat: torch.full_like(samples, 1e-9, dtype=torch.float64),
    )
    methods = ["--eps", "0.01", "--method"] if command == "curve" else ["--methods"]
    options = [*methods, "zonotope"]
    assert main([command, *QUICK, "--samples", "0:2", *options]) == 3
    assert "SELF-CHECK" in capsys.readouterr().err


def test_what_is_interrupted_shows_finished_samples_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a sample only some of whose frames are done, nothing is known: it must not count as verified."""
    from certrnn.runs import loop

    whole = loop.answer_here

    def interrupted(*given):
        for number, rows in enumerate(whole(*given)):
            if number == 5:
                raise KeyboardInterrupt
            yield rows

    monkeypatch.setattr(loop, "answer_here", interrupted)
    assert (
        main(["curve", *FAST, "--samples", "0:2", "--eps", "0.01", "--frames", "each", "--no-attack"]) == 130
    )
    assert "100.0 %" not in capsys.readouterr().out
