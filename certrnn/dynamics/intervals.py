"""Interval matrices with outward rounding: every operation encloses all results in exact real arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from certrnn.domains.rounding import TINY, gamma, outward, up


@dataclass(frozen=True, eq=False)
class IntervalMatrix:
    """All matrices with ``lower <= M <= upper`` entry by entry; a batch (B, n, m) of such sets."""

    lower: torch.Tensor
    upper: torch.Tensor

    @staticmethod
    def of(matrix: torch.Tensor) -> IntervalMatrix:
        """One matrix (n, m) or a batch of them, each taken as exact."""
        exact = matrix.to(torch.float64)
        exact = exact[None] if exact.ndim == 2 else exact
        return IntervalMatrix(exact, exact)

    @staticmethod
    def stack(parts: list[IntervalMatrix]) -> IntervalMatrix:
        """The batches of all parts, one after the other."""
        return IntervalMatrix(torch.cat([p.lower for p in parts]), torch.cat([p.upper for p in parts]))

    @property
    def magnitude(self) -> torch.Tensor:
        """The largest absolute value of every entry."""
        return torch.maximum(self.lower.abs(), self.upper.abs())

    @property
    def mignitude(self) -> torch.Tensor:
        """The smallest absolute value of every entry."""
        nearest = torch.minimum(self.lower.abs(), self.upper.abs())
        return torch.where((self.lower <= 0) & (self.upper >= 0), 0.0, nearest)

    def middle(self) -> tuple[torch.Tensor, torch.Tensor]:
        """A center and a radius, rounded up, that cover the set."""
        center = 0.5 * self.lower + 0.5 * self.upper
        return center, up(torch.maximum(self.upper - center, center - self.lower), 1)

    def transposed(self) -> IntervalMatrix:
        return IntervalMatrix(self.lower.transpose(1, 2), self.upper.transpose(1, 2))

    def part(self, index: int) -> IntervalMatrix:
        """The set at ``index`` of the batch, as a batch of one."""
        return IntervalMatrix(self.lower[index : index + 1], self.upper[index : index + 1])

    def __add__(self, other: IntervalMatrix) -> IntervalMatrix:
        return IntervalMatrix(*outward(self.lower + other.lower, self.upper + other.upper))

    def scaled(self, factor: float, error: float = 0.0) -> IntervalMatrix:
        """``factor`` times the set; the factor may be off by a share ``error`` of itself."""
        ends = torch.stack([factor * self.lower, factor * self.upper])
        spread = up(error * ends.abs().amax(dim=0), 2) if error else 0.0
        exact = factor in (1.0, -1.0) and not error
        lower, upper = ends.amin(dim=0) - spread, ends.amax(dim=0) + spread
        return IntervalMatrix(lower, upper) if exact else IntervalMatrix(*outward(*outward(lower, upper)))

    def rows_times(self, lower: torch.Tensor, upper: torch.Tensor) -> IntervalMatrix:
        """Row i times any number of ``[lower_i, upper_i]``, (B, n) each."""
        low, high = lower[..., None], upper[..., None]
        products = torch.stack([low * self.lower, low * self.upper, high * self.lower, high * self.upper])
        return IntervalMatrix(*outward(products.amin(dim=0), products.amax(dim=0)))

    def multiplied(self, weight: torch.Tensor, error: float = 0.0) -> IntervalMatrix:
        """``weight @ M`` for an exact weight (k, n), each coefficient off by at most a share ``error``."""
        center, radius = self.middle()
        terms = weight.shape[1] + 2
        size = weight.abs() @ (center.abs() + radius)
        spread = up(weight.abs() @ radius + (gamma(terms) + error) * size, 2 * terms + 4)
        product = weight @ center
        return IntervalMatrix(*outward(product - spread, product + spread))

    def similar(self, weights: torch.Tensor) -> IntervalMatrix:
        """``D M D^-1`` with D the diagonal of positive ``weights`` (n,)."""
        ratio = weights[:, None] / weights[None, :]
        low, high = self.lower * ratio, self.upper * ratio
        return IntervalMatrix(
            low - (gamma(4) * low.abs() + TINY),
            high + (gamma(4) * high.abs() + TINY),
        )

    def contains(self, matrix: torch.Tensor) -> torch.Tensor:
        """(B,) bool: whether each matrix of a batch (B, n, m) lies in its set."""
        return ((self.lower <= matrix) & (matrix <= self.upper)).flatten(1).all(dim=1)
