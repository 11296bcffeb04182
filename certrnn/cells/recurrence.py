"""What a recurrent cell is, and the driver that unrolls one over the frames of a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from certrnn.ir import GraphBuilder

State = tuple[int | None, ...]
"""Node positions of the values a cell hands on, the hidden state first; None stands for the exact zero vector."""


class Cell(Protocol):
    """One direction of one recurrent layer: fixed weights and what one time step computes."""

    @property
    def hidden(self) -> int:
        """Size of the hidden state."""
        ...

    @property
    def states(self) -> int:
        """Number of vectors handed from step to step (2 for an LSTM, else 1)."""
        ...

    def project(self, builder: GraphBuilder, frame: int, label: str) -> int:
        """The part of the pre-activations that depends on the frame alone."""
        ...

    def step(self, builder: GraphBuilder, projected: int, state: State, label: str) -> State:
        """The next state from a projected frame and the state before it. The hidden state is never None."""
        ...


def unroll(
    builder: GraphBuilder,
    cell: Cell,
    frames: Sequence[int],
    initial: State,
    *,
    reverse: bool = False,
    label: str = "",
) -> list[State]:
    """Run a cell over the nodes at ``frames``; weights are shared by reference between the steps.

    Args:
        frames: positions of the T frame vectors, in order of time.
        initial: the state before the first step taken; None for a zero vector.
        reverse: take the frames from the last to the first.

    Returns:
        The T states, in order of time whatever the direction.
    """
    state = initial
    states: list[State] = []
    order = range(len(frames) - 1, -1, -1) if reverse else range(len(frames))
    for time in order:
        where = f"{label}[{time}]"
        state = cell.step(builder, cell.project(builder, frames[time], where), state, where)
        states.append(state)
    return states[::-1] if reverse else states


@dataclass(frozen=True, eq=False)
class Recurrence:
    """One direction of one recurrent layer as it stands unrolled in a graph.

    Args:
        name: of the layer, with ``+`` or ``-`` for the two directions of a bidirectional one.
        kind: ``RNN``, ``LSTM`` or ``GRU``.
        cell: weights and what one step computes.
        frames: positions of the T vectors that the steps read, in the order in which the cell takes them.
        initial: the state before the first step.
        states: the T states, in the same order.
        reverse: whether the cell takes the frames from the last to the first.
    """

    name: str
    kind: str
    cell: Cell
    frames: tuple[int, ...]
    initial: State
    states: tuple[State, ...]
    reverse: bool = False


@dataclass(frozen=True, eq=False)
class Gates:
    """Stacked weights of K gates of H units on D features: ``W x + b + R h + c`` is every pre-activation at once.

    Shapes: ``input`` (K*H, D), ``recurrent`` (K*H, H), both biases (K*H,), float64.
    """

    input: torch.Tensor
    recurrent: torch.Tensor
    input_bias: torch.Tensor
    recurrent_bias: torch.Tensor

    @staticmethod
    def of(
        input: np.ndarray,
        recurrent: np.ndarray,
        input_bias: np.ndarray,
        recurrent_bias: np.ndarray,
        foldable: int,
    ) -> Gates:
        """Gates from numpy arrays; of the first ``foldable`` rows the two biases are joined where that is exact.

        Two float32 numbers nearly always add exactly in float64; where they do not, the two biases stay apart, so
        that no rounding enters the meaning of the network.
        """
        joined = input_bias + recurrent_bias
        part = joined - input_bias
        exact = ((joined - part) == input_bias) & ((recurrent_bias - part) == 0.0) & np.isfinite(joined)
        exact[foldable:] = False
        return Gates(
            torch.from_numpy(np.array(input, dtype=np.float64)),
            torch.from_numpy(np.array(recurrent, dtype=np.float64)),
            torch.from_numpy(np.where(exact, joined, input_bias)),
            torch.from_numpy(np.where(exact, 0.0, recurrent_bias)),
        )

    @property
    def hidden(self) -> int:
        return self.recurrent.shape[1]

    def project(self, builder: GraphBuilder, frame: int, label: str) -> int:
        """``W x + b``."""
        return builder.affine(self.input, self.input_bias, frame, f"{label} input")

    def preactivate(self, builder: GraphBuilder, projected: int, hidden: int | None, label: str) -> int:
        """``projected + R h + c``; nothing is multiplied where the hidden state is zero."""
        if hidden is None:
            return shift(builder, projected, self.recurrent_bias, label)
        recurrent = builder.affine(self.recurrent, self.recurrent_bias, hidden, f"{label} recurrent")
        return builder.sum([projected, recurrent], label=f"{label} gates")


def shift(builder: GraphBuilder, source: int, offset: torch.Tensor, label: str = "") -> int:
    """``source + offset``; the source itself where the offset is zero."""
    if not bool(offset.any()):
        return source
    return builder.affine(torch.ones_like(offset), offset, source, f"{label} bias")


def part(builder: GraphBuilder, source: int, index: int, hidden: int, label: str = "") -> int:
    """Rows ``index * hidden`` to ``(index + 1) * hidden`` of a stacked vector."""
    return builder.gather([source], np.arange(index * hidden, (index + 1) * hidden), label)
