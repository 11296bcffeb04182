"""Word substitution: every combination where there are few, else one word after the other."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from certrnn.attacks.attack import Attack, worst_margin
from certrnn.attacks.pgd import PGD
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import Region, Substitutes
from certrnn.specs import Spec


@dataclass(frozen=True, eq=False)
class Substitution(Attack):
    """Replaces words by their listed substitutes; on other regions it is another attack.

    Where a set has at most ``most`` members all of them are tried, so that what it does not find is not there, up to
    rounding. Larger sets are searched greedily: every substitute of every word is tried, the one that lowers the
    smallest margin most is kept, until none does (words may be replaced again).

    Args:
        most: members of a set that is tried in full.
        copies: largest number of sequences in one evaluation of the graph.
        otherwise: the attack on regions that are no word sets.

    Raises:
        UsageError: a count below 1.
    """

    most: int = 4096
    copies: int = 1024
    otherwise: Attack = field(default_factory=PGD)

    def __post_init__(self) -> None:
        if min(self.most, self.copies) < 1:
            raise UsageError("attacking", "members and copies are at least 1", (self.most, self.copies))

    def starting_at(self, x: torch.Tensor) -> Substitution:
        return Substitution(self.most, self.copies, self.otherwise.starting_at(x))

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        if not isinstance(region, Substitutes):
            return self.otherwise.run(graph, region, spec)
        parts = [region.center[:0]]
        counts = region.counts
        for row in range(region.batch):
            one, own = region.rows(row, row + 1), spec.part(row, row + 1)
            parts.append(
                self._worst(graph, one, own) if counts[row] <= self.most else self._greedy(graph, one, own)
            )
        return torch.cat(parts)

    def _worst(self, graph: Graph, region: Substitutes, spec: Spec) -> torch.Tensor:
        best, lowest = region.center, torch.inf
        for x in region.parts(0, self.copies):
            margins = self._margins(graph, spec, x)
            if float(margins.min()) < lowest:
                lowest, best = float(margins.min()), x[margins.argmin()][None]
        return best

    def _greedy(self, graph: Graph, region: Substitutes, spec: Spec) -> torch.Tensor:
        x = region.center
        lowest = float(self._margins(graph, spec, x)[0])
        while lowest > 0:
            tried = []
            for frame in region.frames:
                points = region.points(frame)[0]
                moved = x.expand(len(points), -1, -1).clone()
                moved[:, frame] = points
                tried.append(moved)
            every = torch.cat([x, *tried])
            margins = torch.cat([self._margins(graph, spec, part) for part in every.split(self.copies)])
            if not float(margins.min()) < lowest:
                break
            lowest, x = float(margins.min()), every[margins.argmin()][None]
        return x

    def _margins(self, graph: Graph, spec: Spec, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            margins = worst_margin(graph, spec.select(torch.zeros(len(x), dtype=torch.int64)), x)
        return torch.where(margins.isnan(), torch.inf, margins)
