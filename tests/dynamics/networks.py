"""Recurrent layers small enough to know what is true of them."""

from __future__ import annotations

import numpy as np
import torch

from certrnn.cells import Cell, GruCell, LstmCell, Recurrence, RnnCell, unroll
from certrnn.ir import Graph, GraphBuilder

KINDS = ("RNN", "LSTM", "GRU", "GRU linear before reset")


def random_cell(seed: int, kind: str, features: int = 2, hidden: int = 3, gain: float = 1.0) -> Cell:
    rng = np.random.default_rng(seed)
    rows = {"R": 1, "L": 4, "G": 3}[kind[0]] * hidden

    def draw(*shape: int) -> np.ndarray:
        return gain * rng.uniform(-1, 1, shape)

    weights = draw(rows, features), draw(rows, hidden), draw(rows), draw(rows)
    if kind == "RNN":
        return RnnCell.of(*weights)
    if kind == "LSTM":
        return LstmCell.of(*weights)
    return GruCell.of(*weights, linear_before_reset=kind != "GRU")


def expanding_rnn(gain: float = 2.0, bias: float = 0.0) -> RnnCell:
    """Two units that feed themselves: the origin repels, so the tube condition holds near it; the cube's never can."""
    recurrent = np.array([[gain, 0.1], [-0.1, gain]])
    return RnnCell.of(0.5 * np.eye(2), recurrent, np.full(2, bias), np.zeros(2))


def expanding_gru() -> GruCell:
    """The update gate stands at 1/2 and the reset gate open: ``h' = (h + tanh(3 h + x)) / 2`` near the origin."""
    zero, unit = np.zeros((2, 2)), np.eye(2)
    bias = np.concatenate([np.zeros(2), np.full(2, 20.0), np.zeros(2)])
    return GruCell.of(np.vstack([zero, zero, unit]), np.vstack([zero, zero, 3.0 * unit]), bias, np.zeros(6))


def layer(cell: Cell, frames: int, features: int = 2) -> tuple[Recurrence, Graph]:
    """A cell unrolled over the frames of a sequence, with its last hidden state as scores."""
    builder = GraphBuilder()
    inputs = [builder.input(k, features) for k in range(frames)]
    initial = (None,) * cell.states
    states = unroll(builder, cell, inputs, initial)
    graph = builder.build(states[-1][0])  # pyright: ignore[reportArgumentType]
    return Recurrence("layer", "RNN", cell, tuple(inputs), initial, tuple(states)), graph


def uniform(seed: int, *shape: int) -> torch.Tensor:
    """Numbers in [-1, 1)."""
    generator = torch.Generator().manual_seed(seed)
    return 2.0 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1.0
