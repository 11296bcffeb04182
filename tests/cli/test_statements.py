"""No false number or sentence: the last lines and pages of commands whose rows are only a part, or not about labels."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from certrnn.cli import certify_main, main
from certrnn.examples import resolve
from certrnn.report.html import html_page
from certrnn.report.table import plain
from certrnn.results.certificates import Results
from certrnn.results.row import Row
from certrnn.results.samples import finished
from tests.cli.terminal import DIGITS, QUICK, RNN, one_line
from tests.report.cases import results, row
from tests.report.test_html import text_of

ZONOTOPE = ["--method", "zonotope", "--no-attack"]


@pytest.fixture
def wrong(tmp_path: Path) -> str:
    """Ten digits, the label of each the one after its answer."""
    with np.load(resolve(DIGITS)) as data:
        x, y = data["x"][:10], data["y"][:10]
    np.savez(tmp_path / "wrong.npz", x=x, y=(y + 1) % 10)
    return str(tmp_path / "wrong.npz")


def table_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    certify_main([*arguments])
    return capsys.readouterr().out


def page(capsys: pytest.CaptureFixture[str], of: Path | str, folder: Path) -> str:
    assert main(["report", str(of), "--out", str(folder / "page.html")]) == 0
    capsys.readouterr()
    return text_of((folder / "page.html").read_text("utf-8"))


def test_a_shard_of_frames_shows_no_share_of_samples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each sample of the shard has one certified frame of eight; the whole run verifies none."""
    few = [*QUICK, "--samples", "0:4", "--eps", "0.15", "--clip", "0", "1", "--frames", "each", *ZONOTOPE]
    shard = tmp_path / "shard"
    out = table_of(capsys, *few, "--task", "4", "--run", str(shard), "--shard", "8/8")
    assert "4 of 32 rows: 4 certified" in out
    assert "no share of samples: of none of them all rows are finished" in out
    assert "verified" not in out
    text = page(capsys, shard, tmp_path)
    for claim in ("erified accuracy", "median", "smallest certified", "answered right", "Weakest samples"):
        assert claim not in text, claim
    assert "0 finished of 4 samples" in text or "0 finished of the 4 samples chosen of 50" in text
    assert "as trustworthy as the people who could write to the run folder" in text
    whole = table_of(capsys, *few)
    assert "verified accuracy at eps 0.15: 0.0 % (0 of the 4 samples chosen of 50)" in whole


def test_a_shard_that_searched_shows_no_smallest_eps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = [*QUICK, "--samples", "0:2", "--clip", "0", "1", "--frames", "each", *ZONOTOPE]
    run = ["--task", "2", "--run", str(tmp_path / "run"), "--shard", "8/8"]
    out = table_of(capsys, *few, *run)
    assert "(over 2 searched rows)" in out
    text = page(capsys, tmp_path / "run", tmp_path)
    assert "median" not in text
    assert "smallest certified eps" not in text


def lost(sample: int, **changes: Any) -> Row:
    """A row whose task ran out of time."""
    return row(sample, None, verdict="timeout", prediction=-1, reason="over the time limit", **changes)


def test_time_outs_are_unknown_and_no_wrong_answers() -> None:
    none = results(*(lost(n, eps=0.05) for n in range(6)))
    text = text_of(html_page(none))
    assert "answered right" not in text.replace("Verified: answered right", "")
    assert "6 without an answer of 6" in text
    assert "clean accuracy at most" in text
    assert "0.0 % (0 of 6 samples; 6 of them without an answer)" in plain(none, 120)
    some = text_of(html_page(results(row(0, 0.1), row(1, None), lost(2), lost(3))))
    assert "50.0 % answered right, of those with an answer (1 of 2)" in some


def test_a_time_out_counted_as_wrong_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a sample without an answer is a wrong one."""
    from certrnn.results.samples import Sample

    monkeypatch.setattr(Sample, "known", property(lambda self: True))
    assert "0.0 % answered right" in text_of(html_page(results(*(lost(n) for n in range(6)))))


def test_a_part_shown_as_the_whole_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: every row belongs to a finished sample."""
    from certrnn.results.extent import Extent

    part = results(row(0, 0.1, eps=0.1, frames=[0]), extent=Extent(1, 2, (0,)))
    assert "verified accuracy" not in plain(part, 120)
    assert finished(part) == []
    monkeypatch.setattr(Extent, "finished", lambda self, rows: tuple(rows))
    assert "verified accuracy" in plain(part, 120)


