"""Fading: each frame moves on the straight line towards another vector."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import torch

from certrnn.errors import InvalidInput
from certrnn.regions._constraints import ChoiceConstraint
from certrnn.regions.region import Region, require_frames


@dataclass(frozen=True, eq=False)
class Fading(Region):
    """Every disturbed frame lies between its own vector and ``end``, each frame independently.

    ``end`` is the share ``eps`` of the way to ``toward``, as float64 rounds it. Unlike a ball, a fading word moves in
    one direction: the one in which it loses its meaning.

    Args:
        center: (B, frames, features), float64; taken as exact.
        eps: (B,), a share of the way in [0, 1]; 1 is ``toward`` itself.
        toward: (B, frames, features), finite; only that of the disturbed frames is read.
        frames: the disturbed frames.

    Raises:
        InvalidInput: shapes that do not fit, shares outside of [0, 1], numbers that are not finite.

    >>> word = Fading(torch.zeros(1, 1, 2), torch.tensor([0.5]), torch.tensor([[[2.0, 4.0]]]), (0,))
    >>> word.end.tolist(), word.contains(torch.tensor([[[0.5, 1.0]]])).tolist()
    ([[[1.0, 2.0]]], [True])
    """

    center: torch.Tensor
    eps: torch.Tensor
    toward: torch.Tensor
    frames: tuple[int, ...]

    def __post_init__(self) -> None:
        require_frames(self.frames, self.center.shape[1])
        if not bool(((self.eps >= 0) & (self.eps <= 1)).all()):
            raise InvalidInput("fading a frame", "eps is a share of the way, in [0, 1]", self.eps.tolist())
        if self.toward.shape != self.center.shape or not bool(torch.isfinite(self.end).all()):
            raise InvalidInput(
                "fading a frame",
                f"there is a finite vector to fade to for each of {tuple(self.center.shape[:2])} frames",
                f"shape {tuple(self.toward.shape)}",
            )

    @property
    def end(self) -> torch.Tensor:
        """(B, frames, features): how far frames fade; the center where they do not."""
        share = self.eps[:, None, None]
        moved = torch.where(share == 1.0, self.toward, self.center + share * (self.toward - self.center))
        mask = torch.zeros(self.center.shape[1], dtype=torch.bool, device=moved.device)
        mask[list(self.frames)] = True
        return torch.where(mask[None, :, None], moved, self.center)

    def box(self, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
        x, end = self.center[:, frame], self.end[:, frame]
        return torch.minimum(x, end), torch.maximum(x, end)

    @property
    def constraints(self) -> tuple[ChoiceConstraint, ...]:
        """A segment is the hull of its ends."""
        ends = torch.stack([self.center, self.end], dim=2)
        return tuple(ChoiceConstraint(frame, ends[:, frame]) for frame in self.frames)

    def rows(self, start: int, stop: int) -> Fading:
        return self._part(slice(start, stop))

    def select(self, rows: torch.Tensor) -> Fading:
        return self._part(rows)

    def _part(self, index: slice | torch.Tensor) -> Fading:
        return replace(self, center=self.center[index], eps=self.eps[index], toward=self.toward[index])

    def project(self, x: torch.Tensor) -> torch.Tensor:
        way = self.end - self.center
        along = ((x - self.center) * way).sum(dim=2, keepdim=True)
        share = along / way.square().sum(dim=2, keepdim=True).clamp_min(1e-300)
        return torch.where(share >= 1.0, self.end, self.center + share.clamp(0.0, 1.0) * way)

    def contains(self, x: torch.Tensor) -> torch.Tensor:
        end = self.end
        inside = [
            all(
                _between(*parts)
                for parts in zip(x[b].tolist(), self.center[b].tolist(), end[b].tolist(), strict=True)
            )
            for b in range(len(x))
        ]
        return torch.tensor(inside, dtype=torch.bool, device=x.device)


def _between(x: list[float], start: list[float], end: list[float]) -> bool:
    """Whether ``x`` lies on the segment, in exact arithmetic."""
    if x in (start, end):
        return True
    share = None
    for value, first, last in zip(x, start, end, strict=True):
        if value != value or value in (float("inf"), -float("inf")):
            return False
        moved, way = Fraction(value) - Fraction(first), Fraction(last) - Fraction(first)
        if way == 0:
            if moved != 0:
                return False
            continue
        if share is not None and moved != share * way:
            return False
        share = moved / way
    return share is None or 0 <= share <= 1
