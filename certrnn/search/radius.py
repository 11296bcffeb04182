"""The largest certified eps, batched: every row of a batch searches its own eps, all rows in one call a step.

An eps is reported only if it was itself certified; whether certification is monotone in eps does not matter for
soundness.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch

from certrnn.errors import UsageError

Certify = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""``certify(rows, eps)``: proved margins (R,) of a batch's rows ``rows`` (R,) at their ``eps`` (R,); certified where
positive. Schedules that only bisect take (R,) bool as well."""


class Schedule(ABC):
    """An order of eps to try."""

    @abstractmethod
    def largest(self, certify: Certify, batch: int) -> torch.Tensor:
        """The largest certified eps of each row, (batch,) float64; 0 where none was certified."""

    def informed(self, clean: torch.Tensor) -> Schedule:
        """The schedule once the margins (batch,) at eps 0 are known, in floating point: for guesses only."""
        return self


@dataclass(frozen=True)
class RelativeTolerance(Schedule):
    """Brackets by powers of ``stride`` from ``start`` within [floor, ceiling], then bisects the logarithm until the
    bracket's ratio is at most ``1 + tolerance``. Loses neither a radius of 1e-6 nor one above 1.

    Raises:
        UsageError: a tolerance that is not positive.
    """

    tolerance: float = 0.01
    start: float = 2.0**-5
    floor: float = 2.0**-50
    ceiling: float = 2.0**20
    stride: float = 4.0

    def __post_init__(self) -> None:
        if not 1e-9 <= self.tolerance < 10:
            raise UsageError("searching eps", "the relative tolerance lies in [1e-9, 10)", self.tolerance)

    def largest(self, certify: Certify, batch: int) -> torch.Tensor:
        low = torch.zeros(batch, dtype=torch.float64)
        high = torch.full((batch,), torch.inf, dtype=torch.float64)
        while True:
            open_rows = self._open(low, high).nonzero().flatten()
            if open_rows.numel() == 0:
                return low
            eps = self._next(low[open_rows], high[open_rows])
            ok = certify(open_rows, eps) > 0
            low[open_rows] = torch.where(ok, eps, low[open_rows])
            high[open_rows] = torch.where(ok, high[open_rows], eps)

    def _open(self, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        bracketed = (low > 0) & torch.isfinite(high)
        done = bracketed & (high <= low * (1.0 + self.tolerance))
        return ~done & (high > self.floor) & (low < self.ceiling)

    def _next(self, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        first = (low == 0) & torch.isinf(high)
        eps = torch.where(low == 0, high / self.stride, low * self.stride)
        eps = torch.where((low > 0) & torch.isfinite(high), (low * high).sqrt(), eps)
        return torch.where(first, self.start, eps)
