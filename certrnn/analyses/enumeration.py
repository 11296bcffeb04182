"""Sets of few sequences are not bounded but evaluated, member by member."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from certrnn.analyses.analysis import Analysis
from certrnn.analyses.forward import Forward
from certrnn.analyses.wrapping import Wrapping
from certrnn.domains import Intervals, Zonotopes, evaluate
from certrnn.ir import Graph
from certrnn.regions import Finite, LinfBall, Region
from certrnn.specs import Spec

NAME = "enumeration"


@dataclass(frozen=True)
class Enumeration(Wrapping):
    """Evaluates every sequence of a set that has few, in interval arithmetic on intervals of width zero: what is said
    of each holds for exact real evaluation. Larger sets, and other regions, are left to another analysis.

    Along many steps intervals blow up, whatever they began with. Sequences for which they prove nothing are looked at
    again by zonotopes, whose symbols carry the roundings of one step through the next ones together, where they are
    few. Those with the smallest margins in floating point come first: where many are left when one fails, nothing is
    said of the set.

    Args:
        otherwise: bounds what is not enumerated.
        most: members of a set that is enumerated.
        part: sequences that are evaluated at once.
        again: most members of a set that zonotopes look at again.
        deadline: time after which nothing is looked at again.
    """

    most: int = 1 << 14
    part: int = 512
    exact: Analysis = field(default_factory=lambda: Forward(Intervals()))
    closer: Analysis = field(default_factory=lambda: Forward(Zonotopes()))
    again: int = 256

    def methods(self, region: Region) -> tuple[str, ...]:
        small = self._small(region).tolist()
        return tuple(
            NAME if s else name for s, name in zip(small, self.otherwise.methods(region), strict=True)
        )

    def _small(self, region: Region) -> torch.Tensor:
        if not isinstance(region, Finite):
            return torch.zeros(region.batch, dtype=torch.bool)
        return region.counts <= self.most

    def margins(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        small = self._small(region)
        out = torch.full((region.batch, spec.width), -torch.inf, dtype=torch.float64)
        left = (~small).nonzero().flatten()
        if len(left) or not region.batch:
            out[left] = self.otherwise.margins(graph, region.select(left), spec.select(left))
        for row in small.nonzero().flatten().tolist():
            assert isinstance(region, Finite)
            out[row] = self._lowest(graph, region, spec, row)
        return out

    def _lowest(self, graph: Graph, region: Finite, spec: Spec, row: int) -> torch.Tensor:
        """(C,) a lower bound of the smallest margin of each clause over the members of one set."""
        lowest = torch.full((spec.width,), torch.inf, dtype=torch.float64)
        left, count = self.again, int(region.counts[row])
        for x, known in self._hardest_first(graph, region, spec, row):
            margins = self._margins(self.exact, graph, spec, row, x, ())
            open_rows = (~(margins > 0).all(dim=1)).nonzero().flatten()
            left -= len(open_rows)
            hopeless = bool((known[open_rows] <= 0).any()) or left < 0 or time.perf_counter() > self.deadline
            if len(open_rows) and not hopeless:
                # a frame that moves by nothing gives the roundings after it symbols of their own
                closer = self._margins(self.closer, graph, spec, row, x[open_rows], (0,))
                margins[open_rows] = torch.fmax(margins[open_rows], closer)
            lowest = torch.minimum(lowest, margins.amin(dim=0))
            count -= len(x)
            if count > self.part and not bool((lowest > 0).all()):
                return torch.full_like(lowest, -torch.inf)
        return lowest

    def _hardest_first(
        self, graph: Graph, region: Finite, spec: Spec, row: int
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Every member of one set with its smallest margin in floating point; the smallest comes first, alone."""
        every, margins = [], []
        one = spec.select(torch.tensor([row]))
        with torch.no_grad():
            for x in region.parts(row, self.part):
                every.append(x)
                own = one.select(torch.zeros(len(x), dtype=torch.int64))
                margins.append(own.margins(evaluate(graph, x)).amin(dim=1))
        known, members = torch.nan_to_num(torch.cat(margins), -torch.inf), torch.cat(every)
        order = known.argsort()
        for some in (order[:1], *order[1:].split(self.part)):
            if len(some):
                yield members[some], known[some]

    def _margins(
        self, analysis: Analysis, graph: Graph, spec: Spec, row: int, x: torch.Tensor, frames: tuple[int, ...]
    ) -> torch.Tensor:
        points = LinfBall(x, x.new_zeros(len(x)), frames)
        return analysis.margins(
            graph, points, spec.select(torch.full((len(x),), row, dtype=torch.int64))
        ).clone()
