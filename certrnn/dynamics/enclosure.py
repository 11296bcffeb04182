"""Where the states of a recurrent layer may be, step by step: the whole cube, or the certified reachable tube.

The tube comes from one zonotope propagation of a region through the whole network. The state before step k is a
convex set that holds the nominal and every perturbed state, so it also holds the segments between them; one more step
of the cell, from that set and the nominal frame, gives boxes of all gates.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from certrnn.cells import Cell, GruCell, LstmCell, Recurrence, RnnCell
from certrnn.domains import Interval, Intervals, Zonotope, Zonotopes, propagate
from certrnn.domains.domain import Propagation, V
from certrnn.dynamics.derivatives import Range
from certrnn.dynamics.intervals import IntervalMatrix
from certrnn.dynamics.jacobian import interval_jacobian
from certrnn.dynamics.step import StepMap, interpret
from certrnn.ir import Constant, Graph
from certrnn.regions import LinfBall, Region


@dataclass(frozen=True, eq=False)
class Enclosure:
    """Boxes of everything one step computes, for K steps at once.

    Args:
        step: the cell's step.
        times: the steps, K numbers in the order in which the cell takes frames.
        boxes: for every node of the step's graph (lower, upper), (K, size) each.
        failed: numbers left the floating-point range; nothing is known then.
    """

    step: StepMap
    times: tuple[int, ...]
    boxes: list[Range]
    failed: bool = False

    def by_state(self) -> IntervalMatrix:
        """Encloses ``grad_h F``, (K, n, n)."""
        return interval_jacobian(self.step.graph, self.boxes, tuple(range(self.step.cell.states)))

    def by_frame(self) -> IntervalMatrix:
        """Encloses ``grad_x F``, (K, n, m)."""
        return interval_jacobian(self.step.graph, self.boxes, (self.step.cell.states,))

    def state(self) -> Range:
        """(K, n) box of the state before the step."""
        parts = [self.boxes[self.step.graph.inputs[k]] for k in range(self.step.cell.states)]
        return torch.cat([p[0] for p in parts], dim=1), torch.cat([p[1] for p in parts], dim=1)


@dataclass(frozen=True, eq=False)
class Layer:
    """A recurrent layer along one nominal sequence.

    Args:
        recurrence: as it stands in ``graph``.
        graph: the network before simplification.
        step: the cell's step.
        frames: K boxes (1, m) of the nominal vectors that the steps read.
        states: K boxes (1, n) of the nominal states before the steps.
        reads_input: the vectors it reads are the frames of the sequence themselves, in this order; () for a layer that
            reads another one.
    """

    recurrence: Recurrence
    graph: Graph
    step: StepMap
    frames: tuple[Range, ...]
    states: tuple[Range, ...]
    reads_input: tuple[int, ...] = field(default=())

    @staticmethod
    def of(recurrence: Recurrence, graph: Graph, x: torch.Tensor) -> Layer:
        """Along the sequence ``x`` (1, T, D), with every rounding of its own evaluation enclosed."""
        still = LinfBall(x, torch.zeros(1, dtype=torch.float64), ())
        run, seen = Intervals().start(still), {}
        wanted = _positions(recurrence)

        def observe(position: int, value: Interval, _: object) -> None:
            if position in wanted:
                seen[position] = run.bounds(value)

        propagate(graph, run, observe)
        step, size = StepMap.of(recurrence.cell), recurrence.cell.hidden
        zero = torch.zeros(1, size, dtype=torch.float64)

        def joined(state: tuple[int | None, ...]) -> Range:
            parts = [(zero, zero) if p is None else seen[p] for p in state]
            return torch.cat([p[0] for p in parts], dim=1), torch.cat([p[1] for p in parts], dim=1)

        before = (recurrence.initial, *recurrence.states[:-1])
        inputs = {position: frame for frame, position in graph.inputs.items()}
        reads = tuple(inputs[p] for p in recurrence.frames) if set(recurrence.frames) <= set(inputs) else ()
        return Layer(
            recurrence,
            graph,
            step,
            tuple(seen[p] for p in recurrence.frames),
            tuple(joined(state) for state in before),
            reads,
        )

    def nominal(self, times: tuple[int, ...]) -> Enclosure:
        """The nominal states themselves: what holds of them holds at e = 0."""
        return self.boxed(times, [self.states[k] for k in times])

    def boxed(
        self, times: tuple[int, ...], states: list[Range], read: list[Range] | None = None
    ) -> Enclosure:
        """States (R, n) anywhere in boxes, one or several for each step; enclosed by interval arithmetic.

        ``read`` are boxes (1, m) of what the steps read; the nominal frames by default.
        """
        rows = [s[0].shape[0] for s in states]
        ranges = [self.frames[k] for k in times] if read is None else read
        frames = [tuple(e.expand(r, -1) for e in x) for x, r in zip(ranges, rows, strict=True)]
        lower, upper = (torch.cat([s[i] for s in states]) for i in (0, 1))
        x = Interval(torch.cat([f[0] for f in frames]), torch.cat([f[1] for f in frames]))
        parts = zip(*(e.split(self.step.cell.hidden, dim=1) for e in (lower, upper)), strict=True)
        region = LinfBall(
            torch.zeros(len(lower), 1, 1, dtype=torch.float64), torch.zeros(len(lower)).double(), ()
        )
        run = Intervals().start(region)
        boxes = _boxes(self.step, run, [*(Interval(a, b) for a, b in parts), x])
        every = tuple(k for k, r in zip(times, rows, strict=True) for _ in range(r))
        return Enclosure(self.step, every, boxes, bool(run.failed.any()))

    def reaching(self, disturbed: dict[int, Range], tube: Enclosure) -> Enclosure:
        """Every step from the tube's states, where it reads a frame anywhere in its box (1, m), if it has one."""
        reached = {k: row for row, k in enumerate(tube.times)}
        lower, upper = tube.state() if tube.times else (torch.empty(0, 0), torch.empty(0, 0))
        count = range(len(self.states))
        states = [
            (lower[reached[k]][None], upper[reached[k]][None]) if k in reached else self.states[k]
            for k in count
        ]
        return self.boxed(tuple(count), states, [disturbed.get(k, self.frames[k]) for k in count])

    def tube(self, region: Region) -> Enclosure:
        """The certified reachable tube: every step whose state some sequence of ``region`` can change.

        ``region`` (a batch of one) must hold the nominal sequence.
        """
        run, seen = Zonotopes().start(region), {}
        wanted = {p for state in self.recurrence.states for p in state if p is not None}

        def observe(position: int, value: Zonotope, _: object) -> None:
            if position in wanted:
                seen[position] = value

        propagate(self.graph, run, observe)
        times, boxes = [], []
        for k in range(1, len(self.recurrence.states)):
            state = [seen[p] for p in self.recurrence.states[k - 1] if p is not None]
            if not any(part.generators.count for part in state):
                continue  # only disturbed frames bring symbols in: rounding aside, nothing moves yet
            x = _concrete(run.constant(Constant(self.frames[k][0][0])), self.frames[k])
            times.append(k)
            boxes.append(_boxes(self.step, run, [*state, x]))
        joined = [
            (torch.cat([f[p][0] for f in boxes]), torch.cat([f[p][1] for f in boxes]))
            for p in range(len(self.step.graph.nodes) if boxes else 0)
        ]
        return Enclosure(self.step, tuple(times), joined, bool(run.failed.any()))

    def cube(self, times: tuple[int, ...]) -> Enclosure | None:
        """The whole state space at each step; None where the cell's states have no bound of their own."""
        states = [_whole(self.recurrence.cell, k, self.states[0]) for k in times]
        known = [s for s in states if s is not None]
        return self.boxed(times, known) if len(known) == len(states) else None


