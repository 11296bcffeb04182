"""Balls whose features share one budget: a frame each, or jointly over the disturbed frames."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from fractions import Fraction

import torch

from certrnn.regions._ball import Ball
from certrnn.regions._constraints import NormConstraint
from transformers_abs.rounding import gamma

SHRINK = 1.0 - 2.0**-36
"""Projections stop this share short of the sphere, so that floating point can tell that they lie inside."""


@dataclass(frozen=True, eq=False)
class NormBall(Ball):
    """``|| (x - center) / radii ||_p <= eps`` for every disturbed frame, or for all of them together if ``joint``.

    Args:
        joint: one budget for the sequence; otherwise one a frame.
    """

    joint: bool = False

    @property
    @abstractmethod
    def order(self) -> int:
        """The p of the norm."""

    @property
    def name(self) -> str:
        return f"l{self.order} ball"

    @property
    def constraints(self) -> tuple[NormConstraint, ...]:
        if not self.frames:
            return ()
        groups = [self.frames] if self.joint else [(frame,) for frame in self.frames]
        return tuple(self._constraint(group) for group in groups)

    def _constraint(self, frames: tuple[int, ...]) -> NormConstraint:
        center = self.center[:, list(frames)]
        radius = torch.stack([self.reach(t).expand_as(center[:, 0]) for t in frames], dim=1)
        return NormConstraint(self.order, frames, center, radius)

    def _grouped(self, moved: torch.Tensor) -> torch.Tensor:
        """(B, F, D) as (B, groups, members): who shares a budget."""
        return moved.flatten(1)[:, None] if self.joint else moved

    @abstractmethod
    def sizes(self, moved: torch.Tensor) -> torch.Tensor:
        """The norm of the last axis, in floating point, with a relative error below ``gamma(members + 8)``."""

    @abstractmethod
    def exact_power(self, moved: list[Fraction]) -> Fraction:
        """The exact p-th power of the norm."""

    @abstractmethod
    def nearest(self, moved: torch.Tensor, room: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
        """The point with ``|y_i| <= room_i`` and norm at most eps (B, 1, 1) next to ``moved`` >= 0; all (B, G, M)."""

    def _nearest(self, x: torch.Tensor) -> torch.Tensor:
        if not self.frames:
            return x
        frames, moved = list(self.frames), self._scaled(x)
        if self.radii is not None:
            moved = torch.where(self.radii[:, frames] > 0, moved, 0.0)
        room = torch.full_like(moved, torch.inf)
        if self.clip is not None:
            low, high = (x.new_tensor(end) for end in self.clip)
            ends = torch.where(moved > 0, high, low)
            room = self._scaled(x.index_copy(1, torch.tensor(frames, device=x.device), ends)).abs()
        size = self._grouped(moved)
        near = self.nearest(size.abs(), self._grouped(room), self.eps[:, None, None] * SHRINK)
        step = (near * size.sign()).reshape(moved.shape)
        inside = (size.abs() <= self._grouped(room)).all(2) & (self.sizes(size) <= self.eps[:, None])
        unmoved = inside[..., None].expand_as(size).reshape(moved.shape)
        if self.radii is not None:
            unmoved = unmoved & (self.radii[:, frames] > 0)
        out = self._unscaled(step)
        out = out if self.clip is None else out.clamp(*self.clip)
        whole = torch.zeros_like(x, dtype=torch.bool)
        whole[:, frames] = unmoved
        return torch.where(whole, x, out)

    def _within(self, x: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        if not self.frames:
            return torch.ones_like(wanted)
        moved = self._grouped(self._scaled(x))
        size, share = self.sizes(moved), 4.0 * gamma(moved.shape[2] + 16)
        eps = self.eps[:, None]
        sure = (size * (1.0 + share) + 2.0**-400 < eps) | (moved == 0).all(2)
        out = size * (1.0 - share) > eps + 2.0**-400
        decided = sure.all(1)
        for row in (wanted & ~decided & ~out.any(1)).nonzero().flatten().tolist():
            decided[row] = self._exactly_within(x, row)
        return decided

    def _exactly_within(self, x: torch.Tensor, row: int) -> bool:
        exact = self.exactly(x, row)
        groups = [[v for frame in exact for v in frame]] if self.joint else exact
        limit = Fraction(float(self.eps[row])) ** self.order
        for group in groups:
            moved = [v for v in group if v is not None]
            if len(moved) < len(group) or self.exact_power(moved) > limit:
                return False
        return True

    def distance(self, x: torch.Tensor) -> torch.Tensor:
        if not self.frames:
            return x.new_zeros(len(x))
        moved = self._grouped(self._scaled(x))
        size = self.sizes(moved).amax(1)
        wide = size * (1.0 + 8.0 * gamma(moved.shape[2] + 16)) + 2.0**-399
        return torch.where((moved == 0).flatten(1).all(1), 0.0, wide)
