"""Cert-RNN's Algorithm 1 on its own grid, in half the evaluations."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from certrnn.search.interpolation import Curve, Interpolation, follow
from certrnn.search.radius import Certify, Schedule


@dataclass(frozen=True)
class PaperGrid(Schedule):
    """The largest certified multiple of ``0.5^(last - 1)`` below 1: what Algorithm 1 (Cert-RNN, CCS 2021) bisects for,
    starting at 0.5 and moving by ``0.5^l`` for l = first..last.

    The paper halves the grid and returns the last eps moved to, certified or not. This follows the interpolated margin
    to the same neighbouring pair, certified and not certified, and returns the certified one; where margins say
    nothing, it halves as well.
    """

    start: float = 0.5
    first: int = 2
    last: int = 13
    guess: float = 2.0**-6
    clean: torch.Tensor | None = None

    def largest(self, certify: Certify, batch: int) -> torch.Tensor:
        clean = [None] * batch if self.clean is None else self.clean.tolist()
        return follow([_GridCurve(self, margin) for margin in clean], certify)

    def informed(self, clean: torch.Tensor) -> PaperGrid:
        return replace(self, clean=clean)


class _GridCurve(Curve):
    """A curve that is asked on the grid only; its upper end is never asked and counts as not certified."""

    def __init__(self, grid: PaperGrid, clean: float | None) -> None:
        super().__init__(Interpolation(), grid.guess, 0.0, clean)
        self.unit, self.high = 0.5 ** (grid.last - 1), 2.0 * grid.start

    def next(self) -> float | None:
        low, high = round(self.low / self.unit), round(self.high / self.unit)
        if high - low <= 1:
            return None
        place = math.floor(self.wanted() / self.unit)
        return min(max(place, low + 1), high - 1) * self.unit
