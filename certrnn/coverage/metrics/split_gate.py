"""Gate coverage as the authors' code computes it: on parts of the states that gates read, without their weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from certrnn.coverage.metrics.gate import Gate
from certrnn.coverage.trace import LayerTrace

ORDER = ("i", "n", "f", "o")
"""Which quarter belongs to which gate."""


@dataclass(frozen=True)
class SplitGate(Gate):
    """What stands for a gate of an LSTM in the authors' code: a quarter of what the step reads and of the hidden state
    before it, one behind the other, under the gate's usual activation. It differs from :class:`Gate`: no weight enters.

    The units are those of the quarter; quarters of a length that four does not divide differ by one.

    Source: Guo et al. (RNN-Test), section III-B ("their gates are split from the concatenated hidden states").
    """

    def values(self, layer: LayerTrace) -> torch.Tensor | None:
        if layer.kind != "LSTM" or self.gate not in ORDER:
            return None
        joined = torch.cat([layer.x, layer.h_before], dim=2)
        part = joined.tensor_split(len(ORDER), dim=2)[ORDER.index(self.gate)]
        return torch.tanh(part) if self.gate == "n" else torch.sigmoid(part)
