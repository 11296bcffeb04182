"""Curves counted by hand, and their pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest

from certrnn.report.curve_plot import curve_picture
from certrnn.report.curve_table import CurveReport
from certrnn.results.curve import Curve, curve, full_curve
from certrnn.results.samples import by_sample
from tests.report.cases import HOSTILE, results, row
from tests.report.pictures import png, svg, texts

ROWS = (row(0, 0.1, 0.3), row(1, 0.2, 0.25), row(2, 0.0, 0.1), row(3, None))
"""Certified .1, .2, nothing; attacked .3, .25, .1; one wrong."""


def counts(found: Curve) -> list[tuple[float, int, int | None, int]]:
    return [
        (p.eps, p.verified.count, None if p.attacked is None else p.attacked.count, p.clean.count)
        for p in found.points
    ]


def test_the_counts_are_those_by_hand() -> None:
    found = curve(by_sample(ROWS), [0.3, 0.0, 0.1, 0.15, 0.2, 0.25], attacked=True)
    assert counts(found) == [
        (0.0, 2, 3, 3),  # sample 2 is right, but not certified at any eps
        (0.1, 2, 2, 3),
        (0.15, 1, 2, 3),
        (0.2, 1, 2, 3),
        (0.25, 0, 1, 3),
        (0.3, 0, 0, 3),
    ]
    assert found.points[0].clean.value == 0.75
    assert found.points[1].verified.interval == pytest.approx((0.150, 0.850), abs=5e-4)


def test_without_an_attack_there_is_no_attacked_accuracy() -> None:
    found = curve(by_sample(ROWS), [0.1], attacked=False)
    assert counts(found) == [(0.1, 2, None, 3)]
    assert not found.attacked


def test_the_full_curve_has_every_step() -> None:
    samples = by_sample(ROWS)
    full = full_curve(samples, attacked=True)
    assert [p.eps for p in full.points] == [0.0, 0.1, 0.2, 0.25, 0.3]
    for eps in np.linspace(0.0, 0.35, 141).tolist():
        (point,) = curve(samples, [eps], attacked=True).points
        above = next((p.verified.count for p in full.points if p.eps >= eps), 0)
        assert point.attacked is not None
        below = [p.attacked.count for p in full.points if p.eps <= eps and p.attacked is not None][-1]
        assert (point.verified.count, point.attacked.count) == (above, below)


def test_the_lines_are_ordered_and_fall() -> None:
    rng = np.random.default_rng(0)
    rows = [
        row(n, float(c) if rng.random() < 0.8 else None, float(c + rng.random()))
        for n, c in enumerate(rng.random(200))
    ]
    points = curve(by_sample(rows), np.linspace(0, 2, 21).tolist(), attacked=True).points
    seen = [(p.verified.count, p.attacked.count if p.attacked else -1, p.clean.count) for p in points]
    assert all(v <= a <= c for v, a, c in seen)
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(
    ("rows", "eps"),
    [(ROWS, np.linspace(0, 0.4, 100).tolist()), (ROWS[:1], [0.1]), (ROWS[3:], [0.0])],
    ids=["four", "one", "wrong"],
)
def test_the_pictures_are_pictures(rows: tuple, eps: list[float]) -> None:
    found = curve(by_sample(rows), eps, attacked=True)
    assert png(curve_picture(found, "png")).shape[1] > 800
    assert "eps" in texts(svg(curve_picture(found, "svg")))


def test_the_same_curve_gives_the_same_file() -> None:
    found = curve(by_sample(ROWS), [0.0, 0.1], attacked=True)
    assert curve_picture(found, "svg") == curve_picture(found, "svg")


def test_hostile_names_are_spelled_in_pictures_and_tables(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    for hostile in HOSTILE:
        about = results(*ROWS, path=hostile, notes=(hostile,))
        report = CurveReport(about, curve(by_sample(ROWS), [0.1], attacked=True))
        root = svg(report.content("svg"))
        assert len(texts(root)) > 5
        assert root.find(".//{*}script") is None
        assert json.loads(report.content("json"))["model"]["path"] == hostile
        report.show(Console(width=200))
        out = capsys.readouterr().out
        assert not set(out) & {"\u202e", "\u2066", "\u200f", "\x00", "\x07", "\ud800"}


def test_a_narrow_terminal_shows_whole_numbers_without_intervals() -> None:
    import io

    from rich.console import Console

    report = CurveReport(results(*ROWS), curve(by_sample(ROWS), [0.1], attacked=True))
    shown = []
    for width in (50, 100):
        text = io.StringIO()
        report.show(Console(file=text, width=width, color_system=None))
        shown.append(text.getvalue())
    assert "50.0 %" in shown[0]
    assert "[" not in shown[0]
    assert "50.0 % [ 15.0,  85.0]" in shown[1]
