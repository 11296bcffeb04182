"""Searches report only what was certified, and find radii of every size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from certrnn.errors import UsageError
from certrnn.search import Certify, EpsGrid, PaperGrid, RelativeTolerance, Schedule

SCHEDULES: dict[str, Schedule] = {
    "paper": PaperGrid(),
    "relative": RelativeTolerance(),
    "coarse": RelativeTolerance(1.0),
    "fine": RelativeTolerance(1e-6),
    "grid": EpsGrid.including((0.0, *(i / 40 for i in range(1, 41)))),
    "single": EpsGrid((0.25,)),
}
HIGHEST = {"paper": 0.9997, "grid": 1.0, "single": 0.25}
"""Where a schedule ends, unless it goes on to 2^20."""


@dataclass
class Spy:
    """Answers from an oracle ``(row, eps) -> bool`` and remembers what it said yes to, and how often it was asked."""

    oracle: Callable[[int, float], bool]
    yes: set[tuple[int, float]] = field(default_factory=set)
    calls: int = 0

    def __call__(self, rows: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        assert eps.dtype == torch.float64
        assert bool((torch.isfinite(eps) & (eps > 0)).all())
        answers = [self.oracle(r, e) for r, e in zip(rows.tolist(), eps.tolist(), strict=True)]
        self.yes |= {(r, e) for r, e, ok in zip(rows.tolist(), eps.tolist(), answers, strict=True) if ok}
        return torch.tensor(answers, dtype=torch.bool)


def honest(schedule: Schedule, certify: Spy, batch: int) -> torch.Tensor:
    """The result, once every eps in it is known to be zero or certified for its own row."""
    found = schedule.largest(certify, batch)
    assert found.shape == (batch,)
    assert all(eps == 0.0 or (row, eps) in certify.yes for row, eps in enumerate(found.tolist()))
    return found


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("seed", range(20))
def test_what_is_reported_was_certified_whatever_the_oracle(name: str, seed: int) -> None:
    """Not monotone at all: yes and no by chance, but the same for the same question."""
    rng = np.random.default_rng(seed)
    share, salt = rng.uniform(0.05, 0.95), int(rng.integers(1 << 30))
    spy = Spy(
        lambda row, eps: bool(np.random.default_rng([salt, row, hash(eps) & 0xFFFFFFFF]).random() < share)
    )
    found = honest(SCHEDULES[name], spy, 30)
    assert all(
        max((e for r, e in spy.yes if r == row), default=0.0) >= eps for row, eps in enumerate(found.tolist())
    )
    assert bool((found > 0).any())


@pytest.mark.parametrize("name", SCHEDULES)
def test_nothing_certified_is_zero_and_everything_certified_ends(name: str) -> None:
    assert honest(SCHEDULES[name], Spy(lambda row, eps: False), 3).tolist() == [0.0] * 3
    top = honest(SCHEDULES[name], Spy(lambda row, eps: True), 3)
    assert bool((top >= HIGHEST.get(name, 2.0**20)).all())
    assert SCHEDULES[name].largest(Spy(lambda row, eps: True), 0).shape == (0,)


def algorithm_1(threshold: float) -> list[float]:
    """The eps that Cert-RNN's Algorithm 1 certifies at, straight from the paper's loop."""
    eps, tried = 0.5, []
    for level in range(2, 14):
        tried.append(eps)
        eps = eps + 0.5**level if eps <= threshold else eps - 0.5**level
    return tried


def test_the_paper_grid_is_the_papers() -> None:
    thresholds = [*np.linspace(0, 1.1, 80).tolist(), 0.5, 0.25, 0.75, 2.0**-13]
    spy = Spy(lambda row, eps: eps <= thresholds[row])
    found = honest(PaperGrid(), spy, len(thresholds))
    assert spy.calls <= 20  # without margins it halves; with them see below
    for threshold, eps in zip(thresholds, found.tolist(), strict=True):
        assert eps == max((e for e in algorithm_1(threshold) if e <= threshold), default=0.0)
        # every multiple of 2^-12 between the ends is on the grid
        if 2.0**-12 <= threshold <= 1 - 2.0**-12:
            assert threshold - 2.0**-12 < eps <= threshold


def test_the_paper_grid_follows_margins_in_fewer_evaluations_than_the_paper() -> None:
    for end in np.linspace(0.003, 0.15, 30).tolist():
        asked: list[float] = []

        def certify(
            rows: torch.Tensor, eps: torch.Tensor, end: float = end, asked: list = asked
        ) -> torch.Tensor:
            asked.extend(eps.tolist())
            return 3.0 - 2.0 * eps / end - (eps / end) ** 2

        found = PaperGrid().largest(certify, 1).item()
        assert found in asked
        assert found < end <= found + 2.0**-12
        assert len(asked) <= 10 < 12


@pytest.mark.parametrize("tolerance", [1.0, 0.1, 0.01, 1e-6])
def test_radii_of_every_size_are_found_within_the_tolerance(tolerance: float) -> None:
    radii = (10.0 ** np.linspace(-9, 5, 60)).tolist()
    spy = Spy(lambda row, eps: eps <= radii[row])
    found = honest(RelativeTolerance(tolerance), spy, len(radii))
    for radius, eps in zip(radii, found.tolist(), strict=True):
        assert radius / (1.0 + tolerance) * (1 - 1e-12) <= eps <= radius
    assert spy.calls < 80


def test_rows_do_not_disturb_each_other() -> None:
    radii = [1e-7, 0.3, 4e3]
    together = RelativeTolerance().largest(Spy(lambda row, eps: eps <= radii[row]), 3)
    alone = [RelativeTolerance().largest(Spy(lambda _, eps, r=r: eps <= r), 1) for r in radii]
    assert torch.equal(together, torch.cat(alone))


@pytest.mark.parametrize("tolerance", [0.0, -0.1, float("nan"), 1e-10, 10.0, float("inf")])
def test_a_tolerance_that_makes_no_sense_is_refused(tolerance: float) -> None:
    with pytest.raises(UsageError, match="tolerance"):
        RelativeTolerance(tolerance)


def test_a_liar_among_schedules_is_caught() -> None:
    """The eps that the paper's loop ends at was never certified itself."""

    class LastMovedTo(PaperGrid):
        def largest(self, certify: Certify, batch: int) -> torch.Tensor:
            eps = torch.full((batch,), self.start, dtype=torch.float64)
            for level in range(self.first, self.last + 1):
                ok = certify(torch.arange(batch), eps)
                eps = eps + torch.where(ok, 0.5, -0.5) * 0.5 ** (level - 1)
            return eps

    with pytest.raises(AssertionError):
        honest(LastMovedTo(), Spy(lambda row, eps: eps <= 0.3), 1)
