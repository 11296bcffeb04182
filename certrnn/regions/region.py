"""What a region must tell a domain."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from certrnn.errors import InvalidInput
from certrnn.regions._constraints import Constraint


class Region(ABC):
    """A batch of B sets of sequences, each around a sequence ``center`` of shape (B, frames, features).

    ``frames`` lists the disturbed frames, the same for the whole batch; every other frame is fixed at the center.
    """

    center: torch.Tensor
    frames: tuple[int, ...]

    @property
    def batch(self) -> int:
        return self.center.shape[0]

    @abstractmethod
    def box(self, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Outward rounded bounds (lower, upper), each (B, features), of a disturbed frame."""

    def boxes(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Outward rounded bounds of the whole sequence, each (B, frames, features); fixed frames are their own."""
        ends = [
            self.box(t) if t in self.frames else (self.center[:, t],) * 2 for t in range(self.center.shape[1])
        ]
        lower, upper = (torch.stack(end, dim=1) for end in zip(*ends, strict=True))
        return lower, upper

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """What else holds of every member, beside the boxes; no frame occurs in two of them.

        A domain may ignore them: members lie in the boxes either way.
        """
        return ()

    @abstractmethod
    def rows(self, start: int, stop: int) -> Region:
        """The part of the batch from ``start`` to ``stop``."""

    @abstractmethod
    def select(self, rows: torch.Tensor) -> Region:
        """The region whose set ``i`` is the set ``rows[i]`` of this one; ``rows`` (R,) may repeat."""

    @abstractmethod
    def project(self, x: torch.Tensor) -> torch.Tensor:
        """The sequence of the region next to ``x`` (B, frames, features), up to floating point; differentiable."""

    @abstractmethod
    def contains(self, x: torch.Tensor) -> torch.Tensor:
        """(B,) bool: whether each sequence lies in its set, in exact arithmetic."""

    def distance(self, x: torch.Tensor) -> torch.Tensor:
        """(B,) an eps, rounded up, whose region around the same center holds ``x``; inf where none is known."""
        return x.new_full((len(x),), torch.inf)


def require_frames(frames: tuple[int, ...], length: int) -> None:
    """Disturbed frames are distinct and lie in the sequence.

    Raises:
        InvalidInput: they do not.
    """
    bad = [f for f in frames if not 0 <= f < length]
    if bad or len(set(frames)) != len(frames):
        raise InvalidInput(
            "choosing disturbed frames", f"frames are distinct and lie in 0..{length - 1}", list(frames)
        )


def keep_frames(moved: torch.Tensor, center: torch.Tensor, frames: tuple[int, ...]) -> torch.Tensor:
    """``moved`` on the given frames, the center on the others."""
    mask = torch.zeros(center.shape[1], dtype=torch.bool, device=center.device)
    mask[list(frames)] = True
    return torch.where(mask[None, :, None], moved, center)
