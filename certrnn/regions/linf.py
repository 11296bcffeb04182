"""Every disturbed feature moves by at most eps."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from certrnn.errors import InvalidInput
from certrnn.regions._protocol import Region


@dataclass(frozen=True, eq=False)
class LinfBall(Region):
    """``|x - center| <= eps`` on the disturbed frames, optionally with ``low <= x <= high`` (``clip``).

    Parameters
    ----------
    center: (B, frames, features), float64; taken as exact.
    eps: (B,), non-negative; one radius a row.
    frames: the disturbed frames.
    clip: valid input range, or None.

    Raises
    ------
    InvalidInput: a negative or non-finite eps, a frame outside the sequence, a center outside the valid range.
    """

    center: torch.Tensor
    eps: torch.Tensor
    frames: tuple[int, ...]
    clip: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        _require_frames(self.frames, self.center.shape[1])
        if not bool((torch.isfinite(self.eps) & (self.eps >= 0)).all()):
            raise InvalidInput("building an l-inf ball", "eps is finite and at least 0", self.eps.tolist())
        if self.clip is not None and self.frames:
            x, (low, high) = self.center[:, list(self.frames)], self.clip
            if not bool(((x >= low) & (x <= high)).all()):
                raise InvalidInput(
                    "building an l-inf ball",
                    f"every feature of a disturbed frame lies in the valid range [{low}, {high}]",
                    f"values from {float(x.min())} to {float(x.max())}",
                    "Widen --clip or scale the data.",
                )

    def box(self, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
        x, eps = self.center[:, frame], self.eps[:, None]
        # one rounding of x -+ eps each: a single step outward covers it
        inf = torch.tensor(torch.inf, dtype=x.dtype, device=x.device)
        lower, upper = torch.nextafter(x - eps, -inf), torch.nextafter(x + eps, inf)
        if self.clip is not None:
            lower, upper = lower.clamp_min(self.clip[0]), upper.clamp_max(self.clip[1])
        return torch.minimum(lower, x), torch.maximum(upper, x)

    def rows(self, start: int, stop: int) -> LinfBall:
        return LinfBall(self.center[start:stop], self.eps[start:stop], self.frames, self.clip)

    def select(self, rows: torch.Tensor) -> LinfBall:
        return LinfBall(self.center[rows], self.eps[rows], self.frames, self.clip)

    def project(self, x: torch.Tensor) -> torch.Tensor:
        eps = self.eps[:, None, None]
        moved = torch.minimum(torch.maximum(x, self.center - eps), self.center + eps)
        if self.clip is not None:
            moved = moved.clamp(*self.clip)
        mask = torch.zeros(self.center.shape[1], dtype=torch.bool, device=x.device)
        mask[list(self.frames)] = True
        return torch.where(mask[None, :, None], moved, self.center)

    def contains(self, x: torch.Tensor) -> torch.Tensor:
        radius = torch.zeros_like(self.center)
        radius[:, list(self.frames)] = self.eps[:, None, None]
        inside = _distance_at_most(x, self.center, radius)
        if self.clip is not None:
            inside &= (x == self.center) | ((x >= self.clip[0]) & (x <= self.clip[1]))
        return inside.flatten(1).all(dim=1)


def _distance_at_most(x: torch.Tensor, center: torch.Tensor, radius: torch.Tensor) -> torch.Tensor:
    """``|x - center| <= radius`` in exact arithmetic, elementwise; False for nan.

    Rounding is monotone and the radius is a floating-point number, so the rounded difference decides unless it equals
    the radius; then the sign of its rounding error does (Knuth's error-free difference).
    """
    difference = x - center
    virtual = x - difference
    error = (x - (difference + virtual)) + (virtual - center)
    beyond = torch.where(difference < 0, -error, error)
    return (difference.abs() < radius) | ((difference.abs() == radius) & (beyond <= 0))


def _require_frames(frames: tuple[int, ...], length: int) -> None:
    bad = [f for f in frames if not 0 <= f < length]
    if bad or len(set(frames)) != len(frames):
        raise InvalidInput(
            "choosing disturbed frames", f"frames are distinct and lie in 0..{length - 1}", list(frames)
        )
