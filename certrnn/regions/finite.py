"""What regions of finitely many sequences share: they can be counted and gone through one by one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import torch

from certrnn.regions.region import Region


class Finite(Region):
    """A batch of finite sets of sequences, each around its ``center``."""

    @property
    @abstractmethod
    def counts(self) -> torch.Tensor:
        """(B,) how many sequences each set holds, as floats: they may be astronomically many."""

    @abstractmethod
    def parts(self, row: int, most: int) -> Iterator[torch.Tensor]:
        """The sequences of one set, the center first, at most ``most`` at a time: (N, frames, features)."""

    @abstractmethod
    def neighbours(self, row: int, x: torch.Tensor) -> torch.Tensor:
        """Members of one set that differ from its member ``x`` (frames, features) on one frame:
        (N, frames, features)."""

    def members(self, row: int) -> torch.Tensor:
        """Every sequence of one set, (count, frames, features), the center first."""
        return torch.cat(list(self.parts(row, 1 << 62)))

    def distance(self, x: torch.Tensor) -> torch.Tensor:
        """1, the eps of full substitution, for members."""
        return torch.where(self.contains(x), 1.0, torch.inf).to(x.dtype)
