"""The long short-term memory cell, with the peepholes and the coupled input-forget gate of ONNX."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from certrnn.cells.activations import Activation, complement_gate, gate, gate_activated, product, scale
from certrnn.cells.recurrence import Gates, State, part
from certrnn.ir import GraphBuilder

SIGMOID_GATE, TANH_GATE = Activation("Sigmoid"), Activation("Tanh")


@dataclass(frozen=True, eq=False)
class LstmCell:
    """``c' = f(F) c + f(I) g(G)``, ``h' = f(O) h(c')`` with the pre-activations stacked in ONNX order I, O, F, G.

    Args:
        gates: four blocks of rows, in that order.
        activations: f, g and h.
        peephole: (3, H), what I, O and F read of the cell state (I and F the old one, O the new one); or None.
        coupled: the forget gate is ``1 - f(I)`` and the rows of F are not used.

    Source: Hochreiter and Schmidhuber (1997), Gers and Schmidhuber (2000) for peepholes; ONNX operator LSTM.
    """

    gates: Gates
    activations: tuple[Activation, Activation, Activation] = (SIGMOID_GATE, TANH_GATE, TANH_GATE)
    peephole: torch.Tensor | None = None
    coupled: bool = False
    states: int = 2

    @staticmethod
    def of(
        input: np.ndarray,
        recurrent: np.ndarray,
        input_bias: np.ndarray,
        recurrent_bias: np.ndarray,
        activations: tuple[Activation, Activation, Activation] = (SIGMOID_GATE, TANH_GATE, TANH_GATE),
        peephole: np.ndarray | None = None,
        coupled: bool = False,
    ) -> LstmCell:
        """A cell from arrays of shapes (4H, D), (4H, H), (4H,), (4H,) and optionally (3, H)."""
        used = (
            None
            if peephole is None or not peephole.any()
            else torch.from_numpy(np.array(peephole, np.float64))
        )
        gates = Gates.of(input, recurrent, input_bias, recurrent_bias, len(input_bias))
        return LstmCell(gates, activations, used, coupled)

    @property
    def hidden(self) -> int:
        return self.gates.hidden

    def project(self, builder: GraphBuilder, frame: int, label: str) -> int:
        return self.gates.project(builder, frame, label)

    def step(self, builder: GraphBuilder, projected: int, state: State, label: str) -> State:
        hidden, cell = state
        gating, candidate, output = self.activations
        pre = self.gates.preactivate(builder, projected, hidden, label)
        rows = [part(builder, pre, k, self.hidden, f"{label} {name}") for k, name in enumerate("iofg")]
        pre_input = self._peep(builder, rows[0], 0, cell, label)
        fresh = gate_activated(builder, gating, pre_input, candidate, rows[3], f"{label} input*candidate")
        if cell is not None:
            memory = self._forget(builder, rows[2], pre_input, cell, label)
            fresh = builder.sum([memory, fresh], label=f"{label} cell")
        pre_output = self._peep(builder, rows[1], 1, fresh, label)
        return gate_activated(builder, gating, pre_output, output, fresh, f"{label} hidden"), fresh

    def _peep(self, builder: GraphBuilder, pre: int, row: int, cell: int | None, label: str) -> int:
        if self.peephole is None or cell is None:
            return pre
        weight = self.peephole[row]
        seen = builder.affine(weight, torch.zeros_like(weight), cell, f"{label} peephole")
        return builder.sum([pre, seen], label=f"{label} peephole")

    def _forget(self, builder: GraphBuilder, pre: int, pre_input: int, cell: int, label: str) -> int:
        gating, where = self.activations[0], f"{label} forget*cell"
        if not self.coupled:
            return gate(builder, gating, self._peep(builder, pre, 2, cell, label), cell, where)
        if gating.name == "Sigmoid":  # 1 - sigmoid(x) = sigmoid(-x)
            return gate(builder, gating, scale(builder, pre_input, -1.0, 0.0, where), cell, where)
        return product(builder, complement_gate(builder, gating, pre_input, where), cell, where)
