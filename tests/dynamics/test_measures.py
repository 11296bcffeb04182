"""Measures of interval matrices against exact arithmetic on sampled members: tolerance zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import torch

from certrnn.dynamics.intervals import IntervalMatrix
from certrnn.dynamics.measures import NORMS, Bounds, Infinity, Norm, One, Two, fitted_norms
from tests.dynamics.exact import Exact, exceeds, fractions, measure_inf, measure_one
from tests.dynamics.networks import uniform

SETS, MEMBERS = 100, 100  # 10^4 matrices for every norm


def families(size: int = 4, sets: int = SETS) -> IntervalMatrix:
    """Sets of every width, from single matrices to wide ones; some with negative measures, some of every scale."""
    scale = 10.0 ** (4.0 * uniform(3, sets, 1, 1))
    center = uniform(1, sets, size, size) - 2.0 * torch.eye(size) * (torch.arange(sets) % 3)[:, None, None]
    width = 10.0 ** (-4.0 * (uniform(2, sets, 1, 1) + 1.0)) * (torch.arange(sets) % 4 > 0)[:, None, None]
    radius = width * (uniform(4, sets, size, size) + 1.0)
    return IntervalMatrix(scale * (center - radius), scale * (center + radius))


def members(matrix: IntervalMatrix, count: int) -> Iterator[torch.Tensor]:
    """Vertices and inner points of every set, (B, n, n) each."""
    for k in range(count):
        share = (uniform(100 + k, *matrix.lower.shape) + 1.0) / 2.0
        share = share.round() if k % 2 else share
        inner = matrix.lower + share * (matrix.upper - matrix.lower)
        yield torch.minimum(torch.maximum(inner, matrix.lower), matrix.upper)


def wrong(norm: Norm, lower: float, upper: float, matrix: Exact) -> bool:
    """The exact measure of a member lies outside the bounds."""
    if isinstance(norm, Two):
        return exceeds(lower, matrix) or not exceeds(upper, matrix)
    exact = measure_inf(matrix) if isinstance(norm, Infinity) else measure_one(matrix)
    return not lower <= exact <= upper


def violations(norm: Norm, sets: IntervalMatrix, count: int) -> int:
    lower, upper = (b.tolist() for b in norm.measure(sets))
    found = 0
    for batch in members(sets, count):
        assert bool(sets.contains(batch).all())
        for k, matrix in enumerate(batch):
            exact = fractions(matrix)
            if norm.weights is not None:
                w = fractions(norm.weights[None])[0]
                exact = [[v * w[i] / w[j] for j, v in enumerate(row)] for i, row in enumerate(exact)]
            found += wrong(norm, lower[k], upper[k], exact)
    return found


@pytest.mark.parametrize("norm", NORMS, ids=str)
def test_ten_thousand_matrices_lie_inside(norm: Norm) -> None:
    assert violations(norm, families(), MEMBERS) == 0


@pytest.mark.parametrize("norm", fitted_norms(families(sets=20)), ids=str)
def test_weighted_measures_lie_inside(norm: Norm) -> None:
    assert violations(norm, families(sets=20), 20) == 0


@pytest.mark.parametrize("norm", NORMS, ids=str)
def test_bounds_of_one_matrix_are_tight(norm: Norm) -> None:
    single = IntervalMatrix.of(families().lower)
    lower, upper = norm.measure(single)
    assert bool(((upper - lower) <= 1e-11 * (1.0 + single.magnitude.flatten(1).sum(1))).all())


def test_the_extremes_of_the_entries_are_reached() -> None:
    """mu_1 and mu_inf over a set are no looser than the measure of some member."""
    sets = families()
    for norm, exact in ((Infinity(), measure_inf), (One(), measure_one)):
        lower, upper = norm.measure(sets)
        size = torch.arange(4)
        top, bottom = (
            torch.where(sets.magnitude == sets.upper, sets.upper, sets.lower),
            sets.mignitude.clone(),
        )
        top[:, size, size] = torch.diagonal(sets.upper, dim1=1, dim2=2)
        bottom[:, size, size] = torch.diagonal(sets.lower, dim1=1, dim2=2)
        for k in range(SETS):
            assert float(upper[k]) - float(exact(fractions(top[k]))) <= 1e-11 * float(sets.magnitude[k].sum())
            assert float(exact(fractions(bottom[k]))) - float(lower[k]) <= 1e-11 * float(
                sets.magnitude[k].sum()
            )


@dataclass(frozen=True, eq=False)
class SignFlipped(Infinity):
    """Off-diagonal entries are subtracted."""

    def unweighted(self, matrix: IntervalMatrix) -> Bounds:
        _, upper = super().unweighted(matrix)
        diagonal = torch.diagonal(matrix.upper, dim1=1, dim2=2)
        return -upper.abs() - 1e9, (2.0 * diagonal - matrix.upper.abs().sum(2)).amax(1)


@dataclass(frozen=True, eq=False)
class DiagonalInAbsoluteValue(Infinity):
    """The norm instead of the measure: an upper bound, but no lower one."""

    def unweighted(self, matrix: IntervalMatrix) -> Bounds:
        return matrix.mignitude.sum(2).amax(1), matrix.magnitude.sum(2).amax(1)


@dataclass(frozen=True, eq=False)
class RadiusDropped(Two):
    """The measure of the center."""

    def unweighted(self, matrix: IntervalMatrix) -> Bounds:
        return super().unweighted(IntervalMatrix.of(matrix.middle()[0]))


@dataclass(frozen=True, eq=False)
class ColumnsForRows(One):
    """Rows are summed where columns are meant."""

    def unweighted(self, matrix: IntervalMatrix) -> Bounds:
        return Infinity().unweighted(matrix)


@dataclass(frozen=True, eq=False)
class Nearest(Infinity):
    """No outward rounding."""

    name: str = field(default="inf", init=False)

    def unweighted(self, matrix: IntervalMatrix) -> Bounds:
        terms, place = matrix.magnitude.clone(), torch.arange(matrix.lower.shape[1])
        terms[:, place, place] = torch.diagonal(matrix.upper, dim1=1, dim2=2)
        return terms.sum(2).amax(1) - 1e9, terms.sum(2).amax(1)


@dataclass(frozen=True, eq=False)
class ComputedEigenvalue(Two):
    """The eigenvalue as computed, believed."""

    def unweighted(self, matrix: IntervalMatrix) -> Bounds:
        symmetric = 0.5 * (matrix.upper + matrix.upper.transpose(1, 2))
        value = torch.linalg.eigvalsh(symmetric)[:, -1]
        return value - 1e9, value * (1.0 - 2.0**-52 * torch.sign(value))


@dataclass(frozen=True, eq=False)
class SymmetricPartForgotten(Two):
    """Eigenvalues of the lower triangle mirrored, not of ``(M + M^T)/2``."""

    def unweighted(self, matrix: IntervalMatrix) -> Bounds:
        value = torch.linalg.eigvalsh(0.5 * matrix.lower + 0.5 * matrix.upper)[:, -1]
        return value - 1e9, value + 1e-9


MUTANTS = (
    SignFlipped(),
    DiagonalInAbsoluteValue(),
    RadiusDropped(),
    ColumnsForRows(),
    Nearest(),
    ComputedEigenvalue(),
    SymmetricPartForgotten(),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: type(m).__name__)
def test_planted_errors_are_caught(mutant: Norm) -> None:
    assert violations(mutant, families(), 4) > 0


def test_what_is_not_a_number_proves_nothing() -> None:
    broken = torch.full((1, 3, 3), torch.nan, dtype=torch.float64)
    wide = torch.full((1, 3, 3), torch.inf, dtype=torch.float64)
    for norm in NORMS:
        for sets in (IntervalMatrix(broken, broken), IntervalMatrix(-wide, wide)):
            lower, upper = norm.measure(sets)
            assert not bool((upper < 0).any())
            assert not bool((lower >= 0).any())


def test_norms_and_measures_belong_together() -> None:
    """``(|I + th A| - 1) / th`` falls towards the measure as th goes to zero."""
    a = uniform(9, 6, 3, 3)
    for norm in (*NORMS, *fitted_norms(IntervalMatrix.of(a))):
        step = 1e-6
        x = uniform(10, 4000, 3)
        moved = torch.einsum("bij,nj->bni", torch.eye(3) + step * a, x)
        grown = torch.stack([norm.of_vector(m) for m in moved]) / norm.of_vector(x) - 1.0
        assert bool((grown.amax(1) / step <= norm.measure(IntervalMatrix.of(a))[1] + 1e-4).all())
        assert bool((grown.amax(1) / step >= norm.measure(IntervalMatrix.of(a))[0] - 0.2).all())


def test_induced_norms_bound_products() -> None:
    sets = families(sets=20)
    for norm in NORMS:
        bound = norm.induced(sets)
        for batch in members(sets, 4):
            x = uniform(11, 20, 4)
            reached = norm.of_vector(torch.einsum("bij,bj->bi", batch, x))
            assert bool((reached <= bound * norm.of_vector(x) * (1 + 1e-12)).all())
