"""The ball of the sum of absolute values."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch

from certrnn.regions._norm_ball import NormBall


@dataclass(frozen=True, eq=False)
class L1Ball(NormBall):
    """``|| (x - center) / radii ||_1 <= eps`` for every disturbed frame, or jointly.

    >>> ball = L1Ball(torch.zeros(1, 1, 2), torch.tensor([1.0]), (0,))
    >>> ball.contains(torch.tensor([[[0.5, -0.5]]])).tolist(), ball.contains(torch.tensor([[[0.6, 0.5]]])).tolist()
    ([True], [False])
    """

    @property
    def order(self) -> int:
        return 1

    def sizes(self, moved: torch.Tensor) -> torch.Tensor:
        return moved.abs().sum(dim=2)

    def exact_power(self, moved: list[Fraction]) -> Fraction:
        return sum(moved, Fraction(0))

    def nearest(self, moved: torch.Tensor, room: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
        """``y_i = clamp(moved_i - t, 0, room_i)`` with the smallest t >= 0 that keeps the budget.

        The sum is piecewise linear in t, with a bend at every ``moved_i`` and ``moved_i - room_i``: sort the bends and
        interpolate (Duchi et al., ICML 2008, with upper ends).
        """
        moved = moved.clamp(max=1e150)
        peak = moved.amax(dim=2, keepdim=True)
        # counted from the largest, so that a far point loses nothing: its distance is not among the numbers
        start = moved - peak
        full = start - torch.minimum(room, moved)
        bends = torch.cat([start, full], dim=2)
        order = torch.argsort(bends, dim=2, descending=True)
        bends = bends.gather(2, order)
        step = torch.cat([torch.ones_like(start), -torch.ones_like(full)], dim=2).gather(2, order)
        slope = step.cumsum(2)
        gaps = bends[..., :-1] - bends[..., 1:]
        total = torch.cat([torch.zeros_like(peak), (gaps * slope[..., :-1]).cumsum(2)], dim=2)
        # the last bend at which the sum still keeps the budget, and the way from there
        last = ((total <= eps).long().sum(2, keepdim=True) - 1).clamp_min(0)
        base, reached, rise = (v.gather(2, last) for v in (bends, total, slope))
        level = base - torch.where(rise > 0, (eps - reached) / rise.clamp_min(1.0), 0.0)
        near = torch.minimum((start - torch.maximum(level, -peak)).clamp_min(0.0), torch.minimum(room, moved))
        return near * (eps / self.sizes(near)[..., None].clamp_min(1e-300)).clamp_max(1.0)
