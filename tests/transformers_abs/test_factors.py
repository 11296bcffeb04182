"""Laws of the tables of a factor: its value and its second Taylor term lie within their spreads on every interval."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import transformers_abs
from tests.transformers_abs import exact
from tests.transformers_abs.mutants import Mutant, mutated

AXIS = "_bounding/_axis.py"
MUTANTS = (
    Mutant(
        "third derivative dropped", "", (), ((AXIS, "third = v * (abs(1.0 - 6.0 * v)", "third = v * (0.0"),)
    ),
    Mutant("fourth derivative dropped", "", (), ((AXIS, "fourth * k * (1.0 / 12.0)", "0.0 * k"),)),
    Mutant(
        "fourth derivative taken at the centre",
        "",
        (),
        ((AXIS, "growth = v * ((1.0 + 128.0 * u) + k + k * k)", "growth = v"),),
    ),
    Mutant("fourth derivative halved", "", (), ((AXIS, "_FOURTH = 0.128", "_FOURTH = 0.064"),)),
    Mutant("steepness of tanh forgotten", "", (), ((AXIS, "_s_shaped_x(w, mx)", "_s_shaped_x(w, 1.0)"),)),
    Mutant("peak of the slope forgotten", "", (), ((AXIS, "most = 0.25 if holds else most", "most = most"),)),
    Mutant("rounding of values forgotten", "", (), ((AXIS, "+ spread + 32.0 * u", "+ spread"),)),
)


def _intervals(
    wide: bool, steepness: float, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of intervals around 0, on the slopes and in the tails; those that are not wide are at most 3 / m long."""
    center = rng.normal(size=count) * 10.0 ** rng.uniform(-2.0, 1.5, size=count)
    half = 10.0 ** (
        rng.uniform(-1.0, 2.5, size=count) if wide else rng.uniform(-9.0, np.log10(1.5), size=count)
    )
    half = half if wide else half / steepness
    return center - half, center + half


def _violations(package: Any, kind: int, wide: bool, seed: int, rounds: int) -> list[tuple[Any, ...]]:
    """(row, low, high, x) where a factor leaves its spread; decided with 300 digits: tails are flat."""
    axis, at, parents = (
        importlib.import_module(f"{package.__name__}._bounding.{part}")
        for part in ("_axis", "_layout", "_parents")
    )
    m = 2.0 if kind == axis.TANH else 1.0
    w, found, rng = np.zeros(at.WORK_SIZE), [], np.random.default_rng(seed)
    for _ in range(rounds):
        low, high = _intervals(wide, m, at.PARENTS, rng)
        for row, values in ((at.X0, low), (at.X1, high), (at.X2, high)):
            w[at.PARENT + row * at.PARENTS : at.PARENT + (row + 1) * at.PARENTS] = values
        parents.quarter(w)
        axis.tabulate_axes(w, kind, axis.IDENTITY, wide, False)
        table = w[at.AXIS_X : at.AXIS_X + at.AXIS_ROWS * at.SLOTS].reshape(at.AXIS_ROWS, at.SLOTS)
        for s in range(at.PARENTS):
            points = rng.uniform(low[s], high[s], size=4).tolist()
            with exact.CONTEXT.workdps(300):
                found += _outside(at, table[:, s], m, [low[s], high[s], *points])
    return found


def _outside(at: Any, row: np.ndarray, m: float, points: list[float]) -> list[tuple[Any, ...]]:
    mp = exact.CONTEXT
    center, half = mp.mpf(float(row[at.CENTER])), mp.mpf(float(row[at.HALF]))

    def value(x: Any) -> Any:
        return m / (1 + mp.exp(-m * x)) + (1 - m)

    slope = m * m * mp.exp(-m * abs(center)) / (1 + mp.exp(-m * abs(center))) ** 2
    found = []
    for point in points:
        step = mp.mpf(float(point)) - center
        rise = value(center + step) - value(center)
        if abs(value(center + step) - float(row[at.VALUE])) > float(row[at.VALUE_SPREAD]):
            found.append(("value", float(center), float(half), point))
        if step != 0:
            second = (rise - slope * step) * (half / step) ** 2
            if abs(second - float(row[at.SECOND])) > float(row[at.SECOND_SPREAD]):
                found.append(("second", float(center), float(half), point))
    return found


each_kind = pytest.mark.parametrize("kind", ["SIGMOID", "TANH"])


@each_kind
@pytest.mark.parametrize("wide", [False, True])
def test_factors_stay_within_their_spreads(kind: str, wide: bool) -> None:
    axis = importlib.import_module("transformers_abs._bounding._axis")
    assert _violations(transformers_abs, getattr(axis, kind), wide, seed=1, rounds=150) == []


@each_kind
@pytest.mark.slow
def test_factors_stay_within_their_spreads_on_many_intervals(kind: str) -> None:
    axis = importlib.import_module("transformers_abs._bounding._axis")
    for wide in (False, True):
        assert _violations(transformers_abs, getattr(axis, kind), wide, seed=2, rounds=1000) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_planted_error_leaves_the_spreads(mutant: Mutant, tmp_path: Path) -> None:
    with mutated(tmp_path, mutant) as package:
        axis = importlib.import_module(f"{package.__name__}._bounding._axis")
        found = [
            violation
            for wide in (False, True)
            for violation in _violations(package, axis.TANH, wide, seed=3, rounds=60)
        ]
        assert found, f"{mutant.name} survives"
