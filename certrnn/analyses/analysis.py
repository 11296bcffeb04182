"""What an analysis answers."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from certrnn.analyses.memory import Memory
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec


class Analysis(ABC):
    """A sound way from (graph, region, specification) to lower bounds on every margin."""

    name: str

    def remembering(self, memory: Memory | None = None) -> Analysis:
        """The same analysis for a series of questions about the same samples at different sizes: it may start from
        what it, or another analysis with the same ``memory``, found before. By default there is nothing to
        remember."""
        del memory
        return self

    def until(self, deadline: float) -> Analysis:
        """The same analysis, which stops improving its bounds at a ``deadline`` of ``time.perf_counter``. By default
        there is nothing to stop."""
        del deadline
        return self

    def methods(self, region: Region) -> tuple[str, ...]:
        """What each set of the region is bounded by, as rows show it: B names."""
        return (self.name,) * region.batch

    @abstractmethod
    def margins(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        """Lower bounds (B, C) on the margin of every clause (``rows @ scores + offset``, or the largest of several such
        rows) over each region; -inf where nothing can be said.

        The bound holds for exact real evaluation of the graph. Never nan.
        """


def certified(margins: torch.Tensor) -> torch.Tensor:
    """(B,) bool: every margin is finite and strictly positive."""
    return (torch.isfinite(margins) & (margins > 0.0)).all(dim=1)


def proved(margins: torch.Tensor) -> torch.Tensor:
    """(B,) the smallest of the margins (B, K); -inf where one of them says nothing. Positive where certified."""
    worst = margins.amin(dim=1)
    return torch.where(torch.isfinite(margins).all(dim=1), worst, -torch.inf)
