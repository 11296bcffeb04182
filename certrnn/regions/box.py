"""Every disturbed feature in an interval of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from certrnn.errors import InvalidInput
from certrnn.regions.region import Region, keep_frames, require_frames


@dataclass(frozen=True, eq=False)
class Box(Region):
    """``lower <= x <= upper`` on the disturbed frames, feature by feature; the others stay at the center.

    Args:
        center: (B, frames, features), float64, a member.
        lower, upper: (B, frames, features), finite and exact; only those of the disturbed frames are read.
        frames: the disturbed frames.

    Raises:
        InvalidInput: a bound that is not finite, an empty interval, a center outside.

    >>> box = Box.of(torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[0.5, 1.0]]]))
    >>> box.frames, box.center.tolist(), box.contains(torch.tensor([[[0.5, 1.0]]])).tolist()
    ((0,), [[[0.25, 1.0]]], [True])
    """

    center: torch.Tensor
    lower: torch.Tensor
    upper: torch.Tensor
    frames: tuple[int, ...]

    def __post_init__(self) -> None:
        require_frames(self.frames, self.center.shape[1])
        x, low, high = (v[:, list(self.frames)] for v in (self.center, self.lower, self.upper))
        if not bool((torch.isfinite(low) & torch.isfinite(high) & (low <= x) & (x <= high)).all()):
            raise InvalidInput(
                "building a box",
                "bounds are finite and the center lies between them",
                f"bounds from {float(low.min())} to {float(high.max())}",
            )

    @staticmethod
    def of(lower: torch.Tensor, upper: torch.Tensor) -> Box:
        """The box of all frames around the middle of its bounds, both (B, frames, features)."""
        middle = torch.minimum(torch.maximum(0.5 * lower + 0.5 * upper, lower), upper)
        return Box(middle, lower, upper, tuple(range(lower.shape[1])))

    def box(self, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.lower[:, frame], self.upper[:, frame]

    def rows(self, start: int, stop: int) -> Box:
        return self._part(slice(start, stop))

    def select(self, rows: torch.Tensor) -> Box:
        return self._part(rows)

    def _part(self, index: slice | torch.Tensor) -> Box:
        return replace(self, center=self.center[index], lower=self.lower[index], upper=self.upper[index])

    def project(self, x: torch.Tensor) -> torch.Tensor:
        moved = torch.minimum(torch.maximum(x, self.lower), self.upper)
        return keep_frames(moved, self.center, self.frames)

    def contains(self, x: torch.Tensor) -> torch.Tensor:
        moved = (x >= self.lower) & (x <= self.upper)
        return keep_frames(moved, x == self.center, self.frames).flatten(1).all(dim=1)
