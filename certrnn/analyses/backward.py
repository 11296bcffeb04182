"""Analyses that bound rows by backward substitution over a recorded zonotope propagation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from certrnn.analyses.analysis import Analysis
from certrnn.analyses.ascent import Ascent
from certrnn.analyses.memory import Memory, samples_key
from certrnn.analyses.recording import Recording, record
from certrnn.analyses.refinement import Refinement, best_bound
from certrnn.analyses.rows import Rows
from certrnn.domains import Zonotopes
from certrnn.errors import Unsupported
from certrnn.ir import Elementwise, Graph
from certrnn.regions import Region
from certrnn.specs import Spec


@dataclass(frozen=True)
class Backward(Analysis):
    """Margins by backward substitution, never below those of the zonotope propagation it starts from.

    Args:
        ascent: chooses the planes of the margin rows; None takes the policy's slopes as they are (CROWN with parallel
            planes).
        refinement: tightens intermediate regions first, in program order; None takes the zonotope's.
        domain: the zonotope domain of the recorded propagation.
        memory: bytes that one chunk of the batch may take.
        linear: a further ascent on the margin rows, without deficits: where those gain nothing it converges better.
        starts: where earlier ascents on the same samples ended, or None to start anew each time.
    """

    name: str
    ascent: Ascent | None = None
    refinement: Refinement | None = None
    domain: Zonotopes = field(default_factory=Zonotopes)
    memory: int = 1 << 32
    linear: Ascent | None = None
    starts: Memory | None = None

    def remembering(self, memory: Memory | None = None) -> Backward:
        return replace(self, starts=memory or Memory())

    def until(self, deadline: float) -> Backward:
        ascent = None if self.ascent is None else replace(self.ascent, deadline=deadline)
        linear = None if self.linear is None else replace(self.linear, deadline=deadline)
        refinement = self.refinement
        if refinement is not None:
            refinement = replace(refinement, ascent=replace(refinement.ascent, deadline=deadline))
        return replace(self, ascent=ascent, linear=linear, refinement=refinement)

    @torch.inference_mode(False)
    def margins(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        step = max(1, self.memory // (8 * self._require_memory(graph, region.frames)))
        parts = [
            self.recorded(graph, region.rows(i, i + step), spec.part(i, i + step))[0]
            for i in range(0, region.batch, step)
        ]
        return spec.clauses(torch.cat(parts)) if parts else torch.zeros(0, spec.width, dtype=torch.float64)

    def _require_memory(self, graph: Graph, frames: tuple[int, ...]) -> int:
        """Bytes for one row of the batch."""
        per_row = self._bytes_per_row(graph, frames)
        if per_row > self.memory:
            raise Unsupported(
                f"analysing with {self.name}",
                f"one sample fits into {self.memory / 2**30:.1f} GiB",
                f"an estimate of {per_row / 2**30:.1f} GiB",
                "Use --method zonotope for a network of this size.",
            )
        return per_row

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

    def recorded(self, graph: Graph, region: Region, spec: Spec) -> tuple[torch.Tensor, Recording]:
        """Lower bounds (B, K) of the specification's rows, and the propagation behind them, all at once."""
        self._require_memory(graph, region.frames)
        with torch.no_grad():
            key = () if self.starts is None else (samples_key(region),)
            refine = None if self.refinement is None else self.refinement.begin(self.starts, key)
            recording, output = record(graph, region, self.domain, refine)
            bound = recording.run.lower(output, spec.rows, spec.offset)
            rows = Rows({graph.output: spec.rows}, spec.offset)
            for name, ascent in (("linear", self.linear), ("margins", self.ascent)):
                if ascent is not None or name == "margins":
                    best = best_bound(recording, rows, ascent, self.starts, (*key, name))
                    bound = torch.maximum(bound, best)
            return bound, recording
