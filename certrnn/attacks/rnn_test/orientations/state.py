"""State inconsistency: states that belong together are pulled apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from certrnn.attacks.rnn_test.moment import Moment
from certrnn.attacks.rnn_test.orientations.orientation import Orientation
from certrnn.coverage import LayerTrace


@dataclass(frozen=True)
class StateInconsistency(Orientation):
    """``h[t-1] + c[t] - h[t]``, summed over layers and units; without c where a layer has no cell state.

    ``t - 1`` is the step that the layer takes before step t, and its initial state at the first.

    Args:
        swapped: ``c[t-1] + h[t] - c[t]`` in LSTM layers, what the authors' code computes: it hands hidden and cell
            states over in the other order than its function takes them.

    Source: Guo et al. (RNN-Test), eq. (7).
    """

    swapped: bool = False
    reads_states: ClassVar[bool] = True

    def value(self, moment: Moment) -> torch.Tensor:
        total = torch.zeros(len(moment.frames), dtype=torch.float64, device=moment.frames.device)
        for layer in moment.states().layers:
            total = total + self._of(layer, moment.frames).sum(dim=1)
        return total

    def _of(self, layer: LayerTrace, frames: torch.Tensor) -> torch.Tensor:
        rows = torch.arange(len(frames), device=frames.device)
        at = frames.clamp_max(layer.h.shape[1] - 1)
        h, h_before = layer.h[rows, at], layer.h_before[rows, at]
        if layer.c is None or layer.c_before is None:
            return h_before - h
        c, c_before = layer.c[rows, at], layer.c_before[rows, at]
        return c_before + h - c if self.swapped else h_before + c - h
