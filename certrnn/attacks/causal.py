"""A network as a system that takes one frame at a time, read off its graph.

Every node of a graph depends on frames up to some last one. What later frames read of earlier ones is the state: the
nodes computed up to frame t that some node of a later frame reads. Of an unrolled RNN, LSTM or GRU, also a
stacked one, these are the hidden (and cell) states, so a step costs the same whatever its frame. Nothing has to be
known of the cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch

from certrnn.domains.points import PointsRun
from certrnn.ir import Affine, Elementwise, Gather, Graph, Input

State = tuple[torch.Tensor, ...]
"""Values of the nodes of one cut, each (B, size)."""


@dataclass(frozen=True, eq=False)
class CausalSystem:
    """``state' = F_t(state, x_t)`` and ``scores = G(state, x)``, differentiable in both arguments.

    Args:
        graph: the network on T frames. With three frames or more the system goes on for as long as frames come: frames
            from T - 1 on repeat the step of frame T - 2.

    >>> import numpy as np
    >>> from certrnn.cells import RnnCell, unroll
    >>> from certrnn.ir import GraphBuilder
    >>> builder = GraphBuilder()
    >>> cell = RnnCell.of(np.ones((2, 1)), np.eye(2), np.zeros(2), np.zeros(2))
    >>> states = unroll(builder, cell, [builder.input(t, 1) for t in range(4)], (None,))
    >>> system = CausalSystem(builder.build(states[-1][0]))
    >>> x = torch.full((1, 4, 1), 0.5, dtype=torch.float64)
    >>> state = ()
    >>> for t in range(3):
    ...     state = system.advance(t, state, x[:, t])
    >>> from certrnn.domains.points import evaluate
    >>> bool((system.scores(state, x[:, 3], frame=3) == evaluate(system.graph, x)).all())
    True
    """

    graph: Graph

    @cached_property
    def times(self) -> tuple[int, ...]:
        """For every node the frame at which it is computed; -1 for constants.

        That is the last frame it depends on; but a linear map of a state which only a later frame reads (``R h``)
        belongs to that frame, so that the state is h itself.
        """
        times: list[int] = []
        for node in self.graph.nodes:
            own = node.frame if isinstance(node, Input) else -1
            times.append(max([own, *(times[s] for s in node.sources)]))
        read = [len(self.graph.nodes)] * len(times)  # the earliest time at which a node is read
        for position in range(len(times) - 1, -1, -1):
            node = self.graph.nodes[position]
            movable = (
                isinstance(node, Affine | Gather) and position != self.graph.output and times[position] >= 0
            )
            if movable and read[position] < len(times):
                times[position] = max(times[position], read[position])
            for source in node.sources:
                read[source] = min(read[source], times[position])
        return tuple(times)

    @property
    def frames(self) -> int:
        """T of the graph."""
        return self.graph.frames

    @cached_property
    def cuts(self) -> tuple[tuple[int, ...], ...]:
        """For every frame but the last the nodes that hold the state after it, in the graph's order."""
        latest = [-1] * len(self.graph.nodes)  # the latest time at which a node is read
        for position, node in enumerate(self.graph.nodes):
            for source in node.sources:
                latest[source] = max(latest[source], self.times[position])
        latest[self.graph.output] = max(latest[self.graph.output], self.frames - 1)
        return tuple(
            tuple(p for p, time in enumerate(self.times) if 0 <= time <= t < latest[p])
            for t in range(self.frames - 1)
        )

    @cached_property
    def _steps(self) -> tuple[tuple[int, ...], ...]:
        """The nodes of each frame; constants are evaluated wherever they are read."""
        steps: list[list[int]] = [[] for _ in range(self.frames)]
        for position, time in enumerate(self.times):
            if time >= 0:
                steps[time].append(position)
        return tuple(tuple(step) for step in steps)

    def advance(self, frame: int, state: State, x: torch.Tensor) -> State:
        """The state after a frame ``x`` (B, D), from the one before it; ``()`` before frame 0.

        Frames from T - 1 on take the step of frame T - 2, the last one that hands a state on.
        """
        if self.frames < 2:
            return ()
        step = min(frame, self.frames - 2)
        values = self._evaluated(step, self._given(step - 1, frame - 1, state), x)
        return tuple(values[p] for p in self.cuts[step])

    def scores(self, state: State, x: torch.Tensor, frame: int) -> torch.Tensor:
        """(B, C) what the network answers if the sequence ends with this frame ``x`` (B, D).

        At the last frame of the graph these are its scores. At an earlier one the last step is taken from the
        present state; parts of a state that only later frames fill (a mean over all frames, the way back of a
        bidirectional layer) count as zero.
        """
        last = self.frames - 1
        state_values = self._given(last - 1, frame - 1, state)
        if not last:
            state_values = {}
        for position in self.cuts[last - 1] if last else ():
            if position not in state_values:
                state_values[position] = x.new_zeros(len(x), self.graph.nodes[position].size)
        return self._evaluated(last, state_values, x)[self.graph.output]

    def _given(self, wanted: int, frame: int, state: State) -> dict[int, torch.Tensor]:
        """Values for the nodes of cut ``wanted`` from a state after ``frame``.

        The same node is itself; else nodes of one size correspond in order, as the steps of one cell do.
        """
        if wanted < 0 or frame < 0:
            return {}
        source = self.cuts[min(frame, self.frames - 2)]
        target = self.cuts[wanted]
        if source is target:
            return dict(zip(target, state, strict=True))
        values = dict(zip(source, state, strict=True))
        matches = {p: values.pop(p) for p in target if p in values}
        for position in target:
            size = self.graph.nodes[position].size
            same = [p for p in values if self.graph.nodes[p].size == size]
            if position not in matches and same:
                matches[position] = values.pop(same[0])
        return matches

    def _evaluated(
        self, step: int, state_values: dict[int, torch.Tensor], x: torch.Tensor
    ) -> dict[int, torch.Tensor]:
        """All nodes of one step, from the state's values and the frame."""
        run, values = PointsRun(x[:, None]), dict(state_values)
        if self.times[self.graph.output] < 0:
            values[self.graph.output] = self._constant(self.graph.output, run)
        for position in self._steps[step]:
            node = self.graph.nodes[position]
            if isinstance(node, Input):
                values[position] = x
                continue
            arguments = [values[s] if s in values else self._constant(s, run) for s in node.sources]
            if isinstance(node, Elementwise):
                values[position] = run.elementwise(node, arguments, None)
            else:
                values[position] = run.linear_step(node, arguments)
        return values

    def _constant(self, position: int, run: PointsRun) -> torch.Tensor:
        node = self.graph.nodes[position]
        assert not isinstance(node, Input)
        arguments = [self._constant(s, run) for s in node.sources]
        if isinstance(node, Elementwise):
            return run.elementwise(node, arguments, None)
        return run.linear_step(node, arguments)
