"""The commands on the bundled networks: what they print, where, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import certrnn
from certrnn.cli import certify_main, main
from certrnn.examples import data_names, names, path
from tests.cli.terminal import DIGITS, QUICK, RNN, messages, one_line


def quick(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    code = certify_main([*QUICK, "--json", *arguments])
    return code, json.loads(capsys.readouterr().out)


HEAVY = {"torch", "numpy", "onnx", "onnxruntime", "numba", "scipy", "pyarrow", "matplotlib", "jinja2"}
"""What takes a second to import: help, usage errors and shell completion must not. (How long help takes is measured
in ``benchmarks/startup.py``.)"""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--help"], 0, "--fail-under"),
        (["m.onnx", "--nosuch"], 2, "No such option"),
        (["--version"], 0, certrnn.__version__),
    ],
)
def test_help_and_usage_errors_import_nothing_heavy(arguments: list[str], code: int, said: str) -> None:
    program = (
        "import sys; from certrnn.cli import certify_main; "
        f"code = certify_main({arguments!r}); print(code, sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"{code} []"
    assert said in done.stdout + done.stderr


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert certify_main(["--version"]) == 0
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"certrnn {certrnn.__version__}\n" * 2


def test_no_arguments_show_the_help_and_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert certify_main([]) == 2
    assert capsys.readouterr().out.count("Usage:") == 2


def test_examples_lists_what_is_bundled(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["examples"]) == 0
    out = capsys.readouterr().out
    assert all(f"example:{name}\n" in out for name in names() + data_names())


def test_a_search_gives_a_row_a_sample_with_both_sides(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = quick(capsys, "--samples", "0:3,7", "--frames", "all")
    rows = document["rows"]
    assert code == 0
    assert [row["sample"] for row in rows] == [0, 1, 2, 7]
    assert {row["frames"] for row in rows} == {"all"}
    for row in rows:
        assert row["verdict"] == "certified"
        assert 0 < row["eps_certified"] < row["eps_attacked"]
        assert row["ratio"] == pytest.approx(row["eps_certified"] / row["eps_attacked"])
        assert row["margin"] > 0
        assert row["eps"] is None
        assert row["seconds"] > 0


def test_each_is_one_row_a_frame_and_a_list_is_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    once = ("--samples", "0", "--no-attack", "--method", "zonotope")
    _, each = quick(capsys, *once)
    _, some = quick(capsys, *once, "--frames", "0,3-5")
    assert [row["frames"] for row in each["rows"]] == [[t] for t in range(8)]
    assert [row["frames"] for row in some["rows"]] == [[0, 3, 4, 5]]
    assert {row["eps_attacked"] for row in each["rows"]} == {None}


def test_asked_eps_gives_a_verdict_each_and_falsified_exits_with_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, document = quick(
        capsys, "--samples", "0:2", "--frames", "all", "--eps", "0.0001,0.9", "--clip", "0", "1"
    )
    assert code == 1
    assert [row["verdict"] for row in document["rows"]] == ["certified", "falsified"] * 2
    certified, falsified = document["rows"][:2]
    assert certified["eps_certified"] == 0.0001
    assert certified["margin"] > 0
    assert falsified["eps_certified"] is None
    assert 0 < falsified["eps_attacked"] <= 0.9


def test_undecided_rows_exit_with_4(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = quick(capsys, "--samples", "0", "--frames", "all", "--eps", "0.9", "--no-attack")
    assert code == 4
    assert document["rows"][0]["verdict"] == "unknown"


def test_fail_under_exits_with_1_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    few = ("--samples", "0", "--frames", "all", "--no-attack")
    assert quick(capsys, *few, "--fail-under", "1e-5")[0] == 0
    assert quick(capsys, *few, "--fail-under", "0.9")[0] == 1


def test_a_relative_tolerance_leaves_the_papers_grid(capsys: pytest.CaptureFixture[str]) -> None:
    few = ("--samples", "0", "--frames", "all", "--no-attack", "--method", "zonotope")
    grid = quick(capsys, *few)[1]["rows"][0]["eps_certified"]
    fine = quick(capsys, *few, "--rel-tol", "0.0001")[1]["rows"][0]["eps_certified"]
    assert fine >= grid
    assert fine * 2**14 % 1 != 0


def test_a_spent_budget_is_a_timeout(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = quick(capsys, "--samples", "0", "--frames", "all", "--budget", "1e-9")
    assert code == 4
    assert document["rows"][0]["verdict"] == "timeout"
    assert document["rows"][0]["eps_certified"] == 0.0


def test_a_wrong_label_is_misclassified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with np.load(path("digits")) as data:
        x, y = data["x"][:2], data["y"][:2]
    np.savez(tmp_path / "wrong.npz", x=x, y=[y[0], (y[1] + 1) % 10])
    code = certify_main([RNN, "--data", str(tmp_path / "wrong.npz"), "--frames", "all", "--json"])
    right, wrong = json.loads(capsys.readouterr().out)["rows"]
    assert code == 0
    assert right["verdict"] == "certified"
    assert wrong["verdict"] == "misclassified"
    assert wrong["prediction"] == y[1] != wrong["label"]
    assert wrong["eps_certified"] is wrong["eps_attacked"] is wrong["margin"] is None


def test_both_exports_of_a_network_have_the_same_rows(capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--data", DIGITS, "--samples", "0:3", "--frames", "all", "--json", "--no-attack"]
    few += ["--method", "zonotope"]
    found = []
    for name in (RNN, f"{RNN}_dynamo"):
        assert certify_main([name, *few]) == 0
        document = json.loads(capsys.readouterr().out)
        found.append([(row["label"], row["eps_certified"]) for row in document["rows"]])
    assert found[0] == found[1]
    assert set(document["model"]) == {"path", "sha256", "external"}


def test_the_document_also_goes_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rows.json"
    _, printed = quick(capsys, "--samples", "0", "--frames", "all", "--no-attack", "--out", str(out))
    assert json.loads(out.read_text()) == printed
    assert [p.name for p in tmp_path.iterdir()] == ["rows.json"]


def test_the_table_and_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert certify_main([*QUICK, "--samples", "0:2", "--frames", "all"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[1].split()[:2] == ["sample", "frames"]
    assert "2 rows: 2 certified" in captured.out
    assert "of the attacked eps" in captured.out
    assert "\x1b" not in captured.out
    assert messages(captured.err) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--eps", "x"], "--eps"),
        (["--eps", "0"], "positive"),
        (["--eps", "-0.1"], "positive"),
        (["--eps", "nan"], "positive"),
        (["--eps", "inf"], "positive"),
        (["--eps", ""], "--eps"),
        (["--frames", "9"], "0..7"),
        (["--frames", "5-3"], "ascend"),
        (["--frames", "some"], "each, all"),
        (["--norm", "3"], "norm"),
        (["--clip", "1", "0"], "LO is below HI"),
        (["--clip", "0"], "--clip"),
        (["--method", "magic"], "zonotope"),
        (["--rel-tol", "0"], "tolerance"),
        (["--rel-tol", "0.1", "--eps", "0.1"], "--rel-tol"),
        (["--fail-under", "0.1", "--eps", "0.1"], "--fail-under"),
        (["--fail-under", "nan"], "--fail-under"),
        (["--budget", "0"], "--budget"),
        (["--samples", "50"], "50"),
        (["--samples", "x"], "selection"),
        (["--bogus"], "--bogus"),
        (["--out", "no/such/folder/x.json"], "--out"),
        (["--out", "."], "--out"),
        (["--out", ""], "--out"),
    ],
)
def test_options_that_make_no_sense_are_one_line_and_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert certify_main([RNN, "--data", DIGITS, *arguments]) == 2
    captured = capsys.readouterr()
    assert one_line(captured.err), captured.err
    assert words in captured.err
    assert captured.out == ""


def test_data_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    assert certify_main([RNN]) == 2
    assert "--data" in capsys.readouterr().err


def test_an_unknown_example_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert certify_main(["example:nothing", "--data", DIGITS]) == 2
    assert one_line(capsys.readouterr().err)


def test_a_range_that_the_data_leaves_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert certify_main([*QUICK, "--clip", "0", "0.5"]) == 3
    assert "values from" in capsys.readouterr().err


def data_file(folder: Path, x: np.ndarray, y: np.ndarray | None = None) -> str:
    file = folder / "data.npz"
    np.savez(file, x=x, **({} if y is None else {"y": y}))
    return str(file)


@pytest.mark.parametrize("case", ["features", "frames", "label", "nan", "huge", "empty", "text"])
def test_data_that_does_not_fit_is_one_line_and_3(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = np.zeros((2, 8, 8)), np.array([0, 1])
    cases = {
        "features": lambda: data_file(tmp_path, np.zeros((2, 8, 7)), y),
        "frames": lambda: data_file(tmp_path, np.zeros((2, 9, 8)), y),
        "label": lambda: data_file(tmp_path, x, np.array([0, 10])),
        "nan": lambda: data_file(tmp_path, np.full((2, 8, 8), np.nan), y),
        "huge": lambda: data_file(tmp_path, np.full((2, 8, 8), 1e300), y),
        "empty": lambda: data_file(tmp_path, np.zeros((0, 8, 8))),
        "text": lambda: data_file(tmp_path, np.array([["a"]])),
    }
    assert certify_main([RNN, "--data", cases[case]()]) == 3
    captured = capsys.readouterr()
    assert one_line(captured.err), captured.err
    assert captured.out == ""


@pytest.mark.parametrize("case", ["missing", "folder", "damaged", "empty", "data"])
def test_models_that_are_none_are_one_line_and_3(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "damaged").write_bytes(path("digits_rnn").read_bytes()[:3000])
    (tmp_path / "empty").write_bytes(b"")
    files = {"folder": str(tmp_path), "data": str(path("digits"))}
    for command in (["certify", "--data", DIGITS], ["doctor"]):
        assert main([command[0], files.get(case, str(tmp_path / case)), *command[1:]]) == 3
        captured = capsys.readouterr()
        assert one_line(captured.err), captured.err
        assert captured.out == ""


@pytest.mark.parametrize("case", ["missing.npz", "."])
def test_data_that_is_no_file_is_one_line_and_3(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert certify_main([RNN, "--data", case]) == 3
    assert one_line(capsys.readouterr().err)


@pytest.mark.parametrize("name", names())
def test_doctor_says_what_was_understood(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", f"example:{name}"]) == 0
    text = capsys.readouterr().out
    assert main(["doctor", f"example:{name}", "--data", DIGITS, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert "8 frames of 8 features" in text
    assert "10 classes" in text
    assert facts["difference"] < 1e-4
    assert facts["symbols"] > 8 * 32
    assert (facts["frames"], facts["features"]) == (8, 8)
    assert sum(facts["functions"].values()) > 0


def test_a_failed_self_check_is_loud_and_exits_with_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    from certrnn.certification import AttackFalsifier

    monkeypatch.setattr(
        AttackFalsifier,
        "within",
        lambda self, problem, samples, threat, eps: torch.full_like(samples, 1e-9, dtype=torch.float64),
    )
    code, document = quick(capsys, "--samples", "0", "--frames", "7", "--eps", "0.001")
    assert code == 3
    assert document["rows"][0]["verdict"] == "error"
    assert document["rows"][0]["eps_certified"] is None
    assert "SELF-CHECK" in document["notes"][0]
    assert certify_main([*QUICK, "--samples", "0", "--frames", "7", "--eps", "0.001"]) == 3
    assert "SELF-CHECK" in capsys.readouterr().err
