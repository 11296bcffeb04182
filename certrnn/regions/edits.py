"""Edits: few of the frames become other vectors, whichever frames these are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, product

import torch

from certrnn.errors import InvalidInput
from certrnn.regions._constraints import EditsConstraint
from certrnn.regions.finite import Finite
from certrnn.regions.region import require_frames


@dataclass(frozen=True, eq=False)
class Edits(Finite):
    """At most ``most`` disturbed frames become a vector of the pool that is allowed there; the others stay.

    Frames in ``free`` may change beside the budget: that is how a set is split into one where a frame stays and one
    where it changes.

    Args:
        center: (B, frames, features), float64; taken as exact.
        pool: (V, features), exact: what frames may become.
        allowed: (B, frames, V) bool: which of the pool a frame may become.
        frames: the disturbed frames.
        most: (B,) whole numbers from 0.
        free: (B, frames) bool; None for nowhere.

    Raises:
        InvalidInput: shapes that do not fit, numbers that are not finite, a negative budget.

    >>> pool, allowed = torch.tensor([[1.0], [2.0]]), torch.ones(1, 2, 2, dtype=torch.bool)
    >>> one = Edits(torch.zeros(1, 2, 1), pool, allowed, (0, 1), torch.tensor([1]))
    >>> one.counts.tolist(), one.members(0)[:, :, 0].tolist()
    ([5.0], [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 2.0]])
    """

    center: torch.Tensor
    pool: torch.Tensor
    allowed: torch.Tensor
    frames: tuple[int, ...]
    most: torch.Tensor
    free: torch.Tensor | None = None

    def __post_init__(self) -> None:
        require_frames(self.frames, self.center.shape[1])
        batch, length, features = self.center.shape
        wanted = (batch, length, len(self.pool)), (batch,), (len(self.pool), features)
        if (self.allowed.shape, self.most.shape, self.pool.shape) != wanted or not bool(
            torch.isfinite(self.pool).all()
        ):
            raise InvalidInput(
                "building a set of edits",
                f"the pool is finite, (V, {features}), and {batch} budgets and ({batch}, {length}, V) marks go with it",
                (tuple(self.pool.shape), tuple(self.most.shape), tuple(self.allowed.shape)),
            )
        if bool((self.most < 0).any()):
            raise InvalidInput("building a set of edits", "a budget is at least 0", self.most.tolist())

    @property
    def loose(self) -> torch.Tensor:
        """(B, frames) bool: the frames that may change beside the budget."""
        return (
            self.free if self.free is not None else torch.zeros_like(self.center[:, :, 0], dtype=torch.bool)
        )

    def movable(self, frame: int) -> torch.Tensor:
        """(B,) bool: whether the budget lets a frame change at all."""
        return self.allowed[:, frame].any(dim=1) & (self.loose[:, frame] | (self.most > 0))

    def points(self, frame: int) -> torch.Tensor:
        """(B, 1 + V, features): the frame's own vector and what it may become; its own instead of what it may not."""
        own = self.center[:, frame, None]
        allowed = self.allowed[:, frame] & self.movable(frame)[:, None]
        return torch.cat([own, torch.where(allowed[:, :, None], self.pool, own)], dim=1)

    def box(self, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
        points = self.points(frame)
        return points.amin(dim=1), points.amax(dim=1)

    @property
    def constraints(self) -> tuple[EditsConstraint, ...]:
        if not self.frames:
            return ()
        at = list(self.frames)
        allowed = self.allowed[:, at] & torch.stack([self.movable(t) for t in at], dim=1)[:, :, None]
        return (
            EditsConstraint(
                self.frames, self.center[:, at], self.pool, allowed, self.most, self.loose[:, at]
            ),
        )

    def rows(self, start: int, stop: int) -> Edits:
        return self.select(torch.arange(self.batch)[start:stop])

    def select(self, rows: torch.Tensor) -> Edits:
        free = None if self.free is None else self.free[rows]
        return replace(
            self, center=self.center[rows], allowed=self.allowed[rows], most=self.most[rows], free=free
        )

    def project(self, x: torch.Tensor) -> torch.Tensor:
        """Frames with a vector nearer than their own become it: those where it is nearest, as many as may."""
        out, batch = self.center.clone(), torch.arange(len(x), device=x.device)
        gains, nearest = [], []
        for frame in self.frames:
            points = self.points(frame)
            # directions count from the frame's own vector: a far point loses nothing
            moved = x[:, None, frame] - self.center[:, None, frame]
            offsets = points - self.center[:, None, frame]
            apart = offsets.square().sum(dim=2) - 2.0 * (moved * offsets).sum(dim=2)
            best = apart.argmin(dim=1)
            gains.append(-apart[batch, best])
            nearest.append(points[batch, best])
        if not self.frames:
            return out
        gain = torch.stack(gains, dim=1)
        chosen = self._within_budget(gain) & (gain > 0)
        for place, frame in enumerate(self.frames):
            out[:, frame] = torch.where(chosen[:, place, None], nearest[place], out[:, frame])
        return out

    def _within_budget(self, gain: torch.Tensor) -> torch.Tensor:
        """(B, F) bool: the free frames, and those of the others with the largest gains that the budget lets change."""
        free = self.loose[:, list(self.frames)]
        order = torch.where(free, -torch.inf, gain).argsort(dim=1, descending=True, stable=True)
        rank = torch.empty_like(order).scatter_(1, order, torch.arange(gain.shape[1]).expand_as(order))
        return free | (rank < self.most[:, None])

    def contains(self, x: torch.Tensor) -> torch.Tensor:
        changed = (x != self.center).any(dim=2)
        inside = torch.ones(len(x), dtype=torch.bool, device=x.device)
        for frame in range(x.shape[1]):
            if frame not in self.frames:
                inside &= ~changed[:, frame]
                continue
            hit = ((x[:, None, frame] == self.pool).all(dim=2) & self.allowed[:, frame]).any(dim=1)
            inside &= hit | ~changed[:, frame]
        return inside & ((changed & ~self.loose).sum(dim=1) <= self.most)

    def substitutes(self, row: int, frame: int) -> torch.Tensor:
        """The different vectors that one frame may become, its own apart: (K, features)."""
        points = self.pool[self.allowed[row, frame]]
        points = points[(points != self.center[row, frame]).any(dim=1)]
        if len(points) < 2:
            return points
        _, group = points.unique(dim=0, return_inverse=True)
        first = torch.full((int(group.max()) + 1,), len(points)).scatter_reduce_(
            0, group, torch.arange(len(points)), "amin"
        )
        return points[first.sort().values]

    @property
    def counts(self) -> torch.Tensor:
        """(B,) how many sequences each set holds: elementary symmetric sums of the numbers of substitutes."""
        counts = []
        for row in range(self.batch):
            most, free = int(self.most[row]), 1.0
            sums = [1.0, *[0.0] * most]
            for frame in self.frames:
                size = float(len(self.substitutes(row, frame)))
                if bool(self.loose[row, frame]):
                    free *= 1.0 + size
                    continue
                for k in range(most, 0, -1):
                    sums[k] += size * sums[k - 1]
            counts.append(free * sum(sums))
        return torch.tensor(counts, dtype=torch.float64)

    def parts(self, row: int, most: int) -> Iterator[torch.Tensor]:
        held: list[torch.Tensor] = []
        count = 0
        for block in self._blocks(row):
            for piece in block.split(most):
                if held and count + len(piece) > most:
                    yield torch.cat(held)
                    held, count = [], 0
                held.append(piece)
                count += len(piece)
        yield torch.cat(held)

    def _blocks(self, row: int) -> Iterator[torch.Tensor]:
        """The sequences of one set by which frames change: the fewest first."""
        sets = {t: points for t in self.frames if len(points := self.substitutes(row, t))}
        loose = [t for t in sets if bool(self.loose[row, t])]
        tight = [t for t in sets if t not in loose]
        for count in range(min(int(self.most[row]), len(tight)) + 1):
            for some in combinations(tight, count):
                for on in product((False, True), repeat=len(loose)):
                    yield self._all(row, [*some, *(t for t, yes in zip(loose, on, strict=True) if yes)], sets)

    def _all(self, row: int, changed: list[int], sets: dict[int, torch.Tensor]) -> torch.Tensor:
        """Every sequence in which just these frames change."""
        x = self.center[row][None]
        for frame in changed:
            points = sets[frame]
            moved = x[:, None].expand(-1, len(points), -1, -1).clone()
            moved[:, :, frame] = points
            x = moved.flatten(0, 1)
        return x

    def neighbours(self, row: int, x: torch.Tensor) -> torch.Tensor:
        changed = (x != self.center[row]).any(dim=1)
        spent = int((changed & ~self.loose[row]).sum())
        neighbours = [x[None][:0]]
        for frame in self.frames:
            if bool(changed[frame]):
                points = torch.cat([self.center[row, frame][None], self.substitutes(row, frame)])
            elif spent < int(self.most[row]) or bool(self.loose[row, frame]):
                points = self.substitutes(row, frame)
            else:
                continue
            moved = x.expand(len(points), -1, -1).clone()
            moved[:, frame] = points
            neighbours.append(moved)
        return torch.cat(neighbours)
