"""One step of a recurrent cell as a map ``F(state, x)``, its Jacobians, and their means along a segment.

In continuous form ``dh/dt = (F(h, x) - h) / Delta`` (Deka et al., eq. 3). For a nominal state h1 and a perturbed one
h2 = h1 + e the error obeys ``de/dt = A(t, e) e + B(t, e, d) d`` with

    A = int_0^1 grad_h f(h1 + l e, x) dl,    B = int_0^1 grad_x f(h1 + e, x + l d) dl

(eq. 13, which misprints the first gradient as one in x). Of the network itself, one step a frame,
``e(k+1) = (I + Delta A) e(k) + Delta B d(k)`` exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from certrnn.cells import Cell, GruCell, LstmCell, RnnCell
from certrnn.domains.domain import Propagation, V
from certrnn.domains.points import PointsRun
from certrnn.errors import Unsupported
from certrnn.ir import Elementwise, Graph, GraphBuilder, Input


def interpret(
    graph: Graph, run: Propagation[V], inputs: Sequence[V], observe: Callable[[int, V], object] | None = None
) -> V:
    """The value of a graph's output where its frames have the given values, in any domain."""
    values: list[V] = []
    for position, node in enumerate(graph.nodes):
        arguments = [values[s] for s in node.sources]
        if isinstance(node, Input):
            value = inputs[node.frame]
        elif isinstance(node, Elementwise):
            value = run.elementwise(node, arguments, run.arguments(node, arguments))
        else:
            value = run.linear_step(node, arguments)
        values.append(value)
        if observe is not None:
            observe(position, value)
    return values[graph.output]


@dataclass(frozen=True, eq=False)
class StepMap:
    """``state' = F(state, x)`` of one cell; the state of an LSTM is (h, c) in one vector.

    Args:
        cell: weights and what a step computes.
        graph: one step; its frames are the parts of the state and then x, its output the next state.
    """

    cell: Cell
    graph: Graph

    @staticmethod
    def of(cell: Cell) -> StepMap:
        """The step of an RNN, LSTM or GRU cell."""
        if not isinstance(cell, RnnCell | LstmCell | GruCell):
            raise Unsupported("analysing a cell", "it is an RNN, LSTM or GRU", type(cell).__name__)
        builder = GraphBuilder()
        state = tuple(builder.input(k, cell.hidden) for k in range(cell.states))
        x = builder.input(cell.states, cell.gates.input.shape[1])
        following = cell.step(builder, cell.project(builder, x, "step"), state, "step")
        positions = [p for p in following if p is not None]
        whole = builder.gather(positions, np.arange(cell.hidden * cell.states), "state")
        return StepMap(cell, builder.build(whole))

    @property
    def size(self) -> int:
        """Length n of the state."""
        return self.cell.hidden * self.cell.states

    @property
    def features(self) -> int:
        """Length m of a frame."""
        return self.graph.nodes[self.graph.inputs[self.cell.states]].size

    def __call__(self, state: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """The next states (B, n) of states (B, n) and frames (B, m), differentiable in both."""
        parts = list(state.split(self.cell.hidden, dim=1))
        return interpret(self.graph, PointsRun(x[:, None]), [*parts, x])

    def jacobians(self, state: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``(grad_h F, grad_x F)``, (B, n, n) and (B, n, m), by autograd."""
        with torch.enable_grad():
            state, x = state.detach().requires_grad_(), x.detach().requires_grad_()
            after = self(state, x)
            size = self.size
            unit = torch.eye(size, dtype=after.dtype)[:, None].expand(size, len(after), size)
            gradients = torch.autograd.grad(
                after, (state, x), unit, is_grads_batched=True, materialize_grads=True
            )
        by_state, by_frame = (g.transpose(0, 1) for g in gradients)
        return by_state, by_frame

    def _along(self, states: torch.Tensor, frames: torch.Tensor, which: int) -> torch.Tensor:
        """(K, B, n, ..) Jacobians at states (K, B, n) and frames (K, B, m), by state or by frame."""
        jacobians = self.jacobians(states.flatten(0, 1), frames.flatten(0, 1))[which]
        return jacobians.unflatten(0, states.shape[:2])

    def error_matrices(
        self,
        nominal: torch.Tensor,
        error: torch.Tensor,
        x: torch.Tensor,
        disturbance: torch.Tensor,
        delta: float = 1.0,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A(t, e) and B(t, e, d) of eq. (13), (B, n, n) and (B, n, m), to about rounding.

        ``nominal``, ``error`` are (B, n), ``x``, ``disturbance`` (B, m). The integrals are taken by Gauss-Legendre
        quadrature with as many nodes as the identity ``F(h1 + e, x + d) - F(h1, x) = ...`` needs; of a vanilla cell
        with tanh A has a closed form, :meth:`secant_matrix`.
        """
        a = _mean(lambda s: self._along(nominal + s * error, x.expand(len(s), -1, -1), 0))
        perturbed = nominal + error
        b = _mean(lambda s: self._along(perturbed.expand(len(s), -1, -1), x + s * disturbance, 1))
        return (a - torch.eye(self.size, dtype=a.dtype)) / delta, b / delta

    def secant_matrix(
        self, nominal: torch.Tensor, error: torch.Tensor, x: torch.Tensor, delta: float = 1.0
    ) -> torch.Tensor:
        """A(t, e) of a vanilla tanh cell in closed form: ``(diag(s) U - I) / Delta`` with s the divided differences.

        ``int_0^1 tanh'(z1 + l w) dl = (tanh z2 - tanh z1) / w = tanh(w) / w (1 - tanh z1 tanh z2)``, w = z2 - z1:
        the integral of a slope along a segment is its secant.

        Raises:
            Unsupported: the cell is another one.
        """
        cell = self.cell
        if not isinstance(cell, RnnCell) or cell.activation.name != "Tanh":
            raise Unsupported(
                "integrating in closed form", "the cell is a vanilla tanh cell", type(cell).__name__
            )
        gates = cell.gates
        w = error @ gates.recurrent.T
        z = nominal @ gates.recurrent.T + x @ gates.input.T + gates.input_bias + gates.recurrent_bias
        small = w.abs() < 1e-8
        share = torch.where(small, 1.0 - w * w / 3.0, torch.tanh(w) / torch.where(small, 1.0, w))
        slope = share * (1.0 - torch.tanh(z) * torch.tanh(z + w))
        return (slope[..., None] * gates.recurrent - torch.eye(self.size, dtype=z.dtype)) / delta


def _mean(integrand: Callable[[torch.Tensor], torch.Tensor], tolerance: float = 1e-13) -> torch.Tensor:
    """``int_0^1 integrand(s) ds``: the number of nodes is doubled until nothing changes any more.

    ``integrand`` takes shares (K, 1, 1) and returns (K, B, n, m): all nodes in one evaluation.
    """
    before: torch.Tensor | None = None
    for nodes in (4, 8, 16, 32, 64):
        places, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(nodes))
        total = torch.einsum("k,kbij->bij", 0.5 * weights, integrand(0.5 * (places + 1.0)[:, None, None]))
        if before is not None and bool(((total - before).abs() <= tolerance * (1.0 + total.abs())).all()):
            return total
        before = total
    assert before is not None
    return before
