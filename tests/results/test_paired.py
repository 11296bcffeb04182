"""Paired tests against scipy's and by hand; a comparison shows them."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest

from certrnn.cli import main
from certrnn.results.paired import paired, sign_test
from tests.cli.terminal import QUICK


@pytest.mark.parametrize(("more", "less"), [(0, 0), (1, 0), (7, 2), (5, 5), (30, 11), (0, 60)])
def test_the_sign_test_is_the_binomial_one(more: int, less: int) -> None:
    count = more + less
    theirs = binomtest(more, count).pvalue if count else 1.0
    assert sign_test(more, less) == pytest.approx(float(theirs), rel=1e-12)


def test_wilcoxon_by_every_sign_of_the_ranks() -> None:
    rng = np.random.default_rng(0)
    first = {n: float(v) for n, v in enumerate(rng.normal(1.0, 0.3, 8))}
    second = {n: v - float(d) for (n, v), d in zip(first.items(), rng.normal(0.2, 0.3, 8), strict=True)}
    found = paired(first, {**second, 99: 1.0})
    assert found is not None
    moved = np.array([first[n] - second[n] for n in first])
    ranks = np.abs(moved).argsort().argsort() + 1
    seen = ranks[moved > 0].sum()
    sums = [sum(r for r, on in zip(ranks, way, strict=True) if on) for way in product((0, 1), repeat=8)]
    low, high = sum(s <= seen for s in sums), sum(s >= seen for s in sums)
    assert found.wilcoxon == pytest.approx(min(1.0, 2 * min(low, high) / len(sums)))
    assert (found.first, found.second, found.ties) == (int((moved > 0).sum()), int((moved < 0).sum()), 0)


def test_groups_without_a_common_sample_have_none() -> None:
    assert paired({0: 1.0}, {1: 1.0}) is None
    same = paired({0: 1.0}, {0: 1.0})
    assert same is not None
    assert (same.ties, same.sign, same.wilcoxon) == (1, 1.0, None)


def test_a_comparison_shows_what_lies_below_the_grid_and_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", *QUICK, "--samples", "0:4", "--frames", "all", "--methods", "interval,zonotope"]
    assert main([*arguments, "--no-attack"]) == 0
    shown = capsys.readouterr().out
    assert "< 0.0002442" in shown
    assert "0/4/0" in shown
    assert main([*arguments, "--no-attack", "--json"]) == 0
    (test,) = json.loads(capsys.readouterr().out)["tests"]
    assert test["paired"] == {"first": 0, "second": 4, "ties": 0, "sign": 0.125, "wilcoxon": 0.125}
