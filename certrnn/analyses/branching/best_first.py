"""The order of branching: always the leaf with the worst bound next, and a bound that only improves."""

from __future__ import annotations

import heapq
import itertools
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch

P = TypeVar("P")


@dataclass(frozen=True, eq=False)
class Leaf(Generic[P]):
    """One part of the region: ``bound`` (R,) of every row over it, and what its tree knows of it."""

    bound: torch.Tensor
    part: P

    @property
    def worst(self) -> float:
        return float(self.bound.min())


@dataclass(frozen=True)
class Limits:
    """When to stop.

    Args:
        deadline: of ``time.perf_counter``.
        leaves: parts that are bounded at most; also what limits memory, since every open part is kept.
        together: parts that are bounded in one batch.
    """

    deadline: float = math.inf
    leaves: int = 2000
    together: int = 8

    @property
    def late(self) -> bool:
        return time.perf_counter() > self.deadline


class Tree(ABC, Generic[P]):
    """How one kind of region is cut and bounded."""

    @abstractmethod
    def cut(self, leaf: Leaf[P]) -> Sequence[P] | None:
        """Parts that together cover the leaf, none where it is empty; None where it cannot be cut any further."""

    @abstractmethod
    def bound(self, parts: Sequence[P]) -> Sequence[Leaf[P]]:
        """The parts with sound bounds, in the same order."""

    def refuted(self, leaves: Sequence[Leaf[P]]) -> bool:
        """Whether a counterexample was found in one of the leaves; there is nothing left to prove then."""
        return False


@dataclass(eq=False)
class _Front(Generic[P]):
    """Leaves in play: ``open`` ones by their worst bound, and the smallest bound of those that are done."""

    done: torch.Tensor
    open: list[tuple[float, int, Leaf[P]]] = field(default_factory=list)
    ticket: itertools.count[int] = field(default_factory=itertools.count)

    def put(self, leaf: Leaf[P], final: bool = False) -> None:
        if final or leaf.worst > 0.0:
            self.done = torch.minimum(self.done, leaf.bound)
        else:
            heapq.heappush(self.open, (leaf.worst, next(self.ticket), leaf))

    def take(self, count: int) -> list[Leaf[P]]:
        return [heapq.heappop(self.open)[2] for _ in range(min(count, len(self.open)))]

    def total(self) -> torch.Tensor:
        return torch.stack([self.done, *(leaf.bound for _, _, leaf in self.open)]).amin(0)


def grow(tree: Tree[P], root: Leaf[P], limits: Limits) -> torch.Tensor:
    """Bounds (R,) of every row over the whole region: the smallest over all leaves, whenever it stops.

    A part's bound is never below its parent's, so that the result only improves on the root's. Some part always holds
    the region's center: should all of them seem empty, then a number is wrong, and the root's bound is all there is.
    """
    front: _Front[P] = _Front(torch.full_like(root.bound, torch.inf))
    front.put(root)
    bounded = 0
    while front.open and bounded < limits.leaves and not limits.late:
        parents = front.take(max(1, limits.together // 2))
        parts, floors = [], []
        for parent in parents:
            pieces = tree.cut(parent)
            if pieces is None:
                front.put(parent, final=True)
                continue
            parts += list(pieces)
            floors += [parent.bound] * len(pieces)
        if not parts:
            continue
        leaves = [
            Leaf(torch.maximum(leaf.bound, floor), leaf.part)
            for leaf, floor in zip(tree.bound(parts), floors, strict=True)
        ]
        bounded += len(leaves)
        for leaf in leaves:
            front.put(leaf)
        if tree.refuted(leaves):
            break
    total = front.total()
    return torch.where(total.isposinf(), root.bound, total)
