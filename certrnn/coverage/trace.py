"""Every state of every recurrent layer, as the network computes it: what coverage is measured on.

ONNX gives hidden states, but neither cell states nor gates. They are evaluated here on the network's own graph, in
float64 and differentiable in the input, so that a search can follow them.

Source: Guo et al., RNN-Test: Towards adversarial testing for recurrent neural network systems, section III-D ("RNN
wrapping").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch

from certrnn.cells import Cell, Recurrence
from certrnn.coverage.gates import gate_arguments
from certrnn.domains.points import values_at
from certrnn.errors import Unsupported
from certrnn.io.onnx import OnnxModel
from certrnn.ir import Graph


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """One direction of one recurrent layer on B samples of S steps, in order of time; E units.

    Args:
        name: of the ONNX node, with ``+`` or ``-`` for the two directions of a bidirectional one.
        kind: ``RNN``, ``LSTM`` or ``GRU``.
        cell: its weights.
        reverse: whether the cell takes the steps from the last to the first.
        x: (B, S, D) what the steps read.
        h: (B, S, E) hidden states.
        c: (B, S, E) cell states of an LSTM, else None.
        start: the states (B, E) before the first step taken: h, and c of an LSTM.
    """

    name: str
    kind: str
    cell: Cell
    reverse: bool
    x: torch.Tensor
    h: torch.Tensor
    c: torch.Tensor | None
    start: tuple[torch.Tensor, ...]

    @property
    def h_before(self) -> torch.Tensor:
        """(B, S, E) the hidden state that each step starts from."""
        return self._before(self.h, self.start[0])

    @property
    def c_before(self) -> torch.Tensor | None:
        """(B, S, E) the cell state that each step starts from, of an LSTM."""
        return None if self.c is None else self._before(self.c, self.start[1])

    @cached_property
    def gates(self) -> Mapping[str, torch.Tensor]:
        """(B, S, E) arguments of the gates before their activation, by name: ``i``, ``f``, ``o``, ``n`` of an LSTM,
        ``z``, ``r``, ``n`` of a GRU."""
        return gate_arguments(self.cell, self.x, self.h_before, self.c_before, self.c)

    def _before(self, states: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
        first = start[:, None]
        return torch.cat([states[:, 1:], first] if self.reverse else [first, states[:, :-1]], dim=1)


@dataclass(frozen=True, eq=False)
class Trace:
    """The recurrent layers of a network on B samples, and its ``scores`` (B, steps * classes) where they were asked."""

    layers: tuple[LayerTrace, ...]
    scores: torch.Tensor | None = None


@dataclass(frozen=True, eq=False)
class Tracer:
    """A network of one shape of samples, ready to be traced: call it with ``x`` (B, T, D).

    Args:
        graph: the network, its scores as output.
        recurrences: its recurrent layers, by their positions in the graph.
    """

    graph: Graph
    recurrences: tuple[Recurrence, ...]

    @staticmethod
    def of(network: OnnxModel, shape: tuple[int, int]) -> Tracer:
        """The tracer of a network on samples of shape (T, D).

        Raises:
            Unsupported: it has no recurrent node.
        """
        lowered = network.lowered(shape)
        if not lowered.recurrences:
            kinds = sorted({node.op_type for node in network.file.proto.graph.node})
            raise Unsupported(
                f"tracing {network.path.name!r}",
                "the network has an RNN, LSTM or GRU node",
                f"only {', '.join(kinds)}",
                "Export with torch.onnx.export(dynamo=False) or another exporter that keeps the node.",
            )
        return Tracer(lowered.whole, lowered.recurrences)

    def __call__(self, x: torch.Tensor, scores: bool = False) -> Trace:
        """The trace of ``x`` (B, T, D), float64, differentiable in ``x``; with the scores where they are asked."""
        wanted = [p for one in self.recurrences for p in _positions(one)]
        tensors = dict(zip(wanted, values_at(self.graph, x, wanted), strict=True)) if not scores else {}
        output = None
        if scores:
            *values, output = values_at(self.graph, x, [*wanted, self.graph.output])
            tensors = dict(zip(wanted, values, strict=True))
        return Trace(tuple(_layer(one, tensors, x) for one in self.recurrences), output)


def trace(network: OnnxModel, x: torch.Tensor) -> Trace:
    """Hidden states, cell states and gate arguments of every recurrent layer, and the scores.

    Args:
        network: read from a file.
        x: (B, T, D), float64; of a network of words, the vectors that these are looked up as.

    Raises:
        Unsupported: the network has no recurrent node.
        InvalidInput: ``x`` does not fit the network.
    """
    return Tracer.of(network, (x.shape[1], x.shape[2]))(x, scores=True)


def _positions(one: Recurrence) -> list[int]:
    states = [p for state in (one.initial, *one.states) for p in state if p is not None]
    return [*one.frames, *states]


def _layer(one: Recurrence, tensors: Mapping[int, torch.Tensor], x: torch.Tensor) -> LayerTrace:
    order = slice(None, None, -1 if one.reverse else 1)

    def stacked(positions: list[int]) -> torch.Tensor:
        return torch.stack([tensors[p] for p in positions[order]], dim=1)

    parts = [stacked([p for p in column if p is not None]) for column in zip(*one.states, strict=True)]
    zero = x.new_zeros(len(x), one.cell.hidden)
    start = tuple(zero if p is None else tensors[p] for p in one.initial)
    return LayerTrace(
        one.name,
        one.kind,
        one.cell,
        one.reverse,
        stacked(list(one.frames)),
        parts[0],
        parts[1] if len(parts) > 1 else None,
        start,
    )
