"""HS: a hidden state is covered where it is the largest of its vector."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from certrnn.coverage.metrics.metric import Metric
from certrnn.coverage.trace import LayerTrace
from certrnn.errors import UsageError


@dataclass(frozen=True)
class HiddenStates(Metric):
    """Hidden state coverage.

    Args:
        top: share of a vector that counts as its largest, at least one state; None for the maximum alone. The
            authors' code takes 0.01, two of 200 states.

    Raises:
        UsageError: a share that does not lie in (0, 1].

    Source: Guo et al. (RNN-Test), eq. (3).
    """

    top: float | None = None

    def __post_init__(self) -> None:
        if self.top is not None and not 0 < self.top <= 1:
            raise UsageError("reading --hs-top", "a share of the states lies in (0, 1]", self.top)

    def values(self, layer: LayerTrace) -> torch.Tensor:
        return layer.h

    def covered(self, values: torch.Tensor) -> torch.Tensor:
        count = 1 if self.top is None else max(1, round(self.top * values.shape[2]))
        least = values.amax(2, True) if count == 1 else values.topk(count, dim=2).values[..., -1:]
        return (values >= least)[:, None]
