"""Steps go outward, and the platform's functions keep to their stated budgets."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import mpmath
import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers_abs import rounding
from transformers_abs.compilation import kernel
from transformers_abs.univariate import s_shaped

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
LARGEST = float(np.finfo(np.float64).max)


@given(finite.filter(lambda x: abs(x) < LARGEST / 2))
def test_steps_go_at_least_one_number_and_at_most_three_outward(x: float) -> None:
    assert math.nextafter(x, math.inf) <= rounding.next_up(x) <= _stepped(x, math.inf, 3)
    assert math.nextafter(x, -math.inf) >= rounding.next_down(x) >= _stepped(x, -math.inf, 3)


def _stepped(x: float, towards: float, count: int) -> float:
    for _ in range(count):
        x = math.nextafter(x, towards)
    return x


@given(finite, finite)
def test_stepped_sums_and_products_bound_the_exact_ones(x: float, y: float) -> None:
    for computed, truth in ((x + y, Fraction(x) + Fraction(y)), (x * y, Fraction(x) * Fraction(y))):
        if abs(computed) < LARGEST / 2:
            assert (
                Fraction(float(rounding.next_down(computed)))
                <= truth
                <= Fraction(float(rounding.next_up(computed)))
            )


@given(finite.filter(lambda x: abs(x) < LARGEST / 16), st.floats(0.0, 1e300))
def test_widened_values_bound_the_exact_ones(x: float, error: float) -> None:
    assert Fraction(float(rounding.widen_up(x, error))) >= Fraction(x) + Fraction(error)
    assert Fraction(float(rounding.widen_down(x, error))) <= Fraction(x) - Fraction(error)


@given(finite.filter(lambda x: abs(x) < LARGEST / 16), st.sampled_from([0.5, 1.0, 4.0, 20.0]))
def test_ulps_are_at_least_so_many(x: float, count: float) -> None:
    assert Fraction(float(rounding.ulps(x, count))) >= Fraction(count) * Fraction(math.ulp(x))


@pytest.mark.parametrize("n", [0, 1, 2, 100, 10**6, 2**40])
def test_gamma_bounds_the_exact_quotient(n: int) -> None:
    u = Fraction(1, 2**53)
    assert Fraction(rounding.gamma(n)) >= n * u / (1 - n * u)


@pytest.mark.parametrize("n", [-1, 2**52])
def test_gamma_refuses_counts_it_says_nothing_about(n: int) -> None:
    with pytest.raises(ValueError, match=str(n)):
        rounding.gamma(n)


def _arguments(count: int) -> np.ndarray:
    """Arguments of every size, dense where tanh and exp vary."""
    rng = np.random.default_rng(5)
    third = count // 3
    return np.concatenate(
        [
            rng.uniform(-20.0, 20.0, third),
            rng.choice([-1.0, 1.0], third) * 10.0 ** rng.uniform(-20, 2.8, third),
            rng.normal(size=count - 2 * third),
        ]
    )


@kernel
def _map_value(kind, x, out):
    for i in range(x.shape[0]):
        out[i] = s_shaped.value(kind, x[i])


@kernel
def _map_derivative(kind, x, out):
    for i in range(x.shape[0]):
        out[i] = s_shaped.derivative(kind, x[i])


@kernel
def _map_exp(_, x, out):
    for i in range(x.shape[0]):
        out[i] = np.exp(x[i])


def _mapped(function: Callable[[float], float]) -> Callable[..., None]:
    """One of the platform's functions over an array, as kernels call it."""
    compiled = numba.njit(function)

    def compute(_: int, x: np.ndarray, out: np.ndarray) -> None:
        out[:] = [compiled(one) for one in x.tolist()]

    return compute


LIBRARY: dict[str, tuple[Callable[[float], float], Callable[..., mpmath.mpf], float, tuple[float, float]]] = {
    "expm1": (lambda x: np.expm1(x), lambda x: CONTEXT.expm1(x), rounding.EXP_ULPS, (-700.0, 0.0)),
    "log": (lambda x: np.log(x), lambda x: CONTEXT.log(x), rounding.LOG_ULPS, (1e-300, 1e3)),
    "log1p": (lambda x: np.log1p(x), lambda x: CONTEXT.log1p(x), rounding.LOG_ULPS, (1e-300, 1.0)),
    "erf": (lambda x: math.erf(x), lambda x: CONTEXT.erf(x), rounding.ERF_ULPS, (-30.0, 30.0)),
    "erfc": (lambda x: math.erfc(x), lambda x: CONTEXT.erfc(x), rounding.ERFC_ULPS, (-30.0, 26.0)),
}
"""The platform's functions with their truths, budgets and arguments."""


@pytest.mark.parametrize("name", LIBRARY)
def test_platform_keeps_to_its_budget(name: str) -> None:
    function, truth, budget, (least, most) = LIBRARY[name]
    x = _arguments(10_000)
    x = np.clip(np.abs(x) if least >= 0.0 else x, least, most)
    computed = np.empty_like(x)
    _mapped(function)(0, x, computed)
    errors = [
        abs(truth(CONTEXT.mpf(one)) - result) / math.ulp(result)
        for one, result in zip(x.tolist(), computed.tolist(), strict=True)
    ]
    assert float(max(errors)) <= budget - 1.5


CONTEXT = mpmath.mp.clone()
CONTEXT.prec = 100


def _sigmoid(x: mpmath.mpf) -> mpmath.mpf:
    return 1 / (1 + CONTEXT.exp(-x))


@pytest.mark.parametrize(
    ("compute", "kind", "truth", "budget"),
    [
        (_map_value, s_shaped.TANH_KIND, CONTEXT.tanh, rounding.TANH_ULPS),
        (_map_exp, 0, CONTEXT.exp, rounding.EXP_ULPS),
        (_map_value, s_shaped.SIGMOID_KIND, _sigmoid, rounding.SIGMOID_ULPS),
        (_map_derivative, s_shaped.TANH_KIND, lambda x: CONTEXT.sech(x) ** 2, s_shaped._DERIVATIVE_ULPS),
    ],
    ids=["tanh", "exp", "sigmoid", "derivative of tanh"],
)
def test_platform_keeps_to_half_its_budget(
    compute: Callable[..., None], kind: int, truth: Callable[[mpmath.mpf], mpmath.mpf], budget: float
) -> None:
    x = _arguments(100_000)
    computed = np.empty_like(x)
    compute(kind, x, computed)
    worst = 0.0
    for argument, result in zip(x.tolist(), computed.tolist(), strict=True):
        error = abs(truth(CONTEXT.mpf(argument)) - result)
        worst = max(worst, float(error / math.ulp(result)))
    assert worst <= budget - 1.5
