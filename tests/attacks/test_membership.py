"""Membership in an l-inf ball against rational arithmetic, at and one unit beside the boundary."""

from __future__ import annotations

import numpy as np
import torch

from certrnn.regions import LinfBall
from tests.attacks.cases import exactly_inside


def near_the_boundary(seed: int, count: int) -> tuple[LinfBall, torch.Tensor]:
    """Balls of every scale, and sequences at rounded distance eps, one unit more or one less."""
    rng = np.random.default_rng(seed)

    def scaled() -> torch.Tensor:
        return torch.from_numpy(rng.uniform(0, 1, count) * 10.0 ** rng.integers(-20, 1, count))

    center, eps = scaled(), scaled()
    x = center + torch.from_numpy(rng.choice([-1.0, 1.0], count)) * eps
    step = torch.from_numpy(rng.integers(-1, 2, count))
    x = torch.where(step == 0, x, torch.nextafter(x, x + step))
    return LinfBall(center[:, None, None], eps, (0,)), x[:, None, None]


def test_membership_is_exact() -> None:
    region, x = near_the_boundary(0, 20_000)
    expected = torch.tensor(exactly_inside(region, x))
    assert 4_000 < int(expected.sum()) < 16_000
    assert torch.equal(region.contains(x), expected)


def test_rounded_membership_is_caught() -> None:
    """The mutant ``fl(x - center) <= eps`` differs on these sequences."""
    region, x = near_the_boundary(0, 20_000)
    rounded = (x - region.center).abs()[:, 0, 0] <= region.eps
    assert not torch.equal(rounded, torch.tensor(exactly_inside(region, x)))


def test_what_is_not_a_number_lies_nowhere() -> None:
    ball = LinfBall(torch.zeros(3, 1, 1, dtype=torch.float64), torch.ones(3, dtype=torch.float64), (0,))
    x = torch.tensor([torch.nan, torch.inf, -torch.inf], dtype=torch.float64)[:, None, None]
    assert ball.contains(x).tolist() == [False, False, False]


def test_selected_rows_are_the_same_sets() -> None:
    region, x = near_the_boundary(3, 50)
    rows = torch.tensor([7, 7, 0, 49])
    assert torch.equal(region.select(rows).contains(x[rows]), region.contains(x)[rows])