def _positions(recurrence: Recurrence) -> set[int]:
    states = {p for state in (recurrence.initial, *recurrence.states) for p in state if p is not None}
    return states | set(recurrence.frames)


def _concrete(value: Zonotope, box: Range) -> Zonotope:
    """A zonotope without symbols that covers a box; ``value`` is any constant of its shape."""
    lower, upper = box
    center, radius = Interval(lower, upper).midpoint()
    size = (center.abs() + radius) * (1.0 + 2.0**-40) + 2.0**-1000
    return replace(value, center=center, slack=radius, box=Interval(lower, upper), size=size)


def _boxes(step: StepMap, run: Propagation[V], inputs: list[V]) -> list[Range]:
    boxes: list[Range] = []
    interpret(step.graph, run, inputs, lambda _, value: boxes.append(run.bounds(value)))
    return boxes


def _whole(cell: Cell, time: int, initial: Range) -> Range | None:
    """The box that every state before step ``time`` lies in, whatever the frames: ``[-1, 1]^n`` for tanh cells.

    The cell state of an LSTM grows by at most one a step.
    """
    start = torch.maximum(initial[0].abs(), initial[1].abs())
    match cell:
        case RnnCell():
            bound = _activation_bound(cell.activation.name, cell.activation.alpha)
            reach = None if bound is None else torch.full_like(start, bound)
        case GruCell():
            gating, candidate = cell.activations
            bound = _activation_bound(candidate.name, candidate.alpha)
            convex = gating.name in ("Sigmoid", "HardSigmoid")
            reach = torch.clamp_min(start, bound) if bound is not None and convex else None
        case LstmCell():
            gating, candidate, output = cell.activations
            bounds = [_activation_bound(f.name, f.alpha) for f in (candidate, output)]
            if gating.name not in ("Sigmoid", "HardSigmoid") or bounds[0] is None or bounds[1] is None:
                return None
            held = (start[:, cell.hidden :] + time * bounds[0]) * (1.0 + 2.0**-50)
            reach = torch.cat([torch.full_like(held, bounds[1]), held], dim=1)
        case _:
            reach = None
    return None if reach is None else (-reach, reach)


def _activation_bound(name: str, alpha: float) -> float | None:
    if name == "ScaledTanh":
        return abs(alpha)
    return 1.0 if name in ("Tanh", "Sigmoid", "HardSigmoid") else None
