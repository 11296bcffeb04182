"""The Euclidean ball."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch

from certrnn.regions._norm_ball import NormBall

_ROUNDS = 12
"""Rounds of the projection: each clamps at least one more feature, and rarely more than three are needed."""


@dataclass(frozen=True, eq=False)
class L2Ball(NormBall):
    """``|| (x - center) / radii ||_2 <= eps`` for every disturbed frame, or jointly.

    >>> ball = L2Ball(torch.zeros(1, 1, 2), torch.tensor([1.0]), (0,))
    >>> ball.contains(torch.tensor([[[0.6, 0.75]]])).tolist(), ball.contains(torch.tensor([[[0.75, 0.75]]])).tolist()
    ([True], [False])
    """

    @property
    def order(self) -> int:
        return 2

    def sizes(self, moved: torch.Tensor) -> torch.Tensor:
        # scaled, so that the squares of tiny steps do not vanish
        peak = moved.abs().amax(dim=2, keepdim=True)
        safe = torch.where((peak > 0) & peak.isfinite(), peak, 1.0)
        return (moved / safe).square().sum(dim=2).sqrt() * safe[..., 0]

    def exact_power(self, moved: list[Fraction]) -> Fraction:
        return sum((m * m for m in moved), Fraction(0))

    def nearest(self, moved: torch.Tensor, room: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
        """Features that reach the end of their range stay there; the others share what is left of the budget."""
        near = moved.clamp(max=1e150)
        for _ in range(_ROUNDS if bool(room.isfinite().any()) else 1):
            capped = near >= room
            spent = torch.where(capped, torch.where(capped, room, 0.0).square(), 0.0).sum(2, keepdim=True)
            free = torch.where(capped, 0.0, moved.clamp(max=1e150))
            size = self.sizes(free)[..., None]
            left = (eps.square() - spent).clamp_min(0.0).sqrt()
            near = torch.where(capped, room, free * (left / size.clamp_min(1e-300)).clamp_max(1.0))
        near = torch.minimum(near, room)
        return near * (eps / self.sizes(near)[..., None].clamp_min(1e-300)).clamp_max(1.0)
