"""Rows, results, tables: strict JSON, the contract's keys, exit codes and narrow terminals."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from certrnn.report.table import plain
from certrnn.results.certificates import Results, ordered
from certrnn.results.gates import Gate
from certrnn.results.row import VERDICTS, Row, Verdict, ratio, spelled

KEYS = [
    "sample",
    "frames",
    "label",
    "prediction",
    "verdict",
    "eps",
    "eps_certified",
    "eps_attacked",
    "ratio",
    "margin",
    "method",
    "seconds",
]
SEARCHED = Row(0, "all", 3, 3, "certified", None, 0.0625, 0.125, 0.5, 0.0123456, "zonotope", 0.25)
ASKED = Row(1, [0, 2, 3], 1, 1, "falsified", 0.5, None, 0.25, None, -3.0, "interval", 1.0)


def results(*rows: Row, labelled: bool = True) -> Results:
    return Results("net.onnx", "ab" * 32, rows, labelled)


def with_verdicts(*verdicts: Verdict) -> Results:
    return results(*(replace(SEARCHED, sample=n, verdict=v) for n, v in enumerate(verdicts)))


def test_the_document_has_the_keys_of_the_contract() -> None:
    document = json.loads(results(SEARCHED, ASKED).to_json())
    assert document["model"] == {"path": "net.onnx", "sha256": "ab" * 32}
    assert document["semantics"] == "real"
    assert [list(row) for row in document["rows"]] == [KEYS, KEYS]
    assert [row["frames"] for row in document["rows"]] == ["all", [0, 2, 3]]


def test_json_has_no_word_for_nan_and_infinity() -> None:
    row = replace(SEARCHED, margin=-math.inf, eps_attacked=math.inf, ratio=math.nan)
    text = results(row).to_json()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert json.loads(text)["rows"][0]["margin"] is None


def test_a_ratio_needs_both_sides() -> None:
    assert ratio(0.1, 0.2) == 0.5
    assert ratio(0.0, 0.2) == 0.0
    assert ratio(None, 0.2) is ratio(0.1, None) is ratio(0.1, 0.0) is None


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (("certified",), 0),
        (("certified", "misclassified"), 0),
        (("certified", "unknown"), 4),
        (("certified", "timeout"), 4),
        (("misclassified",), 4),
        ((), 4),
        (("certified", "unknown", "falsified"), 1),
        (("certified", "falsified", "error"), 3),
    ],
)
def test_exit_codes_follow_the_worst_verdict(verdicts: tuple[Verdict, ...], code: int) -> None:
    assert with_verdicts(*verdicts).exit_code() == code


def test_fail_under_compares_searched_eps_only() -> None:
    assert Gate(0.0625).exit_code(results(SEARCHED)) == 0
    assert Gate(0.063).exit_code(results(SEARCHED)) == 1
    wrong = replace(SEARCHED, verdict="misclassified", eps_certified=None)
    assert Gate(0.0625).exit_code(results(SEARCHED, wrong)) == 0
    nothing = replace(SEARCHED, verdict="unknown", eps_certified=0.0)
    assert Gate(1e-9).exit_code(results(SEARCHED, nothing)) == 1


def test_means_count_rows_where_nothing_was_certified_as_zero() -> None:
    nothing = replace(SEARCHED, verdict="unknown", eps_certified=0.0, ratio=0.0)
    wrong = replace(SEARCHED, verdict="misclassified", eps_certified=None, ratio=None)
    both = results(SEARCHED, nothing, wrong)
    assert both.mean_certified() == 0.03125
    assert both.mean_share() == 0.25
    assert results(wrong).mean_certified() is None


def test_verified_accuracy_wants_every_row_of_a_sample() -> None:
    good = replace(SEARCHED, eps=0.1, frames=[0])
    bad = replace(good, frames=[1], verdict="unknown")
    other = replace(good, sample=1, frames=[0])
    assert results(good, bad, other).verified() == {0.1: (1, 2)}
    assert "verified accuracy at eps 0.1: 50.0 % (1 of 2 samples)" in plain(results(good, bad, other))
    assert "certified predictions at eps" in plain(results(good, labelled=False))


def test_columns_are_numpy_arrays_with_nan_for_nothing() -> None:
    both = results(SEARCHED, ASKED)
    np.testing.assert_array_equal(both.column("eps_certified"), [0.0625, np.nan])
    assert both.column("verdict").tolist() == ["certified", "falsified"]
    assert both.column("frames").tolist() == ["all", [0, 2, 3]]


def test_rows_are_ordered_by_sample_eps_and_frames() -> None:
    rows = [
        replace(SEARCHED, sample=s, frames=[f], eps=e)
        for s, e, f in [(1, 0.1, 0), (0, 0.2, 0), (0, 0.1, 10), (0, 0.1, 9)]
    ]
    assert [(r.sample, r.eps, r.frames) for r in ordered(rows)] == [
        (0, 0.1, [9]),
        (0, 0.1, [10]),
        (0, 0.2, [0]),
        (1, 0.1, [0]),
    ]


def test_the_table_shows_both_sides_with_four_digits() -> None:
    text = plain(results(SEARCHED, ASKED))
    assert "0.0625" in text
    assert "0.01234" in text  # proved, so rounded down
    assert "0.01235" not in text
    assert "0,2-3" in text
    assert "2 rows: 1 certified, 1 falsified" in text
    assert "mean certified eps 0.06250, on average 50.0 % of the attacked eps (over 1 searched row)" in text


@pytest.mark.parametrize("width", [40, 50, 60, 80, 120])
def test_the_table_fits_narrow_terminals_and_keeps_the_verdict(width: int) -> None:
    lines = plain(results(SEARCHED, ASKED), width).splitlines()
    body = [line for line in lines if line.lstrip().startswith(("0 ", "1 ", "sample"))]
    assert len(body) == 3
    assert all(len(line) <= width for line in body)
    assert "certified" in body[1]
    assert "falsified" in body[2]


def test_a_table_of_nothing_says_so() -> None:
    assert "nothing finished" in plain(results())


def test_frames_are_written_as_the_option_takes_them() -> None:
    from certrnn.certification import parse_frames

    for value in ([0], [0, 1, 2], [0, 2, 3, 7]):
        assert parse_frames(spelled(value), 8)[0].name == value


def test_every_verdict_has_a_colour() -> None:
    from certrnn.report.table import COLOURS

    assert set(COLOURS) == set(VERDICTS)
