"""Greedy saliency: as few changed features as possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from certrnn.attacks.attack import Attack, select, worst_margin
from certrnn.attacks.copies import Closest, Copies, nearest
from certrnn.attacks.pgd import descent
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec


@dataclass(frozen=True, eq=False)
class Saliency(Attack):
    """Moves one feature at a time to the end of its range, the one whose move lowers the margin most to first order.

    The saliency of a feature is the gradient of the row's margin (of label against target, as in the original's map
    with both classes in one) times the room that the feature has left in the direction that lowers it. Once a
    violation is found, features that it does not need are put back. Where many features are changed already, several
    are moved at once.

    Args:
        share: largest share of the disturbed features that may change.
        targets: rows of each specification tried, the nearest first.
        together: one feature is moved at once for every so many that are changed already.
        trim: changed features that are put back on trial.

    Raises:
        UsageError: a share outside (0, 1], or a count below 1.

    Source: Papernot et al., The limitations of deep learning in adversarial settings (EuroS&P 2016), algorithm 1.
    """

    share: float = 1.0
    targets: int = 3
    together: int = 16
    trim: int = 64
    minimises: ClassVar[str | None] = "0"

    def __post_init__(self) -> None:
        if min(self.targets, self.together) < 1 or self.trim < 0 or not 0 < self.share <= 1:
            raise UsageError(
                "attacking", "the share lies in (0, 1] and targets and steps are at least 1", vars(self)
            )

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        copies = nearest(graph, region, spec, self.targets, order=1)
        closest = self._greedy(graph, copies)
        return self._trimmed(graph, copies, closest).of_each(copies.each).x

    def _greedy(self, graph: Graph, copies: Copies) -> Closest:
        most, changed = max(1, int(self.share * copies.features)), 0
        x, closest = copies.center.clone(), Closest.none(copies.center)
        going = torch.arange(len(x), device=x.device)
        while going.numel():
            here, center = x[going], copies.center[going]
            margins, slope = descent(graph, select(copies.spec, going), here, copies.target[going])
            lowest = margins.amin(dim=1)
            closest = _put(closest, going, here, lowest, count(here, center))
            left = lowest > 0
            going, slope = going[left], slope[left]
            step = min(max(1, changed // self.together), most - changed)
            if step < 1 or not going.numel():
                break
            moved = _most_salient(x[going], slope, copies, going, step)
            # in a ball of another norm than l-inf the ends of two ranges do not lie inside together
            x[going] = copies.region.select(going).project(moved)
            changed += step
        return closest

    def _trimmed(self, graph: Graph, copies: Copies, closest: Closest) -> Closest:
        """With the changed features put back, one after the other, that the violation does not need; smallest moves
        in terms of the gradient at the center first."""
        x, hits = closest.x.clone(), closest.distance.isfinite().nonzero().flatten()
        if not hits.numel():
            return closest
        center, spec = copies.center[hits], select(copies.spec, hits)
        points = x[hits]
        worth = ((points - center) * copies.gradient[hits]).abs()
        worth = torch.where(points == center, torch.inf, worth).flatten(1)
        order = worth.argsort(dim=1, stable=True)[:, : self.trim]
        rows = torch.arange(len(hits), device=x.device)
        for place in range(order.shape[1]):
            feature = order[:, place]
            if not bool(worth[rows, feature].isfinite().any()):
                break
            tried = points.flatten(1).clone()
            tried[rows, feature] = center.flatten(1)[rows, feature]
            tried = tried.reshape(points.shape)
            with torch.no_grad():
                still = worst_margin(graph, spec, tried) <= 0
            points = torch.where(still[:, None, None], tried, points)
        x[hits] = points
        distance = closest.distance.clone()
        distance[hits] = count(points, center)
        return Closest(x, distance, closest.margin)


def count(x: torch.Tensor, center: torch.Tensor) -> torch.Tensor:
    """(B,) number of features that differ."""
    return (x != center).flatten(1).sum(dim=1).to(x.dtype)


def _most_salient(
    x: torch.Tensor, slope: torch.Tensor, copies: Copies, rows: torch.Tensor, step: int
) -> torch.Tensor:
    """``x`` with the ``step`` most salient features that have not moved yet at the end of their range."""
    end = torch.where(slope > 0, copies.low[rows], copies.high[rows])
    gain = (slope * (x - end)).abs()
    gain = torch.where(x == copies.center[rows], gain, -1.0).flatten(1)
    chosen = gain.topk(step, dim=1).indices
    moved = x.flatten(1).clone()
    return moved.scatter(1, chosen, end.flatten(1).gather(1, chosen)).reshape(x.shape)


def _put(
    closest: Closest, rows: torch.Tensor, x: torch.Tensor, margin: torch.Tensor, distance: torch.Tensor
) -> Closest:
    """``closest`` with ``x`` (R, frames, features) seen in its rows ``rows`` (R,)."""
    part = Closest(closest.x[rows], closest.distance[rows], closest.margin[rows]).seen(x, margin, distance)
    whole = (closest.x.clone(), closest.distance.clone(), closest.margin.clone())
    for tensor, new in zip(whole, (part.x, part.distance, part.margin), strict=True):
        tensor[rows] = new
    return Closest(*whole)