def test_of_an_interrupted_run_the_finished_samples_count() -> None:
    from certrnn.results.extent import Extent

    rows = [row(n, 0.1, eps=0.1, frames=[f]) for n, f in ((0, 0), (0, 1), (1, 0))]
    part = results(*rows, extent=Extent(5, 10, (1,)), notes=("stopped early: 3 of 10 rows are finished",))
    assert "verified accuracy at eps 0.1: 100.0 % (1 of the 1 finished of 5 samples)" in plain(part, 120)
    text = text_of(html_page(part))
    assert "1 finished of 5 samples" in text
    assert "Shares of the 1 finished of 5 samples" in text


def test_other_demands_are_called_what_they_are(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    few = [RNN, "--data", wrong, "--eps", "0.001", "--frames", "7", *ZONOTOPE]
    for options, name in (
        (["--target", "9"], "the answer never becomes 9"),
        (["--accept", "0,1,2,3,4,5,6,7,8"], "the answer stays 0, 1, 2, 3, 4, 5, 6, 7, 8"),
        (["--threshold", "-inf", "100"], "-inf < output < 100"),
    ):
        assert certify_main([*few, *options, "--json"]) in (0, 4)
        document = json.loads(capsys.readouterr().out)
        with np.load(wrong) as data:
            labels = {n: int(label) for n, label in enumerate(data["y"])}
        assert {r["sample"]: r["label"] for r in document["rows"]} == labels
        good = sum(r["verdict"] == "certified" for r in document["rows"])
        out = table_of(capsys, *few, *options)
        assert f"{name} at eps 0.001: " in out
        assert f"({good} of 10 samples)" in out
        assert "accuracy" not in out


def test_eps_of_radii_count_radii(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    radii, document = tmp_path / "radii.txt", tmp_path / "radii.json"
    radii.write_text(",".join(["0.001"] * 8))
    out = table_of(
        capsys, *QUICK, "--samples", "0:3", "--eps", "1", "--frames", "7", "--radii", str(radii), *ZONOTOPE,
        "--out", str(document),
    )  # fmt: skip
    assert "eps counts radii: a feature moves by at most eps times its own" in out
    text = page(capsys, document, tmp_path)
    assert "one eps is each feature's own radius" in text
    assert "units of the network's input" not in text


def test_a_comparison_says_of_what_its_shares_are(
    wrong: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    with np.load(wrong) as data:
        x, y = data["x"], data["y"]
    np.savez(wrong, x=x, y=np.where(np.arange(10) < 5, y, (y - 1) % 10))
    options = ["--methods", "zonotope", "--eps", "0.001", "--no-attack"]
    assert main(["compare", RNN, "--data", wrong, *options]) == 0
    out = capsys.readouterr().out
    assert " ".join(out.split()).count("50.0 % (5 of 10)") == 2
    assert "accuracy and verified: of 10 samples; certified eps: over those answered right" in out


def test_nothing_certified_is_less_than_the_smallest_eps(capsys: pytest.CaptureFixture[str]) -> None:
    from certrnn.results.extent import Extent

    assert certify_main([*QUICK, "--samples", "0", "--frames", "all", *ZONOTOPE, "--json"]) == 0
    asked = Results(path="m", sha256="ab" * 32, rows=(row(0, 0.0),))
    document = json.loads(capsys.readouterr().out)
    document["rows"][0] |= {"verdict": "unknown", "eps_certified": 0.0, "margin": None}
    from certrnn.results.from_json import parse_results

    text = plain(parse_results(document), 120)
    assert "< 0.0002442" in text
    assert "< " not in plain(asked, 120)
    assert Extent(1, 1).whole(asked.rows)


OPTIONS: dict[str, list[list[str]]] = {
    "eps": [[], ["--eps", "0.3"], ["--eps", "0.001,0.7"]],
    "frames": [["--frames", "all"], ["--frames", "0,2-3"]],
    "norm": [[], ["--norm", "2"], ["--norm", "1", "--joint"]],
    "radii": [[], ["--radii", "radii.txt"]],
    "demand": [[], ["--target", "9"], ["--accept", "0,7"], ["--threshold", "-inf", "0.3"]],
    "clip": [[], ["--clip", "0", "1"], ["--clip", "-0.1", "1.7"]],
    "method": [["--method", "interval"], ["--method", "zonotope"]],
    "rel_tol": [[], ["--rel-tol", "0.3"]],
    "samples": [["--samples", "0"], ["--samples", "2,0"]],
    "output": [[], ["--output", "scores"]],
    "attack": [["--no-attack"]],
    "budget": [[], ["--budget", "100"]],
}
"""What shapes a question, option by option; words and texts stand apart."""
ELSEWHERE = {
    "certificates",
    "model",
    "data",
    "words",
    "edits",
    "alphabet",
    "synonyms",
    "layout",
    "cut",
    "multi_label",
    "label",
    "fix",
    "like",
    "row",
    "run",
    "json",
    "out",
    "debug",
    "version",
    "fail_under",
    "fail_under_accuracy",
    "junit",
    "sarif",
}
MEMBERS = {
    "joint": "norm",
    "target": "demand",
    "accept": "demand",
    "threshold": "demand",
    "no_attack": "attack",
}


def test_no_option_is_forgotten() -> None:
    import inspect

    from certrnn.cli._runs import OPTIONS as OF_RUNS
    from certrnn.cli._texts import OPTIONS as OF_TEXTS
    from certrnn.cli.certify import certify

    own = set(inspect.signature(certify).parameters) - set(OF_RUNS) - set(OF_TEXTS) - ELSEWHERE
    assert {MEMBERS.get(name, name) for name in own} == set(OPTIONS)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_was_asked_is_asked_again_from_the_document(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("radii.txt").write_text("0.3 0.1 1 1 1 1 1 0")
    chance = random.Random(seed)
    chosen = {name: chance.choice(choices) for name, choices in OPTIONS.items()}
    if chosen["eps"]:
        chosen["rel_tol"] = []
    given = [part for choice in chosen.values() for part in choice]
    certify_main([*QUICK, *given, "--out", "first.json"])
    certify_main(["--like", "first.json", "--out", "second.json"])
    first, second = (json.loads(Path(f"{name}.json").read_text()) for name in ("first", "second"))
    assert first["question"] == second["question"]
    assert bare(first["rows"]) == bare(second["rows"])
    last = len(first["rows"]) - 1
    certify_main(["--like", "first.json", "--row", str(last), "--out", "third.json"])
    third = json.loads(Path("third.json").read_text())
    assert bare(third["rows"]) == bare(first["rows"][last:])
    same = {name: part for name, part in third["question"].items() if name not in ("frames", "eps", "data")}
    assert all(first["question"][name] == part for name, part in same.items())
    capsys.readouterr()


def bare(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without times, and the last digits of margins, which depend on who is bounded beside a sample."""
    return [{name: v for name, v in one.items() if name not in ("seconds", "margin")} for one in rows]


@pytest.mark.parametrize(
    ("beside", "words"),
    [
        (["--frames", "all"], "--frames"),
        (["--eps", "0.1"], "--eps"),
        (["--row", "9"], "0..0"),
        (["--data", "other.npz"], "digest"),
        (["example:digits_lstm"], "sha256"),
    ],
)
def test_another_question_beside_a_document_is_refused(
    beside: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(wrong).rename("other.npz")
    certify_main([*QUICK, "--samples", "0", "--frames", "7", "--eps", "0.1", *ZONOTOPE, "--out", "one.json"])
    capsys.readouterr()
    assert certify_main(["--like", "one.json", *beside]) in (2, 3)
    error = capsys.readouterr().err
    assert one_line(error), error
    assert re.search(re.escape(words), error), error


def test_without_a_network_or_a_document_the_command_says_what_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for arguments, words in ((["--data", DIGITS], "MODEL"), (["--row", "1", *QUICK], "--like")):
        assert certify_main(arguments) == 2
        assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["curve", *QUICK, "--samples", "0", "--eps", "0.01", "--method", "zonotope", "--no-attack"],
        ["compare", *QUICK, "--samples", "0", "--methods", "interval", "--no-attack"],
        ["attack", *QUICK, "--samples", "0", "--eps", "0.01", "--target", "3"],
        ["conditions", *QUICK, "--samples", "0", "--eps", "0.01", "--frames", "7"],
        ["words", *QUICK, "--samples", "0"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_command_says_what_its_result_depends_on(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In the document, and in two lines under the table."""
    main([*arguments, "--json"])
    document = json.loads(capsys.readouterr().out)
    asked = document.get("question") or document["comparison"][0]["question"]
    assert asked["data"]["source"]["files"][0]["name"] == DIGITS
    assert asked["network"]["output"] == "scores"
    assert "onnxruntime" in asked["versions"]
    main(arguments)
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith(("asked: ", "data: ")) for line in lines) == 2
