"""Several tries at each region at once, and the closest violation among them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from certrnn.attacks.attack import select, verify
from certrnn.attacks.pgd import descent
from certrnn.attacks.smallest import smallest_share
from certrnn.ir import Graph
from certrnn.regions import Box, LinfBall, Region
from certrnn.specs import Spec

TINY = 1e-150
"""Below this a length counts as this: its square is still a number."""


@dataclass(frozen=True, eq=False)
class Copies:
    """N tries, ``each`` of them at every region: try ``i`` drives row ``target[i]`` of its specification below zero.

    ``region`` and ``spec`` are those of the tries. ``margin`` (N,) and ``gradient`` (N, frames, features) are the
    row's at the center, the gradient zero on frames that are not disturbed. ``low`` and ``high``, of the gradient's
    shape, are how far each feature alone may move.
    """

    region: Region
    spec: Spec
    target: torch.Tensor
    margin: torch.Tensor
    gradient: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    each: int

    @property
    def center(self) -> torch.Tensor:
        return self.region.center

    @property
    def extent(self) -> torch.Tensor:
        """(N,) how far a feature may move from the center at most."""
        return torch.maximum(self.center - self.low, self.high - self.center).flatten(1).amax(dim=1)

    @property
    def features(self) -> int:
        """Number of features that are disturbed."""
        return max(1, len(self.region.frames) * self.center.shape[2])

    def scale(self, order: float) -> torch.Tensor:
        """(N,) distance to the violation by the gradient at the center, ``margin / |gradient|`` in the dual norm
        ``order``, at most the region's extent in the norm itself; positive."""
        size = torch.linalg.vector_norm(self.gradient.flatten(1), ord=order, dim=1).clamp_min(TINY)
        widest = self.extent * (self.features**0.5 if order == 2 else 1.0)
        return torch.minimum(self.margin.clamp_min(0.0) / size, widest).clamp_min(TINY)

    def part(self, copy: int) -> Copies:
        """One try alone."""
        at = slice(copy, copy + 1)
        tensors = (self.target, self.margin, self.gradient, self.low, self.high)
        return Copies(
            self.region.rows(copy, copy + 1),
            self.spec.part(copy, copy + 1),
            *(t[at] for t in tensors),
            each=1,
        )


def nearest(graph: Graph, region: Region, spec: Spec, count: int, order: float) -> Copies:
    """Tries at the ``count`` rows of each specification whose violation is nearest by their gradients at the center.

    Args:
        order: the dual norm that gradients are measured in: 2 for Euclidean distances, 1 for l-inf ones.
    """
    batch, rows = len(spec.offset), spec.width
    device = region.center.device
    owner = torch.arange(batch, device=device).repeat_interleave(rows)
    target = torch.arange(rows, device=device).repeat(batch)
    margins, slope = descent(graph, select(spec, owner), region.center[owner], target)
    slope = _disturbed(region, slope)
    margin = margins.gather(1, target[:, None])[:, 0]
    size = torch.linalg.vector_norm(slope.flatten(1), ord=order, dim=1).clamp_min(TINY)
    each = min(count, rows)
    indices = (margin / size).reshape(batch, rows).topk(each, dim=1, largest=False).indices
    chosen = (indices + rows * torch.arange(batch, device=device)[:, None]).flatten()
    low, high = sides(region)
    who = owner[chosen]
    return Copies(
        region.select(who),
        select(spec, who),
        target[chosen],
        margin[chosen],
        slope[chosen],
        low[who],
        high[who],
        each,
    )


def sides(region: Region) -> tuple[torch.Tensor, torch.Tensor]:
    """Lowest and highest value (B, frames, features) of each feature while every other one stays at the center.

    Learnt from projections alone: two corners where features do not share a budget, else each feature by itself.
    """
    if not isinstance(region, LinfBall | Box):
        return along_axes(region)
    far = _far(region)
    low, high = region.project(region.center - far), region.project(region.center + far)
    return torch.minimum(low, region.center), torch.maximum(high, region.center)


def along_axes(region: Region) -> tuple[torch.Tensor, torch.Tensor]:
    """:func:`sides` of any region, by a projection for each end of each feature."""
    center = region.center
    low, high, far = center.clone(), center.clone(), _far(region)
    for frame in region.frames:
        for feature in range(center.shape[2]):
            moved = torch.zeros_like(center)
            moved[:, frame, feature] = 1.0
            low[:, frame, feature] = region.project(center - far * moved)[:, frame, feature]
            high[:, frame, feature] = region.project(center + far * moved)[:, frame, feature]
    return torch.minimum(low, center), torch.maximum(high, center)


def _far(region: Region) -> torch.Tensor:
    """(B, 1, 1) farther than any region reaches."""
    return 1e9 * (1.0 + region.center.abs().flatten(1).amax(dim=1))[:, None, None]


@dataclass(frozen=True, eq=False)
class Closest:
    """For each of N tries the closest violation so far, or, where there is none, the sequence nearest to one.

    ``distance`` (N,) is inf where no violation was seen; ``margin`` (N,) is that of ``x`` (N, frames, features).
    """

    x: torch.Tensor
    distance: torch.Tensor
    margin: torch.Tensor

    @staticmethod
    def none(x: torch.Tensor) -> Closest:
        """Nothing seen yet."""
        far = torch.full_like(x[:, 0, 0], torch.inf)
        return Closest(x, far, far)

    def seen(self, x: torch.Tensor, margin: torch.Tensor, distance: torch.Tensor) -> Closest:
        """With sequences ``x`` of smallest margin ``margin`` (N,) at ``distance`` (N,)."""
        reached = torch.where(margin <= 0, distance, torch.inf)
        nearer = (reached < self.distance) | (
            self.distance.isinf() & reached.isinf() & (margin < self.margin)
        )
        return Closest(
            torch.where(nearer[:, None, None], x, self.x),
            torch.where(nearer, reached, self.distance),
            torch.where(nearer, margin, self.margin),
        )

    def of_each(self, each: int) -> Closest:
        """The best among the ``each`` neighbouring tries at a region."""
        distance, margin = self.distance.reshape(-1, each), self.margin.reshape(-1, each)
        # where several are violations the closest, where none is the smallest margin
        best = torch.where(distance.isfinite().any(dim=1), distance.argmin(dim=1), margin.argmin(dim=1))
        rows = best + each * torch.arange(len(best), device=best.device)
        return Closest(self.x[rows], self.distance[rows], self.margin[rows])


def drawn_back(graph: Graph, region: Region, spec: Spec, closest: Closest) -> torch.Tensor:
    """The sequences (B, frames, features) of ``closest``, violations moved towards the center while they stay ones."""
    hits = closest.distance.isfinite().nonzero().flatten()
    if not hits.numel():
        return closest.x
    own, part = select(spec, hits), region.select(hits)
    x, center = closest.x[hits], part.center
    share = smallest_share(graph, own, center, x)
    closer = part.project(center + share[:, None, None] * (x - center))
    success = verify(graph, part, own, closer).success
    out = closest.x.clone()
    out[hits] = torch.where(success[:, None, None], closer, x)
    return out


def _disturbed(region: Region, slope: torch.Tensor) -> torch.Tensor:
    """The slope with zeros on the frames that stay; copies of a region follow each other."""
    moving = torch.zeros(slope.shape[1], dtype=torch.bool, device=slope.device)
    moving[list(region.frames)] = True
    return slope * moving[None, :, None]
