"""The gated recurrent unit, with both placements of the reset gate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from certrnn.cells.activations import Activation, complement_gate, gate, gate_activated, product, scale
from certrnn.cells.recurrence import Gates, State, part, shift
from certrnn.ir import GraphBuilder


@dataclass(frozen=True, eq=False)
class GruCell:
    """``h' = (1 - f(Z)) g(N) + f(Z) h`` with the pre-activations stacked in ONNX order Z, R, N.

    ``N = W x + b + f(R) (Rn h + c)`` where ``linear_before_reset`` is set, else ``N = W x + b + Rn (f(R) h) + c``.

    Args:
        gates: three blocks of rows, in that order.
        activations: f and g.

    Source: Cho et al. (2014), Chung et al. (2014); ONNX operator GRU.
    """

    gates: Gates
    activations: tuple[Activation, Activation] = (Activation("Sigmoid"), Activation("Tanh"))
    linear_before_reset: bool = False
    states: int = 1

    @staticmethod
    def of(
        input: np.ndarray,
        recurrent: np.ndarray,
        input_bias: np.ndarray,
        recurrent_bias: np.ndarray,
        activations: tuple[Activation, Activation] = (Activation("Sigmoid"), Activation("Tanh")),
        linear_before_reset: bool = False,
    ) -> GruCell:
        """A cell from arrays of shapes (3H, D), (3H, H), (3H,), (3H,)."""
        hidden = recurrent.shape[1]
        foldable = 2 * hidden if linear_before_reset else 3 * hidden
        gates = Gates.of(input, recurrent, input_bias, recurrent_bias, foldable)
        return GruCell(gates, activations, linear_before_reset)

    @property
    def hidden(self) -> int:
        return self.gates.hidden

    def project(self, builder: GraphBuilder, frame: int, label: str) -> int:
        return self.gates.project(builder, frame, label)

    def step(self, builder: GraphBuilder, projected: int, state: State, label: str) -> State:
        hidden, size = state[0], self.hidden
        gating, candidate = self.activations
        recurrent = None
        if hidden is not None:
            recurrent = self._recurrent(builder, hidden, label)
        pre_update = self._gate(builder, projected, recurrent, 0, label)
        pre_reset = self._gate(builder, projected, recurrent, 1, label)
        own = part(builder, projected, 2, size, f"{label} n")
        reset = self._reset(builder, pre_reset, hidden, recurrent, label)
        pre_candidate = own if reset is None else builder.sum([own, reset], label=f"{label} candidate")
        if reset is None and not self.linear_before_reset:
            pre_candidate = shift(builder, own, self.gates.recurrent_bias[2 * size :], label)
        where = f"{label} hidden"
        if gating.name == "Sigmoid":  # 1 - sigmoid(x) = sigmoid(-x)
            fresh = gate_activated(
                builder, gating, scale(builder, pre_update, -1.0, 0.0, where), candidate, pre_candidate, where
            )
        else:
            keep = complement_gate(builder, gating, pre_update, where)
            fresh = product(builder, keep, candidate.apply(builder, pre_candidate, where), where)
        if hidden is None:
            return (fresh,)
        memory = gate(builder, gating, pre_update, hidden, f"{label} update*hidden")
        return (builder.sum([fresh, memory], label=where),)

    def _recurrent(self, builder: GraphBuilder, hidden: int, label: str) -> int:
        """``R h + c`` of every block that reads the hidden state itself."""
        rows = slice(None) if self.linear_before_reset else slice(0, 2 * self.hidden)
        weight, bias = self.gates.recurrent[rows], self.gates.recurrent_bias[rows]
        return builder.affine(weight, bias, hidden, f"{label} recurrent")

    def _gate(
        self, builder: GraphBuilder, projected: int, recurrent: int | None, row: int, label: str
    ) -> int:
        size = self.hidden
        own = part(builder, projected, row, size, f"{label} {'zr'[row]}")
        if recurrent is None:
            return shift(builder, own, self.gates.recurrent_bias[row * size : (row + 1) * size], label)
        return builder.sum([own, part(builder, recurrent, row, size, label)], label=f"{label} {'zr'[row]}")

    def _reset(
        self, builder: GraphBuilder, pre_reset: int, hidden: int | None, recurrent: int | None, label: str
    ) -> int | None:
        """What the candidate reads of the past; None for nothing."""
        gating, size, where = self.activations[0], self.hidden, f"{label} reset"
        weight, bias = self.gates.recurrent[2 * size :], self.gates.recurrent_bias[2 * size :]
        if not self.linear_before_reset:
            if hidden is None:
                return None
            return builder.affine(weight, bias, gate(builder, gating, pre_reset, hidden, where), where)
        if recurrent is not None:
            return gate(builder, gating, pre_reset, part(builder, recurrent, 2, size, where), where)
        if not bool(bias.any()):
            return None
        # The past is zero: the reset gate scales a constant, which is a diagonal map of the gate.
        return builder.affine(bias, torch.zeros_like(bias), gating.apply(builder, pre_reset, where), where)
