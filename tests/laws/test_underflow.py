"""What products lose that underflow is accounted for where something large multiplies it: exact, without tolerance.

The family of networks ``underflowing`` holds every analysis to the same; here the single steps are, and with TINY
forgotten each of them is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from types import ModuleType

import numpy as np
import pytest
import torch

from certrnn.analyses import planes, quadratic_form, substitution
from certrnn.analyses.planes import Parameters
from certrnn.analyses.recording import Recording, record
from certrnn.analyses.rows import Rows, enclosed_rows
from certrnn.domains import Zonotopes
from certrnn.ir import GraphBuilder
from certrnn.regions import LinfBall
from transformers_abs import TANH


def numbers(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def recorded(build: Callable[[GraphBuilder, int], int], center: float, eps: float) -> Recording:
    """One sample of one feature."""
    builder = GraphBuilder()
    graph = builder.build(build(builder, builder.input(0, 1)))
    return record(graph, LinfBall(numbers(center)[None, None], numbers(eps), (0,)), Zonotopes())[0]


def bounded(recording: Recording, coefficients: torch.Tensor) -> Fraction:
    """The lower bound of one row over the graph's output."""
    one_row = Rows({recording.graph.output: coefficients[None, None]}, coefficients.new_zeros(1, 1))
    return Fraction(float(enclosed_rows(recording, one_row, Parameters({}, {}))))


def a_coefficient_that_underflows() -> bool:
    """1e-200 * (1e-200 x) for x in [-2e200, -1e200]."""

    def chain(builder: GraphBuilder, x: int) -> int:
        first = builder.affine(numbers(1e-200)[None], numbers(0.0), x)
        return builder.affine(numbers(1e-200)[None], numbers(0.0), first)

    truth = Fraction(1e-200) ** 2 * Fraction(-2e200)
    return bounded(recorded(chain, -1.5e200, 0.5e200), numbers(1.0)) <= truth


def a_coefficient_of_a_sum_that_underflows() -> bool:
    def chain(builder: GraphBuilder, x: int) -> int:
        first = builder.affine(numbers(1e-200), numbers(0.0), x)
        return builder.sum([first], [1e-200])

    truth = Fraction(1e-200) ** 2 * Fraction(-2e200)
    return bounded(recorded(chain, -1.5e200, 0.5e200), numbers(1.0)) <= truth


def magnitudes_that_underflow() -> bool:
    """Coefficients of 1e200 cancel over values of 1e-400: their rounding counts, though the values read as zero."""
    rng = np.random.default_rng(0)
    weight = torch.from_numpy(1e-200 * rng.uniform(1.0, 2.0, (3, 1)))

    def chain(builder: GraphBuilder, x: int) -> int:
        small = builder.affine(numbers(1e-200), numbers(0.0), x)
        return builder.affine(weight, torch.zeros(3, dtype=torch.float64), small)

    recording = recorded(chain, 0.0, 1.0)
    for _ in range(20):
        first, second = rng.uniform(1e200, 2e200, 2).tolist()
        third = -(first * weight[0, 0] + second * weight[1, 0]) / weight[2, 0]
        row = numbers(first, second, float(third))
        slope = sum(
            Fraction(c) * Fraction(w) for c, w in zip(row.tolist(), weight[:, 0].tolist(), strict=True)
        )
        if bounded(recording, row) > -abs(slope) * Fraction(1e-200):
            return False
    return True


def an_eigenvalue_of_entries_that_underflow() -> bool:
    deviations = quadratic_form.Deviations(numbers(1e-170)[None, None], {0: (0, 1, 1)})
    form = {0: numbers(1e300)[None, None, None]}
    factor = quadratic_form.Factor.of(form, deviations.spans)
    proven = quadratic_form.largest_eigenvalue(deviations, factor, numbers(1.0)[None, None])
    return Fraction(float(proven)) >= Fraction(1e300) * Fraction(1e-170) ** 2


def a_remainder_of_entries_that_underflow() -> bool:
    recording = recorded(lambda builder, x: builder.elementwise(TANH, x), 0.0, 1.0)
    found = recording.nodes[recording.graph.output]
    weight, entry = 1e300, 1e-310
    least = planes._remainder(found, numbers(weight)[None, None], numbers(entry)[None, None, None])
    slack = Fraction(float(found.deviations[0].slack))
    return Fraction(float(least)) >= 2 * slack * Fraction(entry) * Fraction(weight)


STEPS: dict[str, tuple[Callable[[], bool], ModuleType]] = {
    "coefficient of an affine map": (a_coefficient_that_underflows, substitution),
    "coefficient of a sum": (a_coefficient_of_a_sum_that_underflows, substitution),
    "magnitudes": (magnitudes_that_underflow, substitution),
    "eigenvalue": (an_eigenvalue_of_entries_that_underflow, quadratic_form),
    "remainder": (a_remainder_of_entries_that_underflow, planes),
}
"""Whether a step encloses the truth, and the module that accounts for it."""


@pytest.mark.parametrize("name", STEPS)
def test_what_underflows_is_enclosed(name: str) -> None:
    encloses, _ = STEPS[name]
    assert encloses()


@pytest.mark.parametrize("name", STEPS)
def test_without_its_account_it_is_not(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encloses, module = STEPS[name]
    monkeypatch.setattr(module, "TINY", 0.0)
    assert not encloses()


def test_a_factor_of_the_smallest_numbers_dominates_their_form() -> None:
    tiny = [k * 5e-324 for k in range(1, 40)]
    factor = quadratic_form.Factor.of({0: numbers(*tiny)[None, None, None]}, {0: (0, 1, len(tiny))})
    pairs = zip(factor.own.flatten().tolist(), tiny, strict=True)
    assert all(Fraction(own) ** 2 >= Fraction(exact) for own, exact in pairs)
