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


Constraint = NormConstraint | ChoiceConstraint
