"""Operations on interval matrices and proofs of rank, against exact arithmetic on members."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
import torch

from certrnn.dynamics import IntervalMatrix
from certrnn.dynamics.rank import full_row_rank
from tests.dynamics.exact import Exact, fractions
from tests.dynamics.networks import uniform

SETS = 30
WEIGHT = uniform(50, 5, 3)
SLOPES = (
    torch.minimum(uniform(51, SETS, 3), uniform(52, SETS, 3)),
    torch.maximum(uniform(51, SETS, 3), uniform(52, SETS, 3)),
)
SCALES = torch.tensor([0.3, 1.0, 7.0], dtype=torch.float64)


def sets(seed: int) -> IntervalMatrix:
    center, radius = uniform(seed, SETS, 3, 3), 10.0 ** (4.0 * uniform(seed + 1, SETS, 1, 1) - 4.0)
    radius = radius * (torch.arange(SETS) % 3 > 0)[:, None, None]
    return IntervalMatrix(center - radius, center + radius)


def member(matrix: IntervalMatrix, seed: int) -> torch.Tensor:
    share = (uniform(seed, *matrix.lower.shape) + 1.0) / 2.0
    inner = matrix.lower + share.round() * (matrix.upper - matrix.lower)
    return torch.minimum(torch.maximum(inner, matrix.lower), matrix.upper)


def product(left: Exact, right: Exact) -> Exact:
    columns = list(zip(*right, strict=True))
    return [[sum((a * b for a, b in zip(row, c, strict=True)), Fraction(0)) for c in columns] for row in left]


def combined(left: Exact, right: Exact, pick: Callable[[int, int, Fraction, Fraction], Fraction]) -> Exact:
    pairs = [list(zip(a, b, strict=True)) for a, b in zip(left, right, strict=True)]
    return [[pick(i, j, a, b) for j, (a, b) in enumerate(row)] for i, row in enumerate(pairs)]


def outside() -> dict[str, int]:
    """For every operation how many exact results of members lie outside of the result."""
    a, b = sets(1), sets(5)
    w = fractions(SCALES[None])[0]
    results = {
        "sum": (a + b, lambda k, m, n: combined(m, n, lambda _i, _j, x, y: x + y)),
        "scaled": (a.scaled(0.7), lambda k, m, n: combined(m, n, lambda _i, _j, x, y: Fraction(0.7) * x)),
        "negated": (a.scaled(-1.0), lambda k, m, n: combined(m, n, lambda _i, _j, x, y: -x)),
        "product": (a.multiplied(WEIGHT), lambda k, m, n: product(fractions(WEIGHT), m)),
        "similar": (a.similar(SCALES), lambda k, m, n: combined(m, n, lambda i, j, x, y: x * w[i] / w[j])),
    }
    slopes = member(IntervalMatrix(SLOPES[0][None], SLOPES[1][None]), 77)[0]
    rows = [fractions(slopes[k][None])[0] for k in range(SETS)]
    results["rows"] = (
        a.rows_times(*SLOPES),
        lambda k, m, n: combined(m, n, lambda i, _j, x, y: rows[k][i] * x),
    )
    counts = dict.fromkeys(results, 0)
    for seed in range(4):
        ma, mb = member(a, 90 + seed), member(b, 190 + seed)
        for name, (result, exact) in results.items():
            for k in range(SETS):
                low, high = fractions(result.lower[k]), fractions(result.upper[k])
                value = exact(k, fractions(ma[k]), fractions(mb[k]))
                inside = (
                    p <= v <= q
                    for r, s, t in zip(low, value, high, strict=True)
                    for p, v, q in zip(r, s, t, strict=True)
                )
                counts[name] += not all(inside)
    return counts


def test_results_of_members_lie_in_the_result() -> None:
    assert set(outside().values()) == {0}


def test_a_dropped_radius_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def middle(self: IntervalMatrix) -> tuple[torch.Tensor, torch.Tensor]:
        return 0.5 * self.lower + 0.5 * self.upper, torch.zeros_like(self.lower)

    monkeypatch.setattr(IntervalMatrix, "middle", middle)
    assert outside()["product"] > 0


def test_missing_rounding_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certrnn.dynamics.intervals.outward", lambda lower, upper: (lower, upper))
    counts = outside()
    assert counts["sum"] > 0
    assert counts["rows"] > 0


def test_rank_is_proved_where_it_is_clear() -> None:
    full = uniform(3, 10, 3, 5)
    assert bool(full_row_rank(IntervalMatrix.of(full)).all())
    assert bool(full_row_rank(IntervalMatrix(full - 1e-6, full + 1e-6)).all())


def test_rank_is_never_claimed_of_a_set_with_a_deficient_member() -> None:
    deficient = uniform(3, 200, 3, 5)
    deficient[:, 2] = deficient[:, 0] + deficient[:, 1]  # rounded: deficient up to one unit in the last place
    near = IntervalMatrix(deficient - 1e-15, deficient + 1e-15)
    assert not bool(full_row_rank(near).any())
    wide = uniform(4, 50, 3, 5)
    assert not bool(full_row_rank(IntervalMatrix(wide - 2.0, wide + 2.0)).any())
    assert not bool(full_row_rank(IntervalMatrix.of(uniform(5, 5, 3, 2))).any())
