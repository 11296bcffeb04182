"""Edits of a sequence split by position: one frame stays, or it changes; in the end by what it changes to."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import torch

from certrnn.analyses.wrapping import Wrapping
from certrnn.domains import evaluate
from certrnn.ir import Graph
from certrnn.regions import Edits, Region
from certrnn.specs import Spec


@dataclass(frozen=True)
class PositionSplitting(Wrapping):
    """Bounds a set of edits by another analysis and, where that proves nothing, its two parts: in one a frame stays, in
    the other it may become anything it may, and one edit less is left for the others. Together they hold every member:
    each of them changes the frame or does not. Where no frame is left to be split, half of what one may become is put
    in the one part and half in the other.

    Frames are split in the order of what they may cost at most, to first order. Other regions are left alone.

    Args:
        otherwise: bounds each part.
        parts: how many are bounded at most, where no deadline says otherwise.
        seconds: what they may take for a set, in that case.
        together: parts that are bounded at once.
    """

    parts: int = 48
    seconds: float = 5.0
    together: int = 8

    def margins(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        bound = self.otherwise.margins(graph, region, spec)
        if not isinstance(region, Edits):
            return bound
        bound = bound.clone()
        for row in (~(bound > 0).all(dim=1)).nonzero().flatten().tolist():
            rows = torch.tensor([row])
            bound[row] = self._split(graph, region.select(rows), spec.select(rows), bound[row])
        return bound

    def _split(self, graph: Graph, region: Edits, spec: Spec, root: torch.Tensor) -> torch.Tensor:
        """(C,) the bound of one set after splitting; the root's where some part stays open."""
        order, left = costs(graph, region, spec).argsort(descending=True).tolist(), self.parts
        pending = [(region, 0)]
        unlimited = math.isinf(self.deadline)
        deadline = time.perf_counter() + self.seconds if unlimited else self.deadline
        lowest = torch.full_like(root, torch.inf)
        while pending:
            if time.perf_counter() > deadline or (unlimited and left <= 0):
                return root
            some, pending = pending[-self.together :], pending[: -self.together]
            children = [child for one, depth in some for child in self._halves(one, order, depth)]
            if len(children) < 2 * len(some):
                return root
            left -= len(children)
            joined = _stacked([one for one, _ in children])
            bound = self.otherwise.margins(
                graph, joined, spec.select(torch.zeros(len(children), dtype=torch.int64))
            )
            for child, own in zip(children, bound, strict=True):
                if bool((own > 0).all()):
                    lowest = torch.minimum(lowest, own)
                else:
                    pending.append(child)
        return torch.maximum(lowest, root)

    def _halves(self, region: Edits, order: list[int], depth: int) -> list[tuple[Edits, int]]:
        """The two parts of a set; none where nothing is left to be split."""
        allowed, free = region.allowed.clone(), region.loose.clone()
        if depth < len(order) and int(region.most[0]):
            frame = region.frames[order[depth]]
            allowed[:, frame], free[:, frame] = False, True
            # the part in which the frame stays, and the one in which it changes
            stays, changes = (
                replace(region, allowed=allowed),
                replace(region, free=free, most=region.most - 1),
            )
            return [(stays, depth + 1), (changes, depth + 1)]
        sizes = (region.allowed[0].sum(dim=1) * free[0])[list(region.frames)]
        frame = region.frames[int(sizes.argmax())]
        members = region.allowed[0, frame].nonzero().flatten()
        if len(members) < 2:
            return []
        parts = []
        for some in members.split((len(members) + 1) // 2):
            own = region.allowed.clone()
            own[:, frame] = False
            own[:, frame, some] = True
            parts.append((replace(region, allowed=own), depth))
        return parts


def costs(graph: Graph, region: Edits, spec: Spec) -> torch.Tensor:
    """(F,) how much of the smallest margin of one set each of its disturbed frames may take, to first order."""
    with torch.enable_grad():
        x = region.center.detach().clone().requires_grad_()
        lowest = spec.margins(evaluate(graph, x)).amin()
        slope = torch.autograd.grad(lowest, x)[0] if lowest.requires_grad else torch.zeros_like(x)
    drops = []
    for frame in region.frames:
        moved = region.points(frame)[0] - region.center[0, frame]
        drops.append(-(moved @ slope[0, frame]).min())
    return torch.stack(drops)


def _stacked(parts: list[Edits]) -> Edits:
    first = parts[0]
    return replace(
        first,
        center=torch.cat([one.center for one in parts]),
        allowed=torch.cat([one.allowed for one in parts]),
        most=torch.cat([one.most for one in parts]),
        free=torch.cat([one.loose for one in parts]),
    )
