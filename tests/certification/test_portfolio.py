"""``auto`` climbs from cheap to expensive within a row's budget, says who decided, and keeps the self-check."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import certrnn
from certrnn.analyses import Analysis, Backward
from certrnn.certification import AttackFalsifier, Problem, Query, parse_frames
from certrnn.certification.methods import METHODS, STEPS
from certrnn.certification.portfolio import Bound, Portfolio
from certrnn.examples import path
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec
from tests.clock import LATE, Clock

MODEL = certrnn.load("example:digits_rnn")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Budgets are spent by looking at the clock: what they buy is the same on every machine."""
    made = Clock(step=0.01)
    monkeypatch.setattr("time.perf_counter", made)
    return made


def samples(count: int) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path("digits")) as data:
        return data["x"][:count], data["y"][:count]


def test_every_step_is_a_method() -> None:
    assert set(STEPS) <= set(METHODS)
    assert METHODS.keys() >= {"interval", "zonotope", "crown", "alpha-crown", "joint", "bab"}


def test_a_budget_buys_more_than_the_first_method_and_names_who_proved_it() -> None:
    x, y = samples(2)
    cheap = MODEL.radius(x, y, frames="all", method="zonotope")
    expensive = MODEL.radius(x, y, frames="all", budget=2.0)
    for low, high in zip(cheap, expensive, strict=True):
        assert high.eps_certified > low.eps_certified
        assert high.eps_certified < high.eps_attacked
        assert high.method in STEPS
        assert high.verdict == "certified"
        assert high.margin > 0


def test_an_eps_between_the_methods_is_certified_by_a_more_expensive_one() -> None:
    x, y = samples(1)
    eps = 1.03 * MODEL.radius(x, y, frames="all", method="zonotope", attack=False)[0].eps_certified
    assert MODEL.certify(x, y, eps=eps, frames="all", method="zonotope", attack=False)[0].verdict == "unknown"
    (row,) = MODEL.certify(x, y, eps=eps, frames="all", budget=2.0)
    assert (row.verdict, row.eps_certified) == ("certified", eps)
    assert row.method in STEPS


