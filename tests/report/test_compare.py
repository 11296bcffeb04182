"""Comparisons against numbers by hand and against scipy; one attack contradicts any method that claims too much."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from certrnn.report.columns import Strip, fitted
from certrnn.report.compare_table import CompareReport
from certrnn.report.violin import violin_picture
from certrnn.results.comparison import Comparison, Group, attack_beside, attacked_eps, u_test
from certrnn.results.figures import LONGEST, near
from tests.report.cases import HOSTILE, results, row
from tests.report.pictures import png, svg, texts


def group(values: list[float | None], path: str = "a.onnx", method: str = "zonotope") -> Group:
    return Group(
        results(*(row(n, value, method=method) for n, value in enumerate(values)), path=path), method
    )


def test_the_summary_is_the_one_by_hand() -> None:
    found = group([0.1, 0.2, None, 0.6, 0.0])
    assert found.values == [0.1, 0.2, 0.6, 0.0]
    assert (found.clean.count, found.clean.samples) == (4, 5)
    assert found.mean == pytest.approx(0.225)
    assert found.median == pytest.approx(0.15)
    assert found.deviation == pytest.approx(((0.125**2 + 0.025**2 + 0.375**2 + 0.225**2) / 3) ** 0.5)
    assert found.verified(0.2).count == 2
    assert found.seconds == pytest.approx(1.25)
    assert found.seconds_a_row == pytest.approx(0.25)
    assert found.share is None


def test_samples_with_several_rows_count_once_by_their_weakest() -> None:
    rows = [row(0, 0.3, 0.6, frames=[0]), row(0, 0.1, 0.5, frames=[1]), row(1, 0.2, 0.4, frames=[0])]
    found = Group(results(*rows), "zonotope")
    assert found.values == [0.1, 0.2]
    assert found.share == pytest.approx(statistics.fmean([0.1 / 0.5, 0.5]))


def test_nothing_and_one_value_have_no_spread() -> None:
    assert group([None]).mean is group([None]).median is group([None]).seconds_a_row is None
    assert group([0.1]).deviation is None


def test_u_counts_pairs_and_its_p_value_is_scipys() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(1.0, 0.2, 12), np.round(rng.normal(1.1, 0.2, 15), 1)
    test = u_test(group(a.tolist()), group(b.tolist(), method="crown"))
    assert test is not None
    by_hand = sum(float(x > y) + 0.5 * float(x == y) for x in a for y in b)
    theirs = mannwhitneyu(a, b, alternative="two-sided")
    assert (test.u, test.p) == (by_hand, pytest.approx(float(theirs.pvalue)))
    assert test.effect == pytest.approx(by_hand / (12 * 15))


def test_u_of_ties_and_of_nothing() -> None:
    test = u_test(group([0.1, 0.1]), group([0.1], method="crown"))
    assert test is not None
    assert (test.u, test.p, test.effect) == (1.0, 1.0, 0.5)
    assert u_test(group([None]), group([0.1])) is None


def test_tests_are_between_methods_of_a_model_and_models_of_a_method() -> None:
    groups = [group([0.1, 0.2], path, method) for path in "ab" for method in ("zonotope", "crown")]
    pairs = {
        tuple((g.results.path, g.method) for g in (t.first, t.second))
        for t in Comparison(tuple(groups)).tests
    }
    assert pairs == {
        (("a", "zonotope"), ("a", "crown")),
        (("b", "zonotope"), ("b", "crown")),
        (("a", "zonotope"), ("b", "zonotope")),
        (("a", "crown"), ("b", "crown")),
    }


def test_the_attack_stands_beside_every_method_and_contradicts_whoever_claims_too_much() -> None:
    attacked = attacked_eps(results(row(0, 0.0, 0.2), row(1, 0.0, None), row(2, None)))
    assert attacked == {(0, "all"): 0.2}
    honest = attack_beside(group([0.1, 0.3, None]).results, attacked)
    assert [(r.verdict, r.eps_attacked, r.ratio) for r in honest] == [
        ("certified", 0.2, 0.5),
        ("certified", None, None),
        ("misclassified", None, None),
    ]
    unsound = attack_beside(group([0.2, 0.3, None]).results, attacked)
    assert (unsound[0].verdict, unsound[0].eps_certified) == ("error", None)
    assert not Comparison((Group(honest, "zonotope"),)).broken
    assert Comparison((Group(unsound, "zonotope"),)).broken


@pytest.mark.parametrize(
    "groups",
    [
        [group([0.1])],
        [group([0.0, 0.0]), group([None], method="crown")],
        [group([0.2] * 30), group([0.01 * n for n in range(30)], method="crown")],
        [group([0.1, 0.2, 0.3], f"{'long' * 9}{n}", m) for n in range(3) for m in "abcdefgh"],
    ],
    ids=["one", "nothing", "equal", "many"],
)
def test_the_violins_are_pictures(groups: list[Group]) -> None:
    comparison = Comparison(tuple(groups))
    assert png(violin_picture(comparison, "png")).shape[1] <= 2500
    named = texts(svg(violin_picture(comparison, "svg")))
    assert {g.method for g in groups} <= set(named)


def test_hostile_names_are_spelled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    groups = [group([0.1, 0.2], hostile) for hostile in HOSTILE]
    report = CompareReport(Comparison(tuple(groups), (0.1,), HOSTILE))
    assert svg(report.content("svg")).find(".//{*}script") is None
    document = json.loads(report.content("json"))
    assert [g["model"]["path"] for g in document["comparison"]] == list(HOSTILE)
    assert len(document["tests"]) == len(HOSTILE) * (len(HOSTILE) - 1) // 2
    report.show(Console(width=220))
    assert not set(capsys.readouterr().out) & {"\u202e", "\u2066", "\u200f", "\x00", "\x07", "\ud800"}


def test_a_narrow_terminal_shows_whole_numbers() -> None:
    import io

    from rich.console import Console

    groups = (group([0.12345, 0.23456]), group([0.2, 0.3], method="crown"))
    report = CompareReport(Comparison(groups, (0.1,)))
    shown = {}
    for width in (50, 120):
        text = io.StringIO()
        report.show(Console(file=text, width=width, color_system=None))
        shown[width] = text.getvalue()
        assert "0.1790" in shown[width]  # the mean
        assert "0.07857" in shown[width] or width == 50  # the deviation
    assert "median" in shown[120]
    assert "median" not in shown[50]


@pytest.mark.parametrize("width", range(10, 40, 3))
def test_which_columns_are_shown_does_not_depend_on_a_measured_time(width: int) -> None:
    def headers(seconds: float) -> list[object]:
        strips = [
            Strip("method", ("zonotope",), numeric=False),
            Strip("median", ("0.0123",), 2),
            Strip("s/row", (near(seconds),), 1, least=LONGEST),
        ]
        return [column.header for column in fitted(strips, width).columns]

    assert headers(1e-7) == headers(0.5) == headers(12345.0)
