"""One pass through the graph in a domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from certrnn.analyses.analysis import Analysis
from certrnn.domains import Domain, propagate
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec


@dataclass(frozen=True)
class Forward(Analysis):
    """Propagate the region and read the margins off the output value (Cert-RNN, section 4).

    Args:
        domain: what a value is.
        memory: bytes that one chunk of the batch may take; larger batches are cut. (A domain's compiled pass works row
            by row and needs no chunks.)
    """

    domain: Domain[Any]
    memory: int = 1 << 28

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.domain.name

    @torch.inference_mode(False)
    def margins(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        fast = self.domain.compiled(graph, region)
        if fast is not None and region.batch:
            return spec.clauses(fast.lower(region, spec.rows, spec.offset))
        per_row = self.domain.bytes_per_row(graph, region.frames)
        step = max(1, self.memory // per_row)
        with torch.no_grad():
            parts = [
                self._chunk(graph, region.rows(i, i + step), spec.part(i, i + step))
                for i in range(0, region.batch, step)
            ]
        return torch.cat(parts) if parts else torch.zeros(0, spec.width, dtype=torch.float64)

    def _chunk(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        run = self.domain.start(region)
        return spec.clauses(run.lower(propagate(graph, run), spec.rows, spec.offset))
