"""The analysis: boxes in program order, then the margins' rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from certrnn.analyses import Analysis
from certrnn.baselines.popqorn.boxes import Boxes
from certrnn.baselines.popqorn.envelope import Envelope
from certrnn.baselines.popqorn.planes import Fit
from certrnn.ir import Elementwise, Graph, Input
from certrnn.regions import Region
from certrnn.specs import Spec


@dataclass(frozen=True)
class Popqorn(Analysis):
    """Margins by backward substitution of separately fitted planes; bounds of arguments are found the same way.

    Method: Ko et al. (ICML 2019), sections 3 and 4, for every elementwise node of a graph. Boxes are intersected with
    intervals and nothing else.

    Args:
        fit: chooses the planes' slopes; any are sound.
        memory: bytes that one chunk of the batch may take; larger batches are cut.
    """

    name: str = "popqorn"
    fit: Fit = field(default_factory=Envelope)
    memory: int = 1 << 29

    @torch.inference_mode(False)
    def margins(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        step = max(1, self.memory // _bytes_per_row(graph))
        with torch.no_grad():
            parts = [
                self._chunk(graph, region.rows(i, i + step), spec.part(i, i + step))
                for i in range(0, region.batch, step)
            ]
        return torch.cat(parts) if parts else torch.zeros(0, spec.width, dtype=torch.float64)

    def _chunk(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        boxes, output = Boxes.of(graph, region, self.fit)
        floor = boxes.run.lower(output, spec.rows, spec.offset)
        return spec.clauses(torch.maximum(floor, boxes.lower(graph.output, spec.rows, spec.offset)))


def _bytes_per_row(graph: Graph) -> int:
    """Coefficients that one substitution holds at once, for one row of the batch."""
    curved = [node for node in graph.nodes if isinstance(node, Elementwise)]
    rows = min(Boxes.chunk, 2 * max((node.size for node in curved), default=1))
    columns = sum(node.size for node in curved) + sum(n.size for n in graph.nodes if isinstance(n, Input))
    return 8 * rows * (columns + 8 * max(node.size for node in graph.nodes))
