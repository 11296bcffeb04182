"""Words replaced by their neighbours in the embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from certrnn.attacks.attack import Attack, select, worst_margin
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec


@dataclass(frozen=True, eq=False)
class NearestWords(Attack):
    """Replaces words one after the other, each by one of its nearest neighbours in the embedding.

    Every replacement of one more word is tried, and the one that lowers the smallest margin most is kept, until the
    specification breaks, ``most`` words are replaced, or no replacement helps. Only vectors of the table are proposed,
    and only those that lie in the region (all frames of it disturbed together).

    Args:
        table: (words, features) the embedding; None for the words of each sequence itself.
        neighbours: candidates of a word, the nearest in l2 first.
        most: words replaced at most, None for all disturbed frames.
        copies: largest number of sequences in one evaluation of the graph.

    Raises:
        UsageError: a count below 1, or a table that is no matrix.

    Source: the nearest-neighbour substitution of Papernot et al., Crafting adversarial input sequences for recurrent
    neural networks (MILCOM 2016), with the replacement chosen by trial instead of by the sign of the gradient.
    """

    table: torch.Tensor | None = None
    neighbours: int = 8
    most: int | None = None
    copies: int = 1024
    minimises: ClassVar[str | None] = "0"

    def __post_init__(self) -> None:
        if min(self.neighbours, self.copies, 1 if self.most is None else self.most) < 1:
            raise UsageError("attacking", "neighbours and words are at least 1", (self.neighbours, self.most))
        if self.table is not None and self.table.ndim != 2:
            raise UsageError(
                "attacking", "the embedding is a matrix (words, features)", tuple(self.table.shape)
            )

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        table = None if self.table is None else self.table.to(region.center).unique(dim=0)
        parts = [region.center[:0]]
        for row in range(region.batch):
            one = region.rows(row, row + 1)
            words = one.center[0].unique(dim=0) if table is None else table
            parts.append(self._replaced(graph, one, spec.part(row, row + 1), words))
        return torch.cat(parts)

    def _replaced(self, graph: Graph, region: Region, spec: Spec, words: torch.Tensor) -> torch.Tensor:
        x, left = region.center.clone(), list(region.frames)
        candidates = {frame: self._candidates(region, frame, words) for frame in left}
        with torch.no_grad():
            lowest = float(worst_margin(graph, spec, x)[0])
        for _ in range(len(left) if self.most is None else min(self.most, len(left))):
            if not lowest > 0:
                break
            tried = [_with(x, frame, vectors) for frame in left if len(vectors := candidates[frame])]
            if not tried:
                break
            every = torch.cat(tried)
            every = every[region.select(torch.zeros(len(every), dtype=torch.long)).contains(every)]
            margins = self._margins(graph, spec, every)
            if not margins.numel() or not float(margins.min()) < lowest:
                break
            best = int(margins.argmin())
            frame = next(f for f in left if not torch.equal(every[best, f], x[0, f]))
            x, lowest = every[best : best + 1], float(margins[best])
            left.remove(frame)
        return x

    def _candidates(self, region: Region, frame: int, words: torch.Tensor) -> torch.Tensor:
        """(n, features) the nearest words of a frame's, itself left out, each inside the region by itself."""
        own = region.center[0, frame]
        order = (words - own).norm(dim=1).argsort(stable=True)[: 8 * self.neighbours + 1]
        near = words[order]
        near = near[(near != own).any(dim=1)]
        alone = _with(region.center, frame, near)
        inside = region.select(torch.zeros(len(alone), dtype=torch.long)).contains(alone)
        return near[inside][: self.neighbours]

    def _margins(self, graph: Graph, spec: Spec, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            parts = [
                worst_margin(graph, select(spec, torch.zeros(len(part), dtype=torch.long)), part)
                for part in x.split(self.copies)
            ]
        margins = torch.cat(parts) if parts else x[:0, 0, 0]
        return torch.nan_to_num(margins, torch.inf)


def _with(x: torch.Tensor, frame: int, vectors: torch.Tensor) -> torch.Tensor:
    """(n, frames, features) the sequence (1, frames, features) with each of the vectors as one frame."""
    out = x.expand(len(vectors), -1, -1).clone()
    out[:, frame] = vectors
    return out
