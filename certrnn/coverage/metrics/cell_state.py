"""CS: sections of the activated cell states of an LSTM."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from certrnn.cells import LstmCell
from certrnn.coverage.gates import activated
from certrnn.coverage.metrics.metric import Metric
from certrnn.coverage.sections import RANGES, Sections
from certrnn.coverage.trace import LayerTrace


@dataclass(frozen=True)
class CellStates(Metric):
    """Cell state coverage: ``tanh(c)`` (or the cell's own output activation) falls into a section.

    Args:
        parts: the sections, of tanh's range.

    Source: Guo et al. (RNN-Test), eq. (4).
    """

    parts: Sections = RANGES["paper"].tanh

    @property
    def sections(self) -> Sections:
        return self.parts

    def values(self, layer: LayerTrace) -> torch.Tensor | None:
        if layer.c is None or not isinstance(layer.cell, LstmCell):
            return None
        return activated(layer.cell.activations[2], layer.c)

    def covered(self, values: torch.Tensor) -> torch.Tensor:
        return self.parts.hold(values)
