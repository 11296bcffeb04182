"""Gate coverage: sections of the activated arguments of one gate."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from certrnn.coverage.gates import activated, gate_activation
from certrnn.coverage.metrics.metric import Metric
from certrnn.coverage.sections import RANGES, Sections
from certrnn.coverage.trace import LayerTrace


@dataclass(frozen=True)
class Gate(Metric):
    """Coverage of one gate: ``activation(e)`` of its arguments e falls into a section. Eq. (5) misprints it as
    ``activation(n)``.

    Args:
        gate: ``i``, ``f``, ``o``, ``n`` (LSTM), ``z``, ``r``, ``n`` (GRU).
        parts: the sections, of the range of the gate's activation.

    Source: Guo et al. (RNN-Test), eq. (5).
    """

    gate: str
    parts: Sections = RANGES["paper"].sigmoid

    @property
    def sections(self) -> Sections:
        return self.parts

    def values(self, layer: LayerTrace) -> torch.Tensor | None:
        if self.gate not in layer.gates:
            return None
        return activated(gate_activation(layer.cell, self.gate), layer.gates[self.gate])

    def covered(self, values: torch.Tensor) -> torch.Tensor:
        return self.parts.hold(values)
