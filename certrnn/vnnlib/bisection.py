"""Halves of boxes: each is bounded by itself, and may break another of a clause's inequalities."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from certrnn.analyses import Analysis
from certrnn.ir import Graph
from certrnn.regions import Box, Region
from certrnn.specs import Spec

Falsify = Callable[[Graph, Region, Spec, torch.Tensor], bool]


@dataclass(frozen=True)
class Halving(Analysis):
    """Cuts the inputs of a box, the widest first, where they are few.

    Beside branching on one row for each clause this proves conjunctions: a clause of several rows holds on a part
    where any of them does, and which one may differ from part to part.

    Args:
        analysis: bounds the parts.
        falsify: looks for a counterexample at the middles of parts that stay open, or None.
        deadline: of ``time.perf_counter``.
        few: up to that many disturbed features; others say -inf at once.
        parts: boxes that are bounded at most.
        together: boxes of one batch.
    """

    analysis: Analysis
    falsify: Falsify | None = None
    deadline: float = float("inf")
    few: int = 12
    parts: int = 20_000
    together: int = 32
    name: str = "halving"

    def margins(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        """The smallest margins over all parts where every part is proved; else -inf."""
        if not isinstance(region, Box) or region.batch != 1:
            raise TypeError("one box is halved at a time")
        lowest = torch.full((1, spec.width), torch.inf, dtype=torch.float64)
        failed = torch.full_like(lowest, -torch.inf)
        if int((region.lower < region.upper).sum()) > self.few:
            return failed
        open_, bounded = region, 0
        while open_.batch:
            if bounded >= self.parts or time.perf_counter() > self.deadline:
                return failed
            cut = max(0, open_.batch - self.together)
            rest, part = open_.rows(0, cut), open_.rows(cut, open_.batch)
            rows = torch.zeros(part.batch, dtype=torch.int64)
            bound = self.analysis.margins(graph, part, spec.select(rows))
            bounded += part.batch
            done = (bound > 0.0).all(dim=1)
            if bool(done.any()):
                lowest = torch.minimum(lowest, bound[done].amin(dim=0, keepdim=True))
            left = part.select((~done).nonzero().flatten())
            if left.batch and self.falsify is not None and self.falsify(graph, region, spec, left.center):
                return failed
            halves = _halves(left)
            if halves is None:
                return failed
            open_ = _joined(rest, halves)
        return lowest


def _halves(boxes: Box) -> Box | None:
    """Both halves of every box along its widest feature; None where one is too thin to be cut."""
    if not boxes.batch:
        return boxes
    width = (boxes.upper - boxes.lower).flatten(1)
    widest = width.argmax(dim=1, keepdim=True)
    low, high = (end.flatten(1).gather(1, widest) for end in (boxes.lower, boxes.upper))
    middle = low + 0.5 * (high - low)
    if not bool(((low < middle) & (middle < high)).all()):
        return None
    shape = boxes.lower.shape
    lower = boxes.lower.flatten(1).scatter(1, widest, middle).reshape(shape)
    upper = boxes.upper.flatten(1).scatter(1, widest, middle).reshape(shape)
    return _between(torch.cat([boxes.lower, lower]), torch.cat([upper, boxes.upper]), boxes.frames)


def _joined(first: Box, second: Box) -> Box:
    lower, upper = torch.cat([first.lower, second.lower]), torch.cat([first.upper, second.upper])
    return _between(lower, upper, first.frames)


def _between(lower: torch.Tensor, upper: torch.Tensor, frames: tuple[int, ...]) -> Box:
    middle = torch.minimum(torch.maximum(0.5 * lower + 0.5 * upper, lower), upper)
    return Box(middle, lower, upper, frames)
