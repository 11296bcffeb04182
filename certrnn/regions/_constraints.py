"""What ties the features of a region together, beside their boxes: what domains read to do better than the box."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, eq=False)
class NormConstraint:
    """``|| (x_i - center_i) / radius_i ||_order <= 1`` over all features of ``frames`` together.

    Args:
        order: 1 or 2.
        frames: the F frames whose features share the bound.
        center: (B, F, D), exact.
        radius: (B, F, D) >= 0, at least the exact radii; a feature of radius 0 does not move.
    """

    order: int
    frames: tuple[int, ...]
    center: torch.Tensor
    radius: torch.Tensor


@dataclass(frozen=True, eq=False)
class ChoiceConstraint:
    """A frame is one of finitely many vectors, or lies in their convex hull: ``points`` (B, K, D), exact; a vector may
    be listed twice. Readers may use what holds of the hull, such as the extremes of linear forms, and no more."""

    frame: int
    points: torch.Tensor

    @property
    def frames(self) -> tuple[int, ...]:
        return (self.frame,)


@dataclass(frozen=True, eq=False)
class EditsConstraint:
    """At most so many of the frames move from their centers, each to a vector of a pool; or a convex combination of
    such sequences. Readers may use what holds of the hull, such as the extremes of linear forms, and no more.

    Args:
        frames: the F frames that share the budget.
        center: (B, F, D), exact.
        pool: (V, D), exact.
        allowed: (B, F, V) bool: what each frame may become.
        most: (B,) how many frames move at most, those in ``free`` apart.
        free: (B, F) bool: frames that may move beside the budget.
    """

    frames: tuple[int, ...]
    center: torch.Tensor
    pool: torch.Tensor
    allowed: torch.Tensor
    most: torch.Tensor
    free: torch.Tensor

    def on(self, positions: list[int]) -> EditsConstraint:
        """The same of some of the frames only: no more of them move than of all."""
        frames = tuple(self.frames[p] for p in positions)
        allowed, free = self.allowed[:, positions], self.free[:, positions]
        return EditsConstraint(frames, self.center[:, positions], self.pool, allowed, self.most, free)

    def gained(self, gains: torch.Tensor) -> torch.Tensor:
        """Sum over the frames that move of their ``gains`` (B, F, n) >= 0, at most: (B, n).

        A linear form is its value at the center plus, for each frame that moves, what that frame gains by it. No member
        gains more than all free frames and the ``most`` others with the largest gains, and one gains just that; a
        convex combination gains no more than its members.
        """
        tight = gains.masked_fill(self.free[:, :, None], 0.0).sort(dim=1, descending=True).values
        rank = torch.arange(gains.shape[1], device=gains.device)
        spent = (rank < self.most[:, None])[:, :, None]
        return (tight * spent).sum(dim=1) + gains.masked_fill(~self.free[:, :, None], 0.0).sum(dim=1)


Constraint = NormConstraint | ChoiceConstraint | EditsConstraint
