"""Small networks, regions and points that hypothesis draws, so that what breaks a law shrinks to the least of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from hypothesis import strategies as st

from certrnn.ir import Graph, GraphBuilder
from certrnn.regions import LinfBall
from tests.laws.oracle import Points
from transformers_abs import ALL, LeakyRelu

WEIGHTS = st.integers(-3, 3).map(float) | st.floats(-4.0, 4.0)
"""Whole numbers first: they are what a failure shrinks to."""
SIZES = st.integers(1, 3)
FUNCTIONS = (*ALL, LeakyRelu(0.125))
RADII = st.sampled_from((0.0, 2.0**-30, 0.125, 1.0, 8.0))
SHARES = st.sampled_from((-1.0, -0.5, 0.0, 0.25, 1.0))
"""Of the radius, in binary: the product is exact."""
MEMBERS = 4
"""Points of a region."""


@dataclass
class _Program:
    """A graph as it grows.

    Args:
        sizes: number of elements by node.
    """

    draw: st.DrawFn
    builder: GraphBuilder = field(default_factory=GraphBuilder)
    sizes: dict[int, int] = field(default_factory=dict)

    def add(self, position: int, size: int) -> int:
        self.sizes[position] = size
        return position

    def any_node(self, size: int | None = None) -> int:
        fitting = [one for one, own in self.sizes.items() if size is None or own == size]
        return self.draw(st.sampled_from(fitting))

    def numbers(self, *shape: int) -> torch.Tensor:
        count = int(np.prod(shape))
        drawn = self.draw(st.lists(WEIGHTS, min_size=count, max_size=count))
        return torch.tensor(drawn, dtype=torch.float64).reshape(shape)

    def affine(self) -> int:
        source, size = self.any_node(), self.draw(SIZES)
        weight, bias = self.numbers(size, self.sizes[source]), self.numbers(size)
        return self.add(self.builder.affine(weight, bias, source), size)

    def sum(self) -> int:
        first = self.any_node()
        second = self.any_node(self.sizes[first])
        coefficients = self.numbers(2).tolist()
        return self.add(self.builder.sum([first, second], coefficients), self.sizes[first])

    def gather(self) -> int:
        sources, size = [self.any_node(), self.any_node()], self.draw(SIZES)
        places = st.integers(0, sum(self.sizes[one] for one in sources) - 1)
        index = np.array(self.draw(st.lists(places, min_size=size, max_size=size)))
        return self.add(self.builder.gather(sources, index), size)

    def elementwise(self) -> int:
        transformer, first = self.draw(st.sampled_from(FUNCTIONS)), self.any_node()
        others = [self.any_node(self.sizes[first]) for _ in range(transformer.arity - 1)]
        return self.add(self.builder.elementwise(transformer, first, *others), self.sizes[first])


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Up to six nodes over one or two frames of one or two features; every node may read every earlier one."""
    program, features = _Program(draw), draw(st.integers(1, 2))
    for frame in range(draw(st.integers(1, 2))):
        program.add(program.builder.input(frame, features), features)
    kinds = (program.affine, program.elementwise, program.sum, program.gather)
    last = program.affine()
    for kind in draw(st.lists(st.sampled_from(range(len(kinds))), max_size=5)):
        last = kinds[kind]()
    return program.builder.build(last)


@st.composite
def regions(draw: st.DrawFn, graph: Graph) -> tuple[LinfBall, Points]:
    """An l-inf ball on some frames, and :data:`MEMBERS` of its points, in exact arithmetic."""
    features = graph.nodes[graph.inputs[0]].size
    shape, radius = (1, graph.frames, features), draw(RADII)
    count = graph.frames * features
    center = torch.tensor(draw(st.lists(WEIGHTS, min_size=count, max_size=count)), dtype=torch.float64)
    frames = draw(st.sets(st.integers(0, graph.frames - 1), min_size=1).map(sorted))
    ball = LinfBall(center.reshape(shape), torch.tensor([radius], dtype=torch.float64), tuple(frames))
    shares = draw(st.lists(SHARES, min_size=MEMBERS * count, max_size=MEMBERS * count))
    moved = radius * torch.tensor(shares, dtype=torch.float64).reshape(MEMBERS, *shape[1:])
    still = [frame for frame in range(graph.frames) if frame not in frames]
    moved[:, still] = 0.0
    return ball, Points(ball.center.expand(MEMBERS, -1, -1).clone(), moved)
