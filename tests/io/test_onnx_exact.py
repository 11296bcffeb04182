"""Folding constants keeps what they mean, to the last digit that it claims."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from certrnn.io.onnx import exact
from certrnn.io.onnx.tensors import Known

SINGLE = np.random.default_rng(0).standard_normal(500).astype(np.float32).astype(np.float64)
DOUBLE = np.random.default_rng(1).standard_normal(500)


def within(result: Known, truth: list[Fraction]) -> bool:
    bound = Fraction(result.relative_error)
    return all(
        abs(Fraction(float(r)) - t) <= bound * abs(Fraction(float(r)))
        for r, t in zip(result.array, truth, strict=True)
    )


OPERATIONS = {
    "add": (exact.add, lambda a, b: a + b),
    "multiply": (exact.multiply, lambda a, b: a * b),
    "divide": (exact.divide, lambda a, b: a / b),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("left", [SINGLE, DOUBLE])
@pytest.mark.parametrize("right", [SINGLE[::-1], DOUBLE[::-1], np.full(500, 4.0), np.full(500, 3.0)])
def test_arithmetic_stays_within_its_claim(name: str, left: np.ndarray, right: np.ndarray) -> None:
    ours, truth = OPERATIONS[name]
    result = ours(Known(left), Known(right))
    assert result is not None
    assert within(
        result, [truth(Fraction(float(a)), Fraction(float(b))) for a, b in zip(left, right, strict=True)]
    )


def test_products_of_single_numbers_and_powers_of_two_are_exact() -> None:
    result = exact.multiply(Known(SINGLE), Known(SINGLE[::-1]))
    halved = exact.divide(Known(DOUBLE), Known(np.full(500, 8.0)))
    assert result is not None
    assert halved is not None
    assert result.relative_error == halved.relative_error == 0.0


def test_matrix_products_and_sums_are_correctly_rounded() -> None:
    left, right = SINGLE[:200].reshape(10, 20), SINGLE[200:400].reshape(20, 10)
    result = exact.matrix_product(Known(left), Known(right))
    assert result is not None
    truth = [
        sum((Fraction(float(a)) * Fraction(float(b)) for a, b in zip(row, column, strict=True)), Fraction(0))
        for row in left
        for column in right.T
    ]
    assert within(Known(result.array.reshape(-1), result.relative_error), truth)
    whole = exact.total(Known(DOUBLE), (0,), keep=True)
    assert whole is not None
    assert within(whole, [sum((Fraction(float(d)) for d in DOUBLE), Fraction(0))])


def test_cancellation_of_inexact_numbers_is_left_to_the_graph() -> None:
    assert exact.add(Known(np.array([1.0]), 2.0**-53), Known(np.array([-1.0]))) is None
    assert exact.total(Known(np.array([1.0, -1.0]), 2.0**-53), (0,), keep=False) is None


@pytest.mark.parametrize("divisor", [0.0, np.inf, 5e-324])
def test_divisors_without_a_normal_reciprocal_are_refused(divisor: float) -> None:
    assert exact.divide(Known(np.array([1.0])), Known(np.array([divisor]))) is None


def test_products_that_underflow_are_refused() -> None:
    assert exact.multiply(Known(np.array([1e-200])), Known(np.array([1e-200]))) is None
