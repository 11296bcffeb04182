"""What a region must tell a domain."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch


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
