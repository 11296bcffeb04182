"""A list of eps is decided by bisection, and never more than was certified."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from certrnn.errors import UsageError
from certrnn.search import EpsGrid
from tests.search.test_radius import Spy, honest


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 11, 100])
def test_every_threshold_is_found_in_logarithmically_many_calls(size: int) -> None:
    eps = tuple((i + 1) / size for i in range(size))
    spy = Spy(lambda row, e: row > 0 and e <= eps[row - 1])  # row 0 is never certified, row i up to eps i
    found = honest(EpsGrid(eps), spy, size + 1)
    assert found.tolist() == [0.0, *eps]
    assert spy.calls <= math.ceil(math.log2(size + 1))


def test_what_fails_at_an_eps_counts_as_failed_above_it() -> None:
    spy = Spy(lambda row, eps: eps != 0.2)
    assert honest(EpsGrid((0.1, 0.2, 0.3)), spy, 1).tolist() == [0.1]


def test_zero_is_decided_by_an_eps_that_contains_it() -> None:
    for others in itertools.chain([()], [(1e-3, 0.5)], [(1e-20,)]):
        grid = EpsGrid.including((0.0, *others))
        assert len(grid.eps) == len(others) + 1
        assert 0 < grid.eps[0] <= 2.0**-50
        assert grid.eps[1:] == tuple(sorted(others))
    assert EpsGrid.including((0.5, 0.1, 0.1)).eps == (0.1, 0.5)


@pytest.mark.parametrize(
    "eps", [(), (0.0,), (-0.1, 0.1), (0.2, 0.1), (0.1, 0.1), (float("inf"),), (float("nan"),)]
)
def test_lists_that_are_no_grid_are_refused(eps: tuple[float, ...]) -> None:
    with pytest.raises(UsageError):
        EpsGrid(eps)


def test_no_rows_are_no_result() -> None:
    assert EpsGrid((0.1,)).largest(lambda rows, eps: torch.ones(0, dtype=torch.bool), 0).shape == (0,)
