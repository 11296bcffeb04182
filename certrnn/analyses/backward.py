"""Analyses that bound rows by backward substitution over a recorded zonotope propagation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

import transformers_abs as ta
from certrnn.analyses._protocol import Analysis
from certrnn.analyses.ascent import Ascent
from certrnn.analyses.recording import NodeRecord, Recording, record
from certrnn.analyses.rows import Rows, enclosed_rows
from certrnn.arrays import to_numpy
from certrnn.domains import Zonotopes
from certrnn.errors import Unsupported
from certrnn.ir import Elementwise, Graph
from certrnn.regions import Region
from certrnn.specs import Spec


@dataclass(frozen=True)
class Refinement:
    """Tightens the argument regions of every elementwise node, in program order, by bounding its arguments themselves.

    Parameters
    ----------
    ascent: how the rows' parameters are chosen.
    cuts: bound the arguments also along the directions of the cuts, not only their boxes.
    chunk: rows that are bounded at once.
    """

    ascent: Ascent
    cuts: bool = False
    chunk: int = 256

    def __call__(self, recording: Recording, position: int, found: NodeRecord) -> ta.Region:
        del position
        arity = len(found.center)
        names = [np.eye(arity)[k] for k in range(arity)]
        widths = found.region.cuts
        if self.cuts and arity == 2 and widths is not None:
            names += list(ta.DIRECTIONS)
        lower, upper = found.region.lower.copy(), found.region.upper.copy()
        width = None if widths is None else widths.width.copy()
        if not _depends(recording, found):
            return found.region
        for k, name in enumerate(names):
            ends = self._ends(recording, found, name, k < arity)
            low, high = (to_numpy(e).reshape(-1) for e in ends)
            if k < arity:
                np.fmax(lower[k], low, out=lower[k])
                np.fmin(upper[k], -high, out=upper[k])
            else:
                assert width is not None
                width[k - arity] = np.fmin(width[k - arity], np.maximum(-low, -high))
        if widths is None or width is None:
            return ta.Region(lower, upper)
        return ta.Region(lower, upper, ta.Cuts(widths.center, widths.scale, width))

    def _ends(
        self, recording: Recording, found: NodeRecord, direction: np.ndarray, plain: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Lower bounds (B, n) of the direction and of its negative: of an argument itself where ``plain``, else of the
        deviations."""
        _, batch, size = found.shape
        eye = torch.eye(size, dtype=torch.float64, device=found.center.device).expand(batch, -1, -1)
        coefficients: dict[int, torch.Tensor] = {}
        offset = torch.zeros(batch, size, dtype=torch.float64, device=found.center.device)
        for k, source in enumerate(found.node.sources):
            if direction[k] == 0:
                continue
            scale = torch.ones(batch, size).to(eye) if plain else found.scale[k]
            rows = eye * (float(direction[k]) * scale)[:, :, None]
            coefficients[source] = coefficients[source] + rows if source in coefficients else rows
            if not plain:
                offset = offset - float(direction[k]) * scale * found.center[k]
        mirrored = {p: torch.cat([c, -c], dim=1) for p, c in coefficients.items()}
        both = Rows(mirrored, torch.cat([offset, -offset], dim=1))
        bound = self._bound(recording, both)
        return bound[:, :size], bound[:, size:]

    def _bound(self, recording: Recording, rows: Rows) -> torch.Tensor:
        count = rows.offset.shape[1]
        parts = []
        for start in range(0, count, self.chunk):
            part = slice(start, start + self.chunk)
            chosen = Rows({p: c[:, part] for p, c in rows.coefficients.items()}, rows.offset[:, part])
            parts.append(best_bound(recording, chosen, self.ascent))
        return torch.cat(parts, dim=1)


def _depends(recording: Recording, found: NodeRecord) -> bool:
    """Whether some argument depends on a disturbed nonlinearity: otherwise its zonotope is exact."""
    return any(
        p in recording.nodes for source in found.node.sources for p in _ancestor_nonlinear(recording, source)
    )


def _ancestor_nonlinear(recording: Recording, source: int) -> list[int]:
    return Rows({source: torch.zeros(0)}, torch.zeros(0)).nonlinear(recording)


def best_bound(recording: Recording, rows: Rows, ascent: Ascent | None) -> torch.Tensor:
    """The better of the bound at the ascent's parameters and the one at its start: never worse than plain
    substitution."""
    start = (ascent or Ascent()).start(recording, rows)
    bound = enclosed_rows(recording, rows, start)
    if ascent is not None and ascent.steps and start.slopes:
        parameters, joint = ascent(recording, rows)
        bound = torch.maximum(bound, enclosed_rows(recording, rows, parameters, joint))
    return bound


@dataclass(frozen=True)
class Backward(Analysis):
    """Margins by backward substitution, never below those of the zonotope propagation it starts from.

    Parameters
    ----------
    ascent: chooses the planes of the margin rows; None takes the policy's slopes as they are (CROWN with parallel
    planes). refinement: tightens intermediate regions first, in program order; None takes the zonotope's.
    domain: the zonotope domain of the recorded propagation.
    """

    name: str
    ascent: Ascent | None = None
    refinement: Refinement | None = None
    domain: Zonotopes = field(default_factory=Zonotopes)
    memory: int = 1 << 32

    def margins(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        per_row = self._bytes_per_row(graph, region.frames)
        if per_row > self.memory:
            raise Unsupported(
                f"analysing with {self.name}",
                f"one sample fits into {self.memory / 2**30:.1f} GiB",
                f"an estimate of {per_row / 2**30:.1f} GiB",
                "Use --method zonotope for a network of this size.",
            )
        step = max(1, self.memory // (8 * per_row))
        parts: Sequence[torch.Tensor] = [
            self._chunk(graph, region.rows(i, i + step), spec.part(i, i + step))
            for i in range(0, region.batch, step)
        ]
        return torch.cat(list(parts)) if parts else torch.zeros(0, spec.rows.shape[1], dtype=torch.float64)

    def _bytes_per_row(self, graph: Graph, frames: tuple[int, ...]) -> int:
        """Deviations and their Gram matrices beside the propagation itself, for one row of the batch."""
        nodes = graph.nodes
        deviations = sum(n.size * len(n.sources) for n in nodes if isinstance(n, Elementwise))
        symbols = sum(n.size for n in nodes if isinstance(n, Elementwise))
        symbols += sum(nodes[p].size for f, p in graph.inputs.items() if f in frames)
        stacked = 3 * deviations * symbols + (4 * deviations**2 if self._curved else 0)
        return 8 * stacked + self.domain.bytes_per_row(graph, frames)

    @property
    def _curved(self) -> bool:
        ascents = (self.ascent, None if self.refinement is None else self.refinement.ascent)
        return any(ascent is not None and ascent.curved for ascent in ascents)

    def _chunk(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        with torch.no_grad():
            recording, output = record(graph, region, self.domain, self.refinement)
            bound = recording.run.lower(output, spec.rows, spec.offset)
            rows = Rows({graph.output: spec.rows}, spec.offset)
            return torch.maximum(bound, best_bound(recording, rows, self.ascent))
