"""Word substitution: each frame is one of finitely many vectors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from certrnn.errors import InvalidInput
from certrnn.regions._constraints import ChoiceConstraint
from certrnn.regions.finite import Finite
from certrnn.regions.region import require_frames


@dataclass(frozen=True, eq=False)
class Substitutes(Finite):
    """Every disturbed frame is its own vector or one of its substitutes, each frame independently.

    Domains read the smallest box around the vectors, and the vectors themselves: what is linear in a frame takes its
    extreme values at one of them.

    Args:
        center: (B, frames, features), float64; taken as exact.
        choices: (B, frames, K, features), exact; lists shorter than K repeat a vector. The center's own vector is a
            choice whether it is listed or not.
        frames: the disturbed frames.

    Raises:
        InvalidInput: shapes that do not fit, or numbers that are not finite.

    >>> words = Substitutes(torch.zeros(1, 2, 1), torch.tensor([[[[1.0], [2.0]], [[5.0], [5.0]]]]), (0, 1))
    >>> words.counts.tolist(), words.members(0)[:, :, 0].tolist()
    ([6.0], [[0.0, 0.0], [0.0, 5.0], [1.0, 0.0], [1.0, 5.0], [2.0, 0.0], [2.0, 5.0]])
    """

    center: torch.Tensor
    choices: torch.Tensor
    frames: tuple[int, ...]

    def __post_init__(self) -> None:
        require_frames(self.frames, self.center.shape[1])
        shape, center = self.choices.shape, self.center.shape
        fits = len(shape) == 4 and (shape[:2], shape[3]) == (center[:2], center[2])
        if not fits or not bool(torch.isfinite(self.choices).all()):
            raise InvalidInput(
                "building a set of substitutes",
                f"choices are finite, of shape ({center[0]}, {center[1]}, K, {center[2]})",
                f"shape {tuple(shape)}",
            )

    def points(self, frame: int) -> torch.Tensor:
        """(B, 1 + K, features): the frame's own vector and its substitutes."""
        return torch.cat([self.center[:, frame, None], self.choices[:, frame]], dim=1)

    def box(self, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
        points = self.points(frame)
        return points.amin(dim=1), points.amax(dim=1)

    @property
    def constraints(self) -> tuple[ChoiceConstraint, ...]:
        return tuple(ChoiceConstraint(frame, self.points(frame)) for frame in self.frames)

    def rows(self, start: int, stop: int) -> Substitutes:
        return replace(self, center=self.center[start:stop], choices=self.choices[start:stop])

    def select(self, rows: torch.Tensor) -> Substitutes:
        return replace(self, center=self.center[rows], choices=self.choices[rows])

    def project(self, x: torch.Tensor) -> torch.Tensor:
        out = self.center
        for frame in self.frames:
            points = self.points(frame)
            # directions count from the frame's own vector: a far point loses nothing
            moved, offsets = (
                x[:, None, frame] - self.center[:, None, frame],
                points - self.center[:, None, frame],
            )
            apart = offsets.square().sum(dim=2) - 2.0 * (moved * offsets).sum(dim=2)
            index = apart.argmin(dim=1)
            nearest = points[torch.arange(len(x), device=x.device), index]
            out = out.index_copy(1, torch.tensor([frame], device=x.device), nearest[:, None])
        return out

    def contains(self, x: torch.Tensor) -> torch.Tensor:
        inside = torch.ones(len(x), dtype=torch.bool, device=x.device)
        for frame in range(x.shape[1]):
            allowed = self.points(frame) if frame in self.frames else self.center[:, frame, None]
            inside &= (x[:, None, frame] == allowed).all(dim=2).any(dim=1)
        return inside

    def _distinct(self, row: int, frame: int) -> torch.Tensor:
        """The different vectors of one frame, its own first: (K', features)."""
        points = self.points(frame)[row]
        same = (points[:, None] == points[None]).all(dim=2)
        first = torch.tensor([not bool(same[i, :i].any()) for i in range(len(points))])
        return points[first]

    @property
    def counts(self) -> torch.Tensor:
        """(B,) how many sequences each set holds, as floats: they may be astronomically many."""
        sizes = [
            math.prod(float(len(self._distinct(row, frame))) for frame in self.frames)
            for row in range(self.batch)
        ]
        return torch.tensor(sizes, dtype=torch.float64)

    def parts(self, row: int, most: int) -> Iterator[torch.Tensor]:
        sets = [self._distinct(row, frame) for frame in self.frames]
        sizes = [len(s) for s in sets]
        total = math.prod(sizes)
        for start in range(0, total, most):
            number = torch.arange(start, min(total, start + most))
            x = self.center[row].expand(len(number), -1, -1).clone()
            for frame, points, after in zip(
                self.frames, sets, [math.prod(sizes[i + 1 :]) for i in range(len(sizes))], strict=True
            ):
                x[:, frame] = points[(number // after) % len(points)]
            yield x

    def neighbours(self, row: int, x: torch.Tensor) -> torch.Tensor:
        neighbours = []
        for frame in self.frames:
            points = self.points(frame)[row]
            moved = x.expand(len(points), -1, -1).clone()
            moved[:, frame] = points
            neighbours.append(moved)
        return torch.cat(neighbours) if neighbours else x[None][:0]
