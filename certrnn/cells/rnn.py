"""The vanilla recurrent cell: ``h' = f(W x + b + R h + c)``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certrnn.cells.activations import Activation
from certrnn.cells.recurrence import Gates, State
from certrnn.ir import GraphBuilder

_TANH = Activation("Tanh")


@dataclass(frozen=True, eq=False)
class RnnCell:
    """A vanilla cell; ``gates`` has one block of rows.

    Source: Elman, Finding structure in time (1990); ONNX operator RNN.
    """

    gates: Gates
    activation: Activation = _TANH
    states: int = 1

    @staticmethod
    def of(
        input: np.ndarray,
        recurrent: np.ndarray,
        input_bias: np.ndarray,
        recurrent_bias: np.ndarray,
        activation: Activation = _TANH,
    ) -> RnnCell:
        """A cell from arrays of shapes (H, D), (H, H), (H,), (H,)."""
        return RnnCell(Gates.of(input, recurrent, input_bias, recurrent_bias, len(input_bias)), activation)

    @property
    def hidden(self) -> int:
        return self.gates.hidden

    def project(self, builder: GraphBuilder, frame: int, label: str) -> int:
        return self.gates.project(builder, frame, label)

    def step(self, builder: GraphBuilder, projected: int, state: State, label: str) -> State:
        pre = self.gates.preactivate(builder, projected, state[0], label)
        return (self.activation.apply(builder, pre, f"{label} hidden"),)
