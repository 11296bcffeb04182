"""RNN-Test's language model and its tables from end to end, on a language of one rule that is learned at once."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]


@pytest.fixture(autouse=True)
def _gone_afterwards() -> Iterator[None]:
    """Benchmarks are modules of this process only while a test runs."""
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "benchmarks"]:
        del sys.modules[name]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder like the real one: sentences count on from a random word."""
    folder, random = tmp_path / "data" / "ptb", np.random.default_rng(0)
    folder.mkdir(parents=True)
    for part, lines in (("train", 400), ("valid", 60), ("test", 60)):
        starts = random.integers(0, len(WORDS), lines)
        text = "".join(" " + " ".join(WORDS[(k + s) % len(WORDS)] for s in range(9)) + " \n" for k in starts)
        (folder / f"ptb.{part}.txt.gz").write_bytes(gzip.compress(text.encode(), 1))
    return folder.parent


@pytest.fixture
def asked(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    from benchmarks.rnn_test import language_model

    tiny = language_model.Size(20, 1, 12, 2, 2, batch=4, steps=10, rate=0.5)
    monkeypatch.setitem(language_model.SIZES, "quick", tiny)
    return (
        "--data",
        str(data),
        "--cache",
        str(tmp_path / "cache"),
        "--quick",
        "--windows",
        "8",
        "--runs",
        "2",
    )


def cells(printed: str) -> dict[str, list[str]]:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines() if "|" in line
    ]
    return {row[0]: row[1:] for row in rows}


def test_a_model_is_trained_once_and_goes_on_where_it_stopped(
    asked: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from benchmarks.rnn_test import language_model

    data, cache, whole = Path(asked[1]), tmp_path / "cache", tmp_path / "whole"
    file, text = language_model.trained(data, whole, "quick")
    steady = capsys.readouterr().err
    assert [line.split(":")[0] for line in steady.splitlines()][:2] == ["epoch 1", "epoch 2"]
    assert float(steady.split("valid ")[-1].split(",")[0]) < len(text.vocabulary) / 2  # it learned something

    original, calls = language_model.epoch, []

    def interrupted(*given: object) -> float:
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(language_model, "epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        language_model.trained(data, cache, "quick")
    monkeypatch.setattr(language_model, "epoch", original)
    capsys.readouterr()
    again, _ = language_model.trained(data, cache, "quick")
    assert capsys.readouterr().err.startswith("epoch 2")
    assert again.read_bytes() == file.read_bytes()  # interrupted or not
    language_model.trained(data, cache, "quick")
    assert "epoch" not in capsys.readouterr().err


def test_windows_lie_one_behind_the_other(asked: tuple[str, ...]) -> None:
    from benchmarks.rnn_test.language_model import END, corpus

    text = corpus(Path(asked[1]), 6)
    assert len(text.vocabulary) == 6
    assert {"<unk>", END} <= set(text.vocabulary)
    x, y = text.windows("test")
    stream = text.parts["test"]
    assert np.array_equal(x.ravel(), stream[: x.size])
    assert np.array_equal(y.ravel(), stream[1 : x.size + 1])


def run_as_it_is(script: str, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The script's main function in this process, with the size that the test has set."""
    import importlib

    monkeypatch.setattr(sys, "argv", [script, *arguments])
    return importlib.import_module(f"benchmarks.rnn_test.{script}").main()


def test_tables_have_their_lines(
    asked: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_as_it_is("table1", *asked, monkeypatch=monkeypatch) == 0
    found = cells(capsys.readouterr().out)
    assert found["original"][1] == "355.11"
    assert found["baseline (by chance)"][4] == "100.0 %"
    for name in ("cost", "decision", "state", "state, indices as in the authors' code"):
        pp, difference = float(found[name][2]), found[name][-1]
        chance = float(found["baseline (by chance)"][2])
        value, low, high = (
            float(n) for n in difference.replace("[", "").replace("]", "").replace(",", "").split()
        )
        assert value == pytest.approx(pp - chance, abs=0.02)
        assert low <= value <= high

    assert run_as_it_is("table4", *asked, monkeypatch=monkeypatch) == 0
    found = cells(capsys.readouterr().out)
    assert {"state + cs", "decision + gate-i", "dx alone", "average of coverage alone"} <= set(found)

    assert run_as_it_is("guidance", *asked, monkeypatch=monkeypatch) == 0
    found = cells(capsys.readouterr().out)
    assert set(found) >= {"hs", "cs", "dx"}
    assert all(0 <= float(found["hs"][k].rstrip(" %")) <= 100 for k in (0, 1, 3))


def test_retraining_tells_where_the_inputs_come_from(
    asked: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = (*asked[:5], "--repeats", "2", "--inputs", "12")
    assert run_as_it_is("table7", *told, monkeypatch=monkeypatch) == 0
    found = cells(capsys.readouterr().out)
    assert {"nothing", *(f"changed windows of {part}" for part in ("train", "valid", "test"))} <= set(found)
    assert found["nothing"][0] == "0"
    assert 0 < int(found["changed windows of test"][0]) <= 120
    assert found["changed windows of test"][2].endswith("nan") is False
