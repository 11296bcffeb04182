"""The interpolating search ends where bisection does, in fewer evaluations, and reports what was certified."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from certrnn.errors import UsageError
from certrnn.search import Interpolation, RelativeTolerance, Steps

CURVES = {
    "line": lambda e, end: 3.0 * (1 - e / end),
    "parabola": lambda e, end: 2.0 * (1 - (e / end) ** 2),
    "bend": lambda e, end: min(5.0 * (1 - e / end), 0.01 * (1 - e / end)),
    "cliff": lambda e, end: 1.0 if e <= end else -math.inf,
    "steep": lambda e, end: 1 - (e / end) ** 6,
    "flat": lambda e, end: 1.0 - math.exp(min(8 * (e / end - 1), 700.0)),
    "signs only": lambda e, end: 1.0 if e < end else -1.0,
}


class Counted:
    def __init__(self, curve, ends: list[float]) -> None:
        self.curve, self.ends, self.calls, self.asked = curve, ends, 0, {}

    def __call__(self, rows: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        margins = [self.curve(float(e), self.ends[int(r)]) for r, e in zip(rows, eps, strict=True)]
        for r, e, m in zip(rows.tolist(), eps.tolist(), margins, strict=True):
            self.asked.setdefault(r, {})[e] = m
        return torch.tensor(margins, dtype=torch.float64)


@pytest.mark.parametrize("name", CURVES)
@given(ends=st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=4), start=st.floats(1e-4, 10.0))
def test_it_ends_next_to_the_last_certified_eps(name: str, ends: list[float], start: float) -> None:
    certify = Counted(CURVES[name], ends)
    found = Interpolation(0.01, start).largest(certify, len(ends)).tolist()
    for row, (eps, end) in enumerate(zip(found, ends, strict=True)):
        assert end / 1.0101 <= eps <= end
        assert certify.asked[row][eps] > 0
    assert certify.calls < 60


def test_smooth_curves_take_half_the_evaluations() -> None:
    for name in ("line", "parabola"):
        ours, theirs = Counted(CURVES[name], [0.0123]), Counted(CURVES[name], [0.0123])
        Interpolation(0.01, 0.01, clean=torch.tensor([CURVES[name](0.0, 0.0123)])).largest(ours, 1)
        RelativeTolerance(0.01, start=0.01, stride=1.4).largest(theirs, 1)
        assert 2 * ours.calls <= theirs.calls


def test_only_eps_above_what_is_known_are_tried() -> None:
    certify = Counted(CURVES["line"], [0.5, 0.2])
    known = torch.tensor([0.4, 0.2], dtype=torch.float64)
    found = Interpolation(0.01, 0.3, known=known).largest(certify, 2)
    assert found[1] == 0.2
    assert all(eps > float(known[row]) for row, asked in certify.asked.items() for eps in asked)


def test_nothing_is_reported_where_nothing_holds() -> None:
    certify = Counted(lambda *_: -1.0, [1.0])
    assert Interpolation(0.01, floor=1e-6).largest(certify, 1).tolist() == [0.0]
    assert Counted(lambda *_: math.nan, [1.0])(torch.tensor([0]), torch.tensor([1.0])).isnan().all()
    assert Interpolation(0.01, floor=1e-6).largest(Counted(lambda *_: math.nan, [1.0]), 1).tolist() == [0.0]


def test_steps_go_up_while_they_succeed() -> None:
    certify = Counted(CURVES["signs only"], [0.5, 0.2, 0.1])
    found = Steps(torch.tensor([0.3, 0.2, 0.0], dtype=torch.float64), 1.1, 0.01).largest(certify, 3)
    assert 0.5 / 1.006 <= found[0] < 0.5
    assert found[1:].tolist() == [0.2, 0.0]
    assert certify.asked[0][float(found[0])] > 0
    assert 2 not in certify.asked


def test_a_tolerance_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="tolerance"):
        Interpolation(0.0)
