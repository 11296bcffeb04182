"""Sets of finitely many sequences: every one where there are few, else one frame after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from certrnn.attacks.attack import Attack, worst_margin
from certrnn.attacks.pgd import PGD
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import Finite, Region
from certrnn.specs import Spec


@dataclass(frozen=True, eq=False)
class Substitution(Attack):
    """Replaces words by their listed substitutes; on other regions it is another attack.

    Where a set has at most ``most`` members all of them are tried, so that what it does not find is not there, up to
    rounding. Larger sets are searched from the sample outward: every member that differs on one more word (or the same
    words otherwise) is tried, and of all the ``beam`` with the smallest margins are kept, until they get no smaller.

    Args:
        most: members of a set that is tried in full.
        beam: sequences that are kept from round to round.
        copies: largest number of sequences in one evaluation of the graph.
        otherwise: the attack on regions that are no word sets.

    Raises:
        UsageError: a count below 1.
    """

    most: int = 1 << 14
    beam: int = 4
    copies: int = 1024
    otherwise: Attack = field(default_factory=PGD)

    def __post_init__(self) -> None:
        if min(self.most, self.beam, self.copies) < 1:
            sizes = self.most, self.beam, self.copies
            raise UsageError("attacking", "members, the beam and copies are at least 1", sizes)

    def starting_at(self, x: torch.Tensor) -> Substitution:
        return replace(self, otherwise=self.otherwise.starting_at(x))

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        if not isinstance(region, Finite):
            return self.otherwise.run(graph, region, spec)
        parts = [region.center[:0]]
        counts = region.counts
        for row in range(region.batch):
            one = spec.part(row, row + 1)
            search = self._worst if counts[row] <= self.most else self._outward
            parts.append(search(graph, region, one, row))
        return torch.cat(parts)

    def _worst(self, graph: Graph, region: Finite, spec: Spec, row: int) -> torch.Tensor:
        best, lowest = region.center[row : row + 1], torch.inf
        for x in region.parts(row, self.copies):
            margins = self._margins(graph, spec, x)
            if float(margins.min()) < lowest:
                lowest, best = float(margins.min()), x[margins.argmin()][None]
        return best

    def _outward(self, graph: Graph, region: Finite, spec: Spec, row: int) -> torch.Tensor:
        frontier = region.center[row : row + 1]
        margins = self._margins(graph, spec, frontier)
        while float(margins.min()) > 0:
            near = torch.cat([region.neighbours(row, x) for x in frontier])
            if not len(near):
                break
            near = near.unique(dim=0) if len(frontier) > 1 else near
            near_margins = torch.cat([self._margins(graph, spec, part) for part in near.split(self.copies)])
            if not float(near_margins.min()) < float(margins.min()):
                break
            order = near_margins.argsort(stable=True)[: self.beam]
            frontier, margins = near[order], near_margins[order]
        return frontier[margins.argmin()][None]

    def _margins(self, graph: Graph, spec: Spec, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            margins = worst_margin(graph, spec.select(torch.zeros(len(x), dtype=torch.int64)), x)
        return torch.where(margins.isnan(), torch.inf, margins)
