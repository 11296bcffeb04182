"""RNN-Test's search as an attack on regions: one frame moves along the gradient of an orientation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from certrnn.attacks.attack import Attack, worst_margin
from certrnn.attacks.rnn_test.moment import Moment
from certrnn.attacks.rnn_test.nearest import SCALES
from certrnn.attacks.rnn_test.orientations import DecisionBoundary, Orientation
from certrnn.domains.points import evaluate
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec


@dataclass(frozen=True, eq=False)
class RnnTest(Attack):
    """Moves one frame of each sequence along the gradient of an orientation, at growing scale, to the nearest vector of
    a table where there is one; of all frames and scales the proposal with the smallest margin is taken.

    The search itself, on words and without a region, is :func:`certrnn.testing.guided.guided_search`.

    Args:
        orientation: reads scores, not states: a graph alone is attacked here.
        scales: what the gradient is multiplied with, in turn.
        table: (V, D) vectors of words; None where any vector will do.

    Raises:
        UsageError: the orientation reads states.

    Source: Guo et al. (RNN-Test), Algorithm 1.
    """

    orientation: Orientation = field(default_factory=DecisionBoundary)
    scales: Sequence[float] = SCALES
    table: torch.Tensor | None = None

    def __post_init__(self) -> None:
        if self.orientation.reads_states:
            raise UsageError(
                "attacking a graph", "the orientation reads scores", type(self.orientation).__name__
            )

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        best, lowest = region.center.clone(), self._margin(graph, spec, region.center)
        for frame in region.frames:
            gradient = self._gradient(graph, region.center, frame)
            for scale in self.scales:
                x = region.center.clone()
                x[:, frame] = self._word(x[:, frame] + scale * gradient)
                x = region.project(x)
                margin = self._margin(graph, spec, x)
                better = margin < lowest
                best = torch.where(better[:, None, None], x, best)
                lowest = torch.where(better, margin, lowest)
        return best

    def _gradient(self, graph: Graph, x: torch.Tensor, frame: int) -> torch.Tensor:
        frames = torch.full((len(x),), frame)
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            moment = Moment(frames, x.shape[1], scores=evaluate(graph, leaf)[:, None])
            total = self.orientation.value(moment).sum()
            gradient = torch.autograd.grad(total, leaf, allow_unused=True)[0] if total.requires_grad else None
        own = torch.zeros_like(x[:, frame]) if gradient is None else gradient[:, frame]
        return torch.nan_to_num(own, 0.0, 0.0, 0.0)

    def _margin(self, graph: Graph, spec: Spec, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return torch.nan_to_num(worst_margin(graph, spec, x), torch.inf)

    def _word(self, vectors: torch.Tensor) -> torch.Tensor:
        if self.table is None:
            return vectors
        return self.table[torch.cdist(vectors, self.table).argmin(dim=1)]