def test_a_falsified_row_costs_no_expensive_method(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = samples(1)
    asked: list[str] = []
    monkeypatch.setattr(Portfolio, "_margin", lambda self, analysis, sample, eps: asked.append(analysis.name))
    (row,) = MODEL.certify(x, y, eps=5.0, frames="all", budget=60.0)
    assert row.verdict == "falsified"
    assert row.method == "zonotope"
    assert asked == []


def problem() -> Problem:
    x, y = samples(1)
    graph = MODEL.network.graph(x.shape[1:])
    return Problem.of(graph, torch.from_numpy(x).double(), torch.from_numpy(y).long())


def test_the_budget_is_kept(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """One evaluation may still end after the deadline, none begins."""
    begun, margin = [], Portfolio._margin

    def noting(self, analysis, sample, eps):
        begun.append(clock.now)
        return margin(self, analysis, sample, eps)

    monkeypatch.setattr(Portfolio, "_margin", noting)
    ladder, start = Portfolio(problem(), parse_frames("all", 8)[0], budget=0.5), clock.now
    found = ladder.search(torch.tensor([0]), Bound(1e-3, 1.0, "zonotope"), math.inf)
    assert begun
    assert max(begun) <= start + 0.5 + 2 * clock.step
    assert clock.now < start + 0.5 + LATE * clock.step
    assert found.eps >= 1e-3


def test_without_time_nothing_is_tried() -> None:
    ladder = Portfolio(problem(), parse_frames("all", 8)[0], budget=0.0)
    assert ladder.search(torch.tensor([0]), Bound(1e-3, 1.0, "zonotope"), math.inf).method == "zonotope"
    assert ladder.decide(torch.tensor([0]), 0.01, None) is None


def test_nothing_beyond_a_counterexample_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    ladder, seen = Portfolio(problem(), parse_frames("all", 8)[0], budget=1.0, steps=("joint-output",)), []
    true = Portfolio._margin

    def watched(self, analysis, sample, eps):
        seen.append(float(eps))
        return true(self, analysis, sample, eps)

    monkeypatch.setattr(Portfolio, "_margin", watched)
    ladder.search(torch.tensor([0]), Bound(1e-3, 1.0, "zonotope"), 1.1e-3)
    assert seen
    assert max(seen) < 1.1e-3


def test_a_network_too_large_for_the_expensive_methods_keeps_the_cheap_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = {name: lambda: Backward("small", memory=1) for name in STEPS}
    monkeypatch.setattr("certrnn.certification.portfolio.METHODS", small)
    x, y = samples(1)
    (row,) = MODEL.radius(x, y, frames="all", budget=5.0, attack=False)
    assert row.method == "zonotope"
    assert row.verdict == "certified"


def test_branching_begins_where_its_root_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, true = [], Portfolio._margin

    def watched(self, analysis, sample, eps):
        seen.append(analysis.name)
        return true(self, analysis, sample, eps)

    monkeypatch.setattr(Portfolio, "_margin", watched)
    threat, start = parse_frames("7", 8)[0], Bound(1e-3, 1.0, "zonotope")
    found = Portfolio(problem(), threat, budget=3.0, steps=("bab",)).search(
        torch.tensor([0]), start, math.inf
    )
    assert seen[0] == "joint"
    assert seen == sorted(seen, reverse=True)
    assert found.method == "bab"
    assert found.eps > 1.1e-3
    assert [stage.name for stage in Portfolio(problem(), threat, 1.0)._stages(METHODS["bab"]())] == ["bab"]


def test_a_method_that_takes_too_long_is_left_for_the_next(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """One evaluation of .2 s is too expensive in 4 s, and the next method, nine times as expensive, still fits."""
    seen, clock.step = [], 0.0

    def slow(self, analysis, sample, eps):
        seen.append((analysis.name, float(eps)))
        clock.now += 0.2 if analysis.name == "joint-output" else 0.0
        return 1.0 - float(eps) / 0.0112

    monkeypatch.setattr(Portfolio, "_margin", slow)
    threat, start = parse_frames("all", 8)[0], Bound(0.01, 1.0, "zonotope")
    for budget, evaluations in ((4.0, 1), (0.5, 3)):
        seen.clear()
        Portfolio(problem(), threat, budget, ("joint-output", "joint")).search(
            torch.tensor([0]), start, math.inf
        )
        names = [name for name, _ in seen]
        assert names.count("joint-output") == evaluations
    assert "joint" not in names
    seen.clear()
    Portfolio(problem(), threat, 4.0, ("joint-output", "joint")).search(torch.tensor([0]), start, math.inf)
    assert seen[1][0] == "joint"
    assert seen[1][1] > 1.09 * seen[0][1]


class Liar(Analysis):
    """Proves everything."""

    name = "liar"

    def margins(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        return torch.ones(region.batch, spec.width, dtype=torch.float64)


def test_a_expensive_method_that_claims_too_much_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the attack's own search had no luck, it still tries inside what a expensive method claims."""
    for name in ("alpha-crown", "joint-output"):  # the first step, so that no budget ends before it
        monkeypatch.setitem(METHODS, name, Liar)
    monkeypatch.setattr(
        AttackFalsifier, "smallest", lambda self, p, samples, t: torch.full((len(samples),), torch.inf)
    )
    x, y = samples(2)
    for method in ("joint-output", "auto"):
        for row in MODEL.radius(x, y, frames="all", method=method):
            assert (row.verdict, row.eps_certified) == ("error", None)
            assert row.eps_attacked is not None


def test_a_query_without_a_budget_gives_auto_one() -> None:
    assert Query().budget is None
    x, y = samples(1)
    (row,) = MODEL.radius(x, y, frames="all", attack=False)
    assert row.method in STEPS


def test_a_named_expensive_method_starts_from_what_the_first_proves() -> None:
    x, y = samples(1)
    (first,) = MODEL.radius(x, y, frames="all", method="zonotope", attack=False)
    (row,) = MODEL.radius(x, y, frames="all", method="joint-output", attack=False)
    assert row.method == "joint-output"
    assert row.eps_certified > first.eps_certified
    (cut,) = MODEL.radius(x, y, frames="all", method="joint", budget=1e-3, attack=False)
    assert cut.eps_certified <= first.eps_certified


def test_only_analyses_in_one_pass_are_tried_before_the_clock_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Counting(Liar):
        def margins(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
            asked.append(region.batch)
            return super().margins(graph, region, spec)

    monkeypatch.setitem(METHODS, "joint", Counting)
    x, y = samples(2)
    MODEL.certify(x, y, eps=0.01, frames="all", method="joint", budget=5.0, attack=False)
    assert sum(asked) == 2
