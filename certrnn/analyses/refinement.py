"""Tightens the argument regions of elementwise nodes, in program order, by bounding the arguments themselves."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

import transformers_abs as ta
from certrnn.analyses.ascent import Ascent
from certrnn.analyses.memory import Memory
from certrnn.analyses.recording import NodeRecord, Recording
from certrnn.analyses.rows import Rows, enclosed_rows
from certrnn.arrays import to_numpy
from certrnn.domains.rounding import TINY
from certrnn.ir import Elementwise
from transformers_abs.rounding import gamma

Ends = tuple[torch.Tensor, torch.Tensor]


def best_bound(
    recording: Recording,
    rows: Rows,
    ascent: Ascent | None,
    memory: Memory | None = None,
    key: tuple[object, ...] = (),
) -> torch.Tensor:
    """The better of the bound at the ascent's parameters and the one at its start: never worse than plain
    substitution."""
    start = (ascent or Ascent()).start(recording, rows)
    bound = enclosed_rows(recording, rows, start)
    if ascent is not None and ascent.steps and start.slopes and not ascent.late:
        parameters, joint = ascent(recording, rows, memory, key)
        bound = torch.maximum(bound, enclosed_rows(recording, rows, parameters, joint))
    return bound


@dataclass(frozen=True)
class Refinement:
    """How argument regions are tightened.

    Args:
        ascent: how the rows' parameters are chosen.
        cuts: bound the arguments also along the directions of the cuts, not only their boxes.
        chunk: rows that are bounded at once.
    """

    ascent: Ascent
    cuts: bool = False
    chunk: int = 320

    def begin(self, memory: Memory | None = None, key: tuple[object, ...] = ()) -> Refining:
        """A refinement of one propagation."""
        return Refining(self, memory, key)


@dataclass(eq=False)
class Refining:
    """The refinement of one propagation: a callback of :func:`~certrnn.analyses.recording.record`.

    All arguments that depend on the same finished nonlinearities are bounded together, so that the gates of one frame
    are one batch of rows; ``ends`` holds what is known of each.
    """

    options: Refinement
    memory: Memory | None = None
    key: tuple[object, ...] = ()
    ends: dict[int, Ends] = field(default_factory=dict)

    def __call__(self, recording: Recording, position: int, record: NodeRecord) -> ta.Region:
        sources = record.node.sources
        if any(s not in self.ends and depends(recording, s) for s in sources):
            self._bound_ready(recording, position)
        lower, upper = record.region.lower.copy(), record.region.upper.copy()
        for k, source in enumerate(sources):
            if source in self.ends:
                low, high = (to_numpy(e).reshape(-1) for e in self.ends[source])
                np.fmax(lower[k], low, out=lower[k])
                np.fmin(upper[k], high, out=upper[k])
        return ta.Region(lower, upper, self._cuts(recording, position, record))

    def _bound_ready(self, recording: Recording, position: int) -> None:
        """Bound every argument, of this node or a later one, whose nonlinearities are all recorded."""
        ready = self._ready(recording, position)
        sizes = [recording.graph.nodes[s].size for s in ready]
        total = sum(sizes)
        like = recording.magnitude[ready[0]]
        eye = torch.eye(total, dtype=torch.float64, device=like.device)
        both = torch.cat([eye, -eye]).expand(recording.batch, -1, -1)
        coefficients = {s: part.contiguous() for s, part in zip(ready, both.split(sizes, dim=2), strict=True)}
        rows = Rows(coefficients, like.new_zeros(recording.batch, 2 * total))
        bound = self._bound(recording, rows, ("box", *ready))
        lower, upper = bound[:, :total].split(sizes, dim=1), -bound[:, total:]
        self.ends.update(zip(ready, zip(lower, upper.split(sizes, dim=1), strict=True), strict=True))

    def _ready(self, recording: Recording, position: int) -> list[int]:
        nodes = recording.graph.nodes
        sources: dict[int, None] = {}
        for node in nodes[position:]:
            if not isinstance(node, Elementwise):
                continue
            for source in node.sources:
                if source < position and source not in self.ends and depends(recording, source):
                    sources[source] = None
        return list(sources)

    def _cuts(self, recording: Recording, position: int, record: NodeRecord) -> ta.Cuts | None:
        cuts = record.region.cuts
        if cuts is None or not self.options.cuts or len(record.center) != 2:
            return cuts
        if not any(depends(recording, s) for s in record.node.sources):
            return cuts
        width = cuts.width.copy()
        for k, direction in enumerate(ta.DIRECTIONS):
            low, high = self._direction_ends(recording, record, direction, ("cut", position, k))
            reach = torch.maximum(-low, high)
            width[k] = np.fmin(width[k], to_numpy(reach).reshape(-1))
        return ta.Cuts(cuts.center, cuts.scale, width)

    def _direction_ends(
        self, recording: Recording, record: NodeRecord, direction: np.ndarray, key: tuple[object, ...]
    ) -> Ends:
        """Bounds (B, n) of a direction of the deviations."""
        _, batch, size = record.shape
        eye = torch.eye(size, dtype=torch.float64, device=record.center.device).expand(batch, -1, -1)
        coefficients: dict[int, torch.Tensor] = {}
        offset = hidden = torch.zeros(batch, size, dtype=torch.float64, device=record.center.device)
        for share, scale, center, source in zip(
            direction.tolist(), record.scale, record.center, record.node.sources, strict=True
        ):
            rows = eye * (share * scale)[:, :, None]
            coefficients[source] = coefficients[source] + rows if source in coefficients else rows
            offset = offset - share * scale * center
            size_of_terms = (abs(share) * scale) * (recording.magnitude[source] + center.abs())
            hidden = hidden + size_of_terms
        mirrored = {p: torch.cat([c, -c], dim=1) for p, c in coefficients.items()}
        bound = self._bound(recording, Rows(mirrored, torch.cat([offset, -offset], dim=1)), key)
        # rows and offset are rounded products: what they miss of the exact deviations
        bound = bound - torch.cat([hidden, hidden], dim=1) * (2.0 * gamma(8)) - gamma(4) * bound.abs() - TINY
        return bound[:, :size], -bound[:, size:]

    def _bound(self, recording: Recording, rows: Rows, key: tuple[object, ...]) -> torch.Tensor:
        parts = []
        for start in range(0, rows.offset.shape[1], self.options.chunk):
            part = slice(start, start + self.options.chunk)
            chosen = Rows({p: c[:, part] for p, c in rows.coefficients.items()}, rows.offset[:, part])
            known = (*self.key, *key, start)
            parts.append(best_bound(recording, chosen, self.options.ascent, self.memory, known))
        return torch.cat(parts, dim=1)


def depends(recording: Recording, source: int) -> bool:
    """Whether a value depends on recorded nonlinearities, and on none that is not recorded: otherwise there is nothing
    to bound (its zonotope is exact) or not yet."""
    nonlinear = Rows({source: torch.zeros(0)}, torch.zeros(0)).nonlinear(recording)
    return bool(nonlinear) and all(p in recording.nodes for p in nonlinear)
