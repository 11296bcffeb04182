"""Word sets small enough are not bounded but evaluated, member by member."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from certrnn.analyses.analysis import Analysis
from certrnn.analyses.forward import Forward
from certrnn.analyses.memory import Memory
from certrnn.domains import Intervals
from certrnn.ir import Graph
from certrnn.regions import LinfBall, Region, Substitutes
from certrnn.specs import Spec

NAME = "enumeration"


@dataclass(frozen=True)
class Enumeration(Analysis):
    """Evaluates every sequence of a word set that has few, in interval arithmetic on intervals of width zero: what is
    said of each holds for exact real evaluation. Larger sets, and other regions, are left to another analysis.

    Args:
        otherwise: bounds what is not enumerated.
        most: members of a set that is enumerated.
        part: sequences that are evaluated at once.
    """

    otherwise: Analysis
    most: int = 4096
    part: int = 512
    exact: Analysis = field(default_factory=lambda: Forward(Intervals()))

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.otherwise.name

    def remembering(self, memory: Memory | None = None) -> Analysis:
        return Enumeration(self.otherwise.remembering(memory), self.most, self.part, self.exact)

    def until(self, deadline: float) -> Analysis:
        return Enumeration(self.otherwise.until(deadline), self.most, self.part, self.exact)

    def methods(self, region: Region) -> tuple[str, ...]:
        small = self._small(region).tolist()
        return tuple(
            NAME if s else name for s, name in zip(small, self.otherwise.methods(region), strict=True)
        )

    def _small(self, region: Region) -> torch.Tensor:
        if not isinstance(region, Substitutes):
            return torch.zeros(region.batch, dtype=torch.bool)
        return region.counts <= self.most

    def margins(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        small = self._small(region)
        out = torch.full((region.batch, spec.width), -torch.inf, dtype=torch.float64)
        left = (~small).nonzero().flatten()
        if len(left) or not region.batch:
            out[left] = self.otherwise.margins(graph, region.select(left), spec.select(left))
        for row in small.nonzero().flatten().tolist():
            assert isinstance(region, Substitutes)
            out[row] = self._lowest(graph, region, spec, row)
        return out

    def _lowest(self, graph: Graph, region: Substitutes, spec: Spec, row: int) -> torch.Tensor:
        """(C,) the smallest margin of each clause over the members of one set."""
        lowest = torch.full((spec.width,), torch.inf, dtype=torch.float64)
        for x in region.parts(row, self.part):
            points = LinfBall(x, x.new_zeros(len(x)), ())
            own = spec.select(torch.full((len(x),), row, dtype=torch.int64))
            lowest = torch.minimum(lowest, self.exact.margins(graph, points, own).amin(dim=0))
        return lowest
