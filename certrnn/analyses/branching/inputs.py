"""Cuts along inputs, where they are few: each half is analysed anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from certrnn.analyses.analysis import Analysis
from certrnn.analyses.branching.best_first import Leaf, Tree
from certrnn.ir import Graph
from certrnn.regions import Box, Region
from certrnn.specs import Spec


@dataclass(eq=False)
class Inputs(Tree[Box]):
    """Parts of one region (of batch size one) by halves of single features."""

    graph: Graph
    spec: Spec
    analysis: Analysis

    def cut(self, leaf: Leaf[Box]) -> Sequence[Box] | None:
        box = leaf.part
        width = torch.zeros_like(box.center)
        disturbed = list(box.frames)
        width[:, disturbed] = (box.upper - box.lower)[:, disturbed]
        widest = int(width.argmax())
        frame, feature = divmod(widest % width[0].numel(), width.shape[2])
        low, high = box.lower[0, frame, feature], box.upper[0, frame, feature]
        middle = low + 0.5 * (high - low)
        if not bool((low < middle) & (middle < high)):
            return None
        return [_half(box, frame, feature, middle, above) for above in (False, True)]

    def bound(self, parts: Sequence[Box]) -> Sequence[Leaf[Box]]:
        batch = Box(
            torch.cat([b.center for b in parts]),
            torch.cat([b.lower for b in parts]),
            torch.cat([b.upper for b in parts]),
            parts[0].frames,
        )
        count = len(parts)
        rows = Spec(self.spec.rows.expand(count, -1, -1), self.spec.offset.expand(count, -1))
        bounds = self.analysis.margins(self.graph, batch, rows)
        return [Leaf(bound, part) for bound, part in zip(bounds, parts, strict=True)]


def as_box(region: Region) -> Box:
    """The boxes of a region: a superset of it."""
    lower, upper = region.center.clone(), region.center.clone()
    for frame in region.frames:
        lower[:, frame], upper[:, frame] = region.box(frame)
    return Box(region.center, lower, upper, region.frames)


def _half(box: Box, frame: int, feature: int, middle: torch.Tensor, above: bool) -> Box:
    lower, upper = box.lower.clone(), box.upper.clone()
    (lower if above else upper)[0, frame, feature] = middle
    center = torch.minimum(torch.maximum(box.center, lower), upper)
    return Box(center, lower, upper, box.frames)
