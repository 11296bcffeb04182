"""Coppel's and Groenwall's inequalities against solutions that are known."""

from __future__ import annotations

import math

import pytest
import torch

from certrnn.dynamics import NORMS, IntervalMatrix, coppel, discrete_groenwall, discrete_growth, groenwall
from tests.dynamics.networks import uniform


@pytest.mark.parametrize("norm", NORMS, ids=str)
def test_coppel_holds_of_matrix_exponentials(norm: object) -> None:
    """``dh/dt = A_k h`` over stretches of time, whose solution is a product of exponentials."""
    for seed in range(20):
        a = 2.0 * uniform(seed, 3, 4, 4)
        durations = (uniform(seed + 100, 3).abs() + 0.1).tolist()
        above = norm.measure(IntervalMatrix.of(a))[1].tolist()  # type: ignore[attr-defined]
        opposite = norm.measure(IntervalMatrix.of(-a))[1].tolist()  # type: ignore[attr-defined]
        low, high = coppel(above, opposite, durations)
        h = uniform(seed + 200, 50, 4)
        before = norm.of_vector(h)  # type: ignore[attr-defined]
        for matrix, time in zip(a, durations, strict=True):
            h = h @ torch.linalg.matrix_exp(time * matrix).T
        ratio = norm.of_vector(h) / before  # type: ignore[attr-defined]
        assert bool(((low <= ratio * (1 + 1e-12)) & (ratio <= high * (1 + 1e-12))).all())
        assert low < float(ratio.min())


@pytest.mark.parametrize("norm", NORMS, ids=str)
def test_steps_grow_by_the_measure_of_the_opposite(norm: object) -> None:
    """``|(I + Delta A) e| >= (1 - Delta mu(-A)) |e|`` for any Delta, with equality reached for diagonal matrices."""
    for delta in (1.0, 0.1, 3.0):
        a = uniform(7, 200, 3, 3) + 2.0 * torch.eye(3)
        opposite = norm.measure(IntervalMatrix.of(-a))[1]  # type: ignore[attr-defined]
        e = uniform(8, 200, 3)
        grown = norm.of_vector(e + delta * torch.einsum("bij,bj->bi", a, e)) / norm.of_vector(e)  # type: ignore[attr-defined]
        assert int((opposite < 0).sum()) > 10
        for factor, measure in zip(grown.tolist(), opposite.tolist(), strict=True):
            assert factor >= discrete_growth([measure], delta)
    assert discrete_growth([-1.0, -0.5]) == pytest.approx(3.0)
    assert discrete_growth([-1.0, 1.5]) == 0.0


def test_the_measure_of_the_matrix_itself_would_be_wrong() -> None:
    """A planted error: growth from ``mu(A)`` instead of ``mu(-A)`` promises too much."""
    a = torch.tensor([[[1.0, 0.0], [0.0, 0.1]]], dtype=torch.float64)
    e = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    norm = NORMS[2]
    grown = float(norm.of_vector(e + torch.einsum("bij,bj->bi", a, e)) / norm.of_vector(e))
    assert grown >= discrete_growth([float(norm.measure(IntervalMatrix.of(-a))[1])])
    assert grown < 1.0 + float(norm.measure(IntervalMatrix.of(a))[1])


def test_groenwall_is_rounded_up() -> None:
    assert groenwall([0.5], [0.2], [2.0]) >= 0.4 * math.exp(1.0)
    assert groenwall([0.5], [0.2], [2.0]) == pytest.approx(0.4 * math.exp(1.0))
    assert groenwall([1e9], [1.0], [1.0]) == math.inf
    assert coppel([1e9], [-1e9], [1.0])[1] == math.inf
    assert math.isfinite(coppel([1e9], [-1e9], [1.0])[0])


def test_discrete_groenwall_follows_the_recursion() -> None:
    assert discrete_groenwall([2.0, 3.0], [1.0, 1.0], [0.1, 0.2]) == pytest.approx(0.5)
    assert discrete_groenwall([math.inf], [1.0], [0.0]) == math.inf  # inf times zero
