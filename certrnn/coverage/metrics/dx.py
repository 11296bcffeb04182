"""DX: DeepXplore's neuron coverage, adapted to hidden states."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from certrnn.coverage.metrics.metric import Metric
from certrnn.coverage.trace import LayerTrace
from certrnn.errors import UsageError


@dataclass(frozen=True)
class DeepXplore(Metric):
    """A hidden state is covered where it exceeds a threshold, scaled by the smallest and largest state of the layer
    over the steps of the sample to [0, 1]. States that are all alike scale to 0.

    Args:
        threshold: t, from 0 to 1.
        mean: the mean of each hidden vector is the neuron, as in the authors' code, instead of every state.

    Raises:
        UsageError: a threshold outside of [0, 1).

    Source: Guo et al. (RNN-Test), eq. (6); Pei et al., DeepXplore (SOSP 2017).
    """

    threshold: float = 0.5
    mean: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < 1:
            raise UsageError("reading --threshold", "it lies in [0, 1)", self.threshold)

    def values(self, layer: LayerTrace) -> torch.Tensor:
        neurons = layer.h.mean(dim=2, keepdim=True) if self.mean else layer.h
        low, high = neurons.amin((1, 2), True), neurons.amax((1, 2), True)
        width = high - low
        return (neurons - low) / torch.where(width > 0, width, torch.ones_like(width))

    def covered(self, values: torch.Tensor) -> torch.Tensor:
        return (values > self.threshold)[:, None]
