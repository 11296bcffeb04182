"""The checker's functions and residuals hold every point of 50-digit arithmetic, and errors planted there are seen."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from certrnn.certificates.checker import arithmetic, residuals
from certrnn.certificates.checker.forward import DIRECTIONS, extent
from certrnn.certificates.checker.residuals import ARITY, Cuts, Quadratic, residual

EXACT = {
    "tanh": lambda x, y: mpmath.tanh(x),
    "sigmoid": lambda x, y: 1 / (1 + mpmath.exp(-x)),
    "relu": lambda x, y: max(x, mpmath.mpf(0)),
    "leaky": lambda x, y: x if x > 0 else mpmath.mpf(-0.5) * x,
    "sigmoid_tanh": lambda x, y: mpmath.tanh(y) / (1 + mpmath.exp(-x)),
    "mul_sigmoid": lambda x, y: x / (1 + mpmath.exp(-y)),
    "product": lambda x, y: x * y,
}
PARAMETER = -0.5
ENDS = (np.zeros(2), np.ones(2), np.array([0.0, 1.0]), np.full(2, 0.5))
bounded = residual


@pytest.fixture(autouse=True)
def _fifty_digits() -> object:
    with mpmath.workdps(50):
        yield


def regions(name: str, seed: int, count: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slopes, lower and upper ends (2, N) of all sizes; the second row zero for one argument."""
    random = np.random.default_rng(seed)
    center, half = random.normal(size=(2, count)) * 2.0, 10.0 ** random.uniform(-9, 1, size=(2, count))
    lower, upper, slopes = center - half, center + half, random.normal(size=(2, count)) * 0.4
    lower[:, 0] = upper[:, 0] = center[:, 0]
    if ARITY[name] == 1:
        lower[1] = upper[1] = slopes[1] = 0.0
    return slopes, lower, upper


def escapes(name: str, seed: int, clipped: bool = False, curved: bool = False, points: int = 12) -> int:
    """How many points lie outside of the bounds."""
    slopes, lower, upper = regions(name, seed)
    random, count = np.random.default_rng(seed + 1), lower.shape[1]
    middle, half = 0.5 * (lower + upper), np.maximum(upper - lower, 1e-12)
    cuts = q = None
    if clipped:
        width = np.abs(DIRECTIONS).sum(1)[:, None] * random.uniform(0.25, 0.6, size=(len(DIRECTIONS), count))
        cuts = Cuts(DIRECTIONS[:, :, None] / half, middle, width)
    if curved:
        q = Quadratic(random.normal(size=(3, count)) * np.array([[1.0], [0.7], [1.0]]), middle + 0.1 * half)
        if ARITY[name] == 1:
            q.coefficients[1:] = 0.0
    low, high = bounded(name, PARAMETER, slopes, lower, upper, cuts, q)
    found = 0
    for k in range(count):
        for share in [
            *random.uniform(size=(points, 2)),
            np.zeros(2),
            np.ones(2),
            np.array([0.0, 1.0]),
            np.full(2, 0.5),
        ]:
            point = np.clip(lower[:, k] + share * (upper[:, k] - lower[:, k]), lower[:, k], upper[:, k])
            x, y = (mpmath.mpf(float(v)) for v in point)
            if cuts is not None and not inside(cuts, k, x, y):
                continue
            value = EXACT[name](x, y) - mpmath.mpf(slopes[0, k]) * x - mpmath.mpf(slopes[1, k]) * y
            if q is not None:
                xx, xy, yy = (mpmath.mpf(c) for c in q.coefficients[:, k])
                dx, dy = x - mpmath.mpf(q.center[0, k]), y - mpmath.mpf(q.center[1, k])
                value -= xx * dx**2 + 2 * xy * dx * dy + yy * dy**2
            found += not mpmath.mpf(low[k]) <= value <= mpmath.mpf(high[k])
    return found


def inside(cuts: Cuts, k: int, x: mpmath.mpf, y: mpmath.mpf) -> bool:
    dx, dy = x - mpmath.mpf(cuts.center[0, k]), y - mpmath.mpf(cuts.center[1, k])
    sums = [abs(mpmath.mpf(n[0]) * dx + mpmath.mpf(n[1]) * dy) for n in cuts.normal[:, :, k]]
    return all(total <= mpmath.mpf(width) for total, width in zip(sums, cuts.width[:, k], strict=True))


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("curved", [False, True])
def test_residuals_hold_every_point(name: str, curved: bool) -> None:
    assert sum(escapes(name, seed, curved=curved) for seed in range(3)) == 0


@pytest.mark.parametrize("name", [name for name, arity in ARITY.items() if arity == 2])
@pytest.mark.parametrize("curved", [False, True])
def test_clipped_residuals_hold_every_point_of_the_cuts(name: str, curved: bool) -> None:
    assert sum(escapes(name, seed, clipped=True, curved=curved) for seed in range(2)) == 0


@pytest.mark.parametrize("name", EXACT)
def test_extents_hold_the_corners(name: str) -> None:
    _, lower, upper = regions(name, 7, 40)
    arity = ARITY[name]
    low, high = extent(name, PARAMETER, lower[:arity, None], upper[:arity, None])
    for k in range(lower.shape[1]):
        for x in (lower[0, k], upper[0, k]):
            for y in (lower[1, k], upper[1, k]):
                value = EXACT[name](mpmath.mpf(x), mpmath.mpf(y))
                assert mpmath.mpf(low[0, k]) <= value <= mpmath.mpf(high[0, k])


def test_sigmoid_and_tanh_keep_their_errors() -> None:
    random = np.random.default_rng(0)
    x = np.concatenate(
        [
            random.normal(size=400) * 10.0 ** random.uniform(-8, 3, 400),
            [0.0, -0.0, 700.0, -700.0, 1e6, -1e6, 37.0],
        ]
    )
    for own, error, name in (
        (arithmetic.sigmoid(x), arithmetic.SIGMOID_ERROR, "sigmoid"),
        (arithmetic.tanh(x), arithmetic.TANH_ERROR, "tanh"),
    ):
        worst = max(
            abs(mpmath.mpf(a) - EXACT[name](mpmath.mpf(b), None)) for a, b in zip(own, x, strict=True)
        )
        assert worst <= mpmath.mpf(error)


def test_the_constants_of_lemma_t_bound_the_derivatives() -> None:
    assert mpmath.mpf(residuals.SECOND_S) >= 1 / (6 * mpmath.sqrt(3))
    assert mpmath.mpf(residuals.SECOND_T) >= 4 / (3 * mpmath.sqrt(3))


@pytest.mark.parametrize(
    ("name", "function", "change"),
    [
        ("tanh", "tanh", lambda x: arithmetic.tanh(x) + 1e-6),
        ("sigmoid_tanh", "tanh", lambda x: np.clip(x, -1.0, 1.0)),
        ("mul_sigmoid", "sigmoid", lambda x: arithmetic.sigmoid(0.99 * x)),
        ("sigmoid", "_around", lambda value, reach, low, high: (value, value)),
    ],
)
def test_errors_planted_in_functions_are_seen(
    name: str, function: str, change: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residuals, function, change)
    assert sum(escapes(name, seed) for seed in range(3)) > 0


def test_a_cut_that_is_too_narrow_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def narrow(name: str, parameter: float, slopes: Any, lower: Any, upper: Any, cuts: Cuts, q: Any) -> Any:
        return residual(name, parameter, slopes, lower, upper, cuts._replace(width=0.7 * cuts.width), q)

    monkeypatch.setitem(globals(), "bounded", narrow)
    assert sum(escapes("product", seed, clipped=True) for seed in range(3)) > 0
