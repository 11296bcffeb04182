"""What an analysis answers."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec


class Analysis(ABC):
    """A sound way from (graph, region, specification) to lower bounds on every margin."""

    name: str

    @abstractmethod
    def margins(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        """Lower bounds (B, K) on ``rows @ scores + offset`` over each region; -inf where nothing can be said.

        The bound holds for exact real evaluation of the graph. Never nan.
        """


def certified(margins: torch.Tensor) -> torch.Tensor:
    """(B,) bool: every margin is finite and strictly positive."""
    return (torch.isfinite(margins) & (margins > 0.0)).all(dim=1)
