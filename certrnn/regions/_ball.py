"""What balls of every norm share: radii a feature, the valid range, boxes, exact membership."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

import torch

from certrnn.errors import InvalidInput
from certrnn.regions.region import Region, keep_frames, require_frames

B = TypeVar("B", bound="Ball")


@dataclass(frozen=True, eq=False)
class Ball(Region):
    """Members move by at most ``eps`` in some norm, each feature measured in units of its radius.

    Args:
        center: (B, frames, features), float64; taken as exact.
        eps: (B,), non-negative; one radius a row.
        frames: the disturbed frames.
        clip: valid input range of every disturbed feature, or None.
        radii: (B, frames, features), non-negative: a feature's own unit, so that it moves by at most ``eps * radii``; 0
            holds it still. None means 1 everywhere.

    Raises:
        InvalidInput: a negative or non-finite eps or radius, a frame outside the sequence, a center outside the valid
            range.
    """

    center: torch.Tensor
    eps: torch.Tensor
    frames: tuple[int, ...]
    clip: tuple[float, float] | None = None
    radii: torch.Tensor | None = None

    @property
    @abstractmethod
    def name(self) -> str:
        """The ball's name in messages."""

    def __post_init__(self) -> None:
        require_frames(self.frames, self.center.shape[1])
        if not bool((torch.isfinite(self.eps) & (self.eps >= 0)).all()):
            raise InvalidInput(f"building an {self.name}", "eps is finite and at least 0", self.eps.tolist())
        radii = self.radii
        if radii is not None and not (
            radii.shape == self.center.shape and bool((torch.isfinite(radii) & (radii >= 0)).all())
        ):
            raise InvalidInput(
                f"building an {self.name}",
                f"there is a radius for each of {tuple(self.center.shape)} features, finite and at least 0",
                f"shape {tuple(radii.shape)}, from {float(radii.min())} to {float(radii.max())}",
            )
        if self.clip is not None and self.frames:
            self._require_range(self.clip)

    def _require_range(self, clip: tuple[float, float]) -> None:
        x, (low, high) = self.center[:, list(self.frames)], clip
        if not bool(((x >= low) & (x <= high)).all()):
            raise InvalidInput(
                f"building an {self.name}",
                f"every feature of a disturbed frame lies in the valid range [{low}, {high}]",
                f"values from {float(x.min())} to {float(x.max())}",
                "Widen --clip or scale the data.",
            )

    def reach(self, frame: int) -> torch.Tensor:
        """How far each feature of a frame moves at most, rounded up: (B, 1) or (B, features)."""
        return self._reach(self.eps[:, None], None if self.radii is None else self.radii[:, frame])

    def _reach(self, eps: torch.Tensor, radii: torch.Tensor | None) -> torch.Tensor:
        if radii is None:
            return eps
        product, exact = eps * radii, (eps == 0) | (radii == 0)
        return torch.where(exact, product, torch.nextafter(product, torch.full_like(product, torch.inf)))

    def box(self, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self._around(self.center[:, frame], self.reach(frame))

    def boxes(self) -> tuple[torch.Tensor, torch.Tensor]:
        frames, eps = list(self.frames), self.eps[:, None, None]
        if frames == list(range(self.center.shape[1])):
            return self._around(self.center, self._reach(eps, self.radii))
        lower, upper = self.center.clone(), self.center.clone()
        radii = None if self.radii is None else self.radii[:, frames]
        lower[:, frames], upper[:, frames] = self._around(self.center[:, frames], self._reach(eps, radii))
        return lower, upper

    def _around(self, x: torch.Tensor, reach: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Bounds of what lies within ``reach`` of x and in the valid range."""
        # one rounding of x -+ reach each: a single step outward covers it
        inf = torch.tensor(torch.inf, dtype=x.dtype, device=x.device)
        lower, upper = torch.nextafter(x - reach, -inf), torch.nextafter(x + reach, inf)
        if self.clip is not None:
            lower, upper = lower.clamp_min(self.clip[0]), upper.clamp_max(self.clip[1])
        return torch.minimum(lower, x), torch.maximum(upper, x)

    def rows(self: B, start: int, stop: int) -> B:
        return self._part(slice(start, stop))

    def select(self: B, rows: torch.Tensor) -> B:
        return self._part(rows)

    def _part(self: B, index: slice | torch.Tensor) -> B:
        radii = None if self.radii is None else self.radii[index]
        return replace(self, center=self.center[index], eps=self.eps[index], radii=radii)

    def project(self, x: torch.Tensor) -> torch.Tensor:
        return keep_frames(self._nearest(x), self.center, self.frames)

    @abstractmethod
    def _nearest(self, x: torch.Tensor) -> torch.Tensor:
        """The projection of ``x``, on the disturbed frames; what it says of the others is ignored."""

    def contains(self, x: torch.Tensor) -> torch.Tensor:
        inside = torch.isfinite(x)
        if self.clip is not None:
            inside &= (x == self.center) | ((x >= self.clip[0]) & (x <= self.clip[1]))
        still = [t for t in range(x.shape[1]) if t not in self.frames]
        inside[:, still] &= (x == self.center)[:, still]
        inside = inside.flatten(1).all(dim=1)
        return inside & self._within(x, inside)

    @abstractmethod
    def _within(self, x: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """(B,) bool: whether the disturbed frames lie in the ball, in exact arithmetic; rows that are not ``wanted``
        may say anything."""

    def _scaled(self, x: torch.Tensor) -> torch.Tensor:
        """``(x - center) / radii`` on the disturbed frames, (B, F, D), in floating point: inf where a feature of
        radius 0 moved."""
        frames = list(self.frames)
        moved = x[:, frames] - self.center[:, frames]
        return moved if self.radii is None else _quotient(moved, self.radii[:, frames])

    def _unscaled(self, moved: torch.Tensor) -> torch.Tensor:
        """The sequence that lies ``moved`` (B, F, D), in units of the radii, from the center."""
        frames = list(self.frames)
        step = moved if self.radii is None else moved * self.radii[:, frames]
        return self.center.index_copy(
            1, torch.tensor(frames, device=step.device, dtype=torch.int64), self.center[:, frames] + step
        )

    def exactly(self, x: torch.Tensor, row: int) -> list[list[Fraction | None]]:
        """``|x - center| / radii`` of one row in exact arithmetic, a list a disturbed frame; None where a feature of
        radius 0 moved."""
        frames = list(self.frames)
        values, centers = x[row, frames].tolist(), self.center[row, frames].tolist()
        radii = [[1.0] * len(v) for v in values] if self.radii is None else self.radii[row, frames].tolist()
        return [
            [_exact_quotient(a, c, r) for a, c, r in zip(*parts, strict=True)]
            for parts in zip(values, centers, radii, strict=True)
        ]


def _quotient(moved: torch.Tensor, radii: torch.Tensor) -> torch.Tensor:
    share = moved / torch.where(radii == 0, 1.0, radii)
    return torch.where(radii > 0, share, torch.where(moved == 0, 0.0, torch.inf))


def _exact_quotient(x: float, center: float, radius: float) -> Fraction | None:
    moved = abs(Fraction(x) - Fraction(center))
    if radius == 0.0:
        return None if moved else Fraction(0)
    return moved / Fraction(radius)
