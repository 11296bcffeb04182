"""Two groups on the same samples, pair by pair: far more is seen than between two heaps of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import comb
from typing import Any


@dataclass(frozen=True)
class Paired:
    """Certified eps of samples that both groups answer right.

    Args:
        first, second: samples of which that group certifies more.
        ties: samples of which both certify the same.
        sign: two-sided p of the sign test, exact; ties are left out.
        wilcoxon: two-sided p of Wilcoxon's signed-rank test; None where nothing differs.
    """

    first: int
    second: int
    ties: int
    sign: float
    wilcoxon: float | None

    @property
    def pairs(self) -> int:
        return self.first + self.second + self.ties

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def paired(first: Mapping[int, float], second: Mapping[int, float]) -> Paired | None:
    """The tests of two groups' values by sample; None where they share no sample.

    >>> found = paired({0: 0.3, 1: 0.2, 2: 0.1}, {0: 0.2, 1: 0.1, 2: 0.1, 7: 0.5})
    >>> found.first, found.second, found.ties, found.sign
    (2, 0, 1, 0.5)
    """
    both = [(first[sample], second[sample]) for sample in sorted(first) if sample in second]
    if not both:
        return None
    more, less = sum(a > b for a, b in both), sum(a < b for a, b in both)
    return Paired(more, less, len(both) - more - less, sign_test(more, less), _wilcoxon(both))


def sign_test(more: int, less: int) -> float:
    """Two-sided p of the sign test: how often fair coins lie as far apart.

    >>> sign_test(5, 0), sign_test(3, 3), sign_test(0, 0)
    (0.0625, 1.0, 1.0)
    """
    count = more + less
    tail = sum(comb(count, k) for k in range(min(more, less) + 1))
    return float(min(Fraction(2 * tail, 2**count), Fraction(1)))


def _wilcoxon(both: list[tuple[float, float]]) -> float | None:
    from scipy.stats import wilcoxon

    moved = [a - b for a, b in both if a != b]
    if not moved:
        return None
    result: Any = wilcoxon(moved)
    return float(result.pvalue)
