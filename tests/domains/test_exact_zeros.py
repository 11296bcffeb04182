"""What is 0 stays 0 in interval arithmetic: products with zeros are not rounded, so that they need no room."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from certrnn.domains.interval import Interval, affine_interval, rows_lower, sum_interval
from certrnn.ir import Affine, Sum
from tests.laws.networks import numbers


def some(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    """Numbers, about half of them zeros."""
    return numbers(rng, *shape) * torch.from_numpy(rng.integers(0, 2, shape)).double()


def values(seed: int, size: int = 4) -> tuple[np.random.Generator, Interval]:
    rng = np.random.default_rng(seed)
    low, high = -some(rng, 3, size).abs(), some(rng, 3, size).abs()
    return rng, Interval(low, high)


def least(weights: list[float], low: list[float], high: list[float], offset: float) -> Fraction:
    """The exact least value of a linear form over a box."""
    ends = (Fraction(w) * Fraction(a if w >= 0 else b) for w, a, b in zip(weights, low, high, strict=True))
    return sum(ends, Fraction(offset))


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("seed", range(30))
def test_affine_maps_hold_every_value_and_what_is_exact(seed: int, diagonal: bool) -> None:
    rng, value = values(seed)
    weight, bias = some(rng, 4) if diagonal else some(rng, 4, 4), some(rng, 4)
    found = affine_interval(Affine(weight, bias, (0,)), value)
    matrix = torch.diag(weight) if diagonal else weight
    for b in range(3):
        low, high = value.lower[b].tolist(), value.upper[b].tolist()
        for j, row in enumerate(matrix.tolist()):
            below = least(row, low, high, float(bias[j]))
            above = -least([-w for w in row], low, high, -float(bias[j]))
            assert Fraction(float(found.lower[b, j])) <= below
            assert Fraction(float(found.upper[b, j])) >= above
            if all(w * (a if w > 0 else c) == 0 for w, a, c in zip(row, low, high, strict=True)):
                assert found.lower[b, j] == bias[j]


@pytest.mark.parametrize("seed", range(30))
def test_rows_hold_every_value_and_what_is_exact(seed: int) -> None:
    rng, value = values(seed)
    rows, offset = some(rng, 3, 2, 4), some(rng, 3, 2)
    found = rows_lower(value, rows, offset)
    for b in range(3):
        for k in range(2):
            row, low, high = (v.tolist() for v in (rows[b, k], value.lower[b], value.upper[b]))
            exact = least(row, low, high, float(offset[b, k]))
            assert Fraction(float(found[b, k])) <= exact
            if all(w * (a if w > 0 else c) == 0 for w, a, c in zip(row, low, high, strict=True)):
                assert found[b, k] == offset[b, k]


def test_coefficients_that_err_are_not_taken_as_exact() -> None:
    zero = torch.zeros(1, 2, dtype=torch.float64)
    one = torch.ones(2, 2, dtype=torch.float64)
    found = affine_interval(Affine(one, one[0], (0,), "", 1e-9), Interval(zero, zero))
    assert bool((found.lower < 1.0).all())
    assert bool((found.upper > 1.0).all())


def test_sums_of_zeros_are_zero_and_others_are_not() -> None:
    zero, one = torch.zeros(1, 2, dtype=torch.float64), torch.tensor([[0.0, 0.1]], dtype=torch.float64)
    found = sum_interval(Sum((1.0, -1.0), (0, 1), 2), [Interval(zero, zero), Interval(one, one)])
    assert (float(found.lower[0, 0]), float(found.upper[0, 0])) == (0.0, 0.0)
    assert float(found.lower[0, 1]) < -0.1 < float(found.upper[0, 1])


def test_tiny_products_are_not_taken_for_zeros() -> None:
    """They underflow, and are no zeros: the bound has to lie below."""
    tiny = torch.full((1, 1), 1e-300, dtype=torch.float64)
    weight = torch.full((1, 1), -1e-300, dtype=torch.float64)
    found = affine_interval(Affine(weight, torch.zeros(1).double(), (0,)), Interval(tiny, tiny))
    assert float(found.lower) < 0.0
    row = rows_lower(Interval(tiny, tiny), weight[None], torch.zeros(1, 1).double())
    assert float(row) < 0.0
