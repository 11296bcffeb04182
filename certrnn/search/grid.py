"""The largest certified eps among given ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from certrnn.errors import UsageError
from certrnn.search.radius import Certify, Schedule

FLOOR = 2.0**-50
"""Stands for eps 0, which no result can tell from "nothing was certified": what holds at this eps holds at 0."""


@dataclass(frozen=True)
class EpsGrid(Schedule):
    """Bisects the position in a list of eps: ``ceil(log2(K + 1))`` calls for K of them instead of K.

    The regions of a threat are nested: what is certified at an eps is certified at every smaller one, so the largest
    certified eps of a row decides all of the list. An eps that fails is taken to fail at every larger one; where an
    analysis is not monotone this loses an eps, it never adds one.

    Args:
        eps: positive, ascending.

    Raises:
        UsageError: no eps, or eps that are not positive numbers in ascending order.

    >>> EpsGrid((0.1, 0.2, 0.4)).largest(lambda rows, eps: eps <= torch.tensor([0.25, 0.05, 9.0])[rows], 3).tolist()
    [0.2, 0.0, 0.4]
    """

    eps: tuple[float, ...]

    def __post_init__(self) -> None:
        ascending = all(a < b for a, b in zip(self.eps, self.eps[1:], strict=False))
        if not (self.eps and ascending and all(math.isfinite(e) and e > 0 for e in self.eps)):
            raise UsageError("searching a list of eps", "they are positive and ascending", list(self.eps))

    @staticmethod
    def including(eps: tuple[float, ...]) -> EpsGrid:
        """The grid that decides every one of ``eps`` (non-negative, in any order): 0 is decided by a tiny eps."""
        positive = sorted({e for e in eps if e != 0.0})
        if 0.0 in eps:
            positive.insert(0, min([FLOOR, *(e / 2 for e in positive)]))
        return EpsGrid(tuple(positive))

    def largest(self, certify: Certify, batch: int) -> torch.Tensor:
        values = torch.tensor(self.eps, dtype=torch.float64)
        passed = torch.full((batch,), -1)
        failed = torch.full((batch,), len(values))
        while (rows := (failed - passed > 1).nonzero().flatten()).numel():
            middle = (passed[rows] + failed[rows]) // 2
            ok = certify(rows, values[middle]) > 0
            passed[rows] = torch.where(ok, middle, passed[rows])
            failed[rows] = torch.where(ok, failed[rows], middle)
        return torch.where(passed >= 0, values[passed.clamp_min(0)], 0.0)
