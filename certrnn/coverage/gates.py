"""What the gates of a cell are made of: their arguments before the activation, from states that are known already."""

from __future__ import annotations

import torch

from certrnn.cells import Activation, Cell, Gates, GruCell, LstmCell
from certrnn.domains.points import evaluate
from certrnn.ir import GraphBuilder

GATES = ("i", "f", "o", "n", "z", "r")
"""Input, forget, output and new gate of an LSTM; update and reset gate of a GRU, whose new gate is ``n`` as well."""


def gate_arguments(
    cell: Cell, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor | None, c_after: torch.Tensor | None
) -> dict[str, torch.Tensor]:
    """Arguments (B, S, E) of a cell's gates by name; none of a vanilla cell.

    The forget gate of an LSTM that couples it to the input gate is 1 minus that one, and has no argument of its own.

    Args:
        cell: the weights.
        x: (B, S, D) what each step reads.
        h: (B, S, E) the hidden state before each step.
        c: (B, S, E) the cell state before each step, of an LSTM.
        c_after: (B, S, E) the cell state after it.

    Source: eq. (2) of Guo et al. (RNN-Test); ONNX operators LSTM and GRU.
    """
    if isinstance(cell, LstmCell):
        assert c is not None
        assert c_after is not None
        return _lstm(cell, x, h, c, c_after)
    return _gru(cell, x, h) if isinstance(cell, GruCell) else {}


def gate_activation(cell: Cell, gate: str) -> Activation:
    """The function that a cell of that kind applies to the argument of a gate."""
    assert isinstance(cell, LstmCell | GruCell)
    return cell.activations[1 if gate == "n" else 0]


def activated(activation: Activation, value: torch.Tensor) -> torch.Tensor:
    """The function of every element, as the network's own graph computes it."""
    builder = GraphBuilder()
    flat = value.reshape(1, 1, -1)
    graph = builder.build(activation.apply(builder, builder.input(0, flat.shape[2])))
    return evaluate(graph, flat).reshape(value.shape)


def _driven(gates: Gates, x: torch.Tensor) -> torch.Tensor:
    return x @ gates.input.T + gates.input_bias


def _lstm(
    cell: LstmCell, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor, c_after: torch.Tensor
) -> dict[str, torch.Tensor]:
    gates = cell.gates
    every = _driven(gates, x) + h @ gates.recurrent.T + gates.recurrent_bias
    values = dict(zip("iofn", every.split(cell.hidden, dim=2), strict=True))
    if cell.peephole is not None:
        for gate, seen, weight in zip("iof", (c, c_after, c), cell.peephole, strict=True):
            values[gate] = values[gate] + weight * seen
    if cell.coupled:
        del values["f"]
    return {gate: values[gate] for gate in GATES if gate in values}


def _gru(cell: GruCell, x: torch.Tensor, h: torch.Tensor) -> dict[str, torch.Tensor]:
    gates, size = cell.gates, cell.hidden
    own = _driven(gates, x)
    weight, bias = gates.recurrent, gates.recurrent_bias
    zr = own[..., : 2 * size] + h @ weight[: 2 * size].T + bias[: 2 * size]
    z, r = zr.split(size, dim=2)
    reset = activated(cell.activations[0], r)
    if cell.linear_before_reset:
        past = reset * (h @ weight[2 * size :].T + bias[2 * size :])
    else:
        past = (reset * h) @ weight[2 * size :].T + bias[2 * size :]
    return {"n": own[..., 2 * size :] + past, "z": z, "r": r}
