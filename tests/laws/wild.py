"""Random graphs that no network would have: every node kind on every other, wide values, slices of slices, values that
several nodes read while they are sums not yet added up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from certrnn.ir import Graph, GraphBuilder
from certrnn.regions import LinfBall
from tests.laws.networks import Rng, numbers, points
from tests.laws.oracle import Oracle, Perturbation
from transformers_abs import BIVARIATE, UNIVARIATE

Value = tuple[int, int]
"""Position and size."""
COEFFICIENTS = (1.0, 1.0, 1.0, -1.0, -1.0, 0.0, 0.3, -1.0 / 3.0)


@dataclass(eq=False)
class Wild:
    """Grows a graph node by node."""

    rng: Rng
    builder: GraphBuilder
    widths: list[int]
    values: list[Value]

    def pick(self, size: int | None = None) -> Value:
        """A value, most likely a recent one, of a size if given."""
        fitting = [v for v in self.values if size in (None, v[1])]
        return fitting[-1 - min(int(self.rng.exponential(3.0)), len(fitting) - 1)]

    def width(self) -> int:
        return int(self.rng.choice(self.widths))

    def affine(self, value: Value, width: int = 0) -> Value:
        source, size = value
        width = width or self.width()
        weight = numbers(self.rng, width, size, gain=2.0 / np.sqrt(size))
        return self.builder.affine(weight, numbers(self.rng, width), source), width

    def diagonal(self, value: Value) -> Value:
        source, size = value
        return self.builder.affine(numbers(self.rng, size, gain=1.5), numbers(self.rng, size), source), size

    def sum(self, value: Value) -> Value:
        source, size = value
        sources = [source, *(self.pick(size)[0] for _ in range(int(self.rng.integers(5))))]
        chosen = [float(c) for c in self.rng.choice(COEFFICIENTS, len(sources))]
        return self.builder.sum(sources, chosen), size

    def gates(self, value: Value) -> Value:
        """A sum of several relaxed functions, as a cell's state is."""
        size = value[1]
        terms = [self.curve(self.pick(size)) for _ in range(int(self.rng.integers(2, 5)))]
        return self.builder.sum([t for t, _ in terms], [1.0] * len(terms)), size

    def mapped(self, value: Value) -> Value:
        """A sum of several maps, two of them of one value, read again before it has been added up."""
        width = self.width()
        parts = [self.affine(v, width) for v in (value, self.pick(), value)]
        self.values.append(parts[0])
        return self.builder.sum([p for p, _ in parts]), width

    def curve(self, value: Value) -> Value:
        source, size = value
        if self.rng.random() < 0.5:
            return self.builder.elementwise(UNIVARIATE[self.rng.integers(len(UNIVARIATE))], source), size
        function = BIVARIATE[self.rng.integers(len(BIVARIATE))]
        return self.builder.elementwise(function, source, self.pick(size)[0]), size

    def gather(self, value: Value) -> Value:
        parts = [value, *(self.pick() for _ in range(int(self.rng.integers(3))))]
        index = self.rng.integers(0, sum(size for _, size in parts), self.width())
        return self.builder.gather([p for p, _ in parts], index), len(index)

    def slice(self, value: Value) -> Value:
        source, size = value
        first = int(self.rng.integers(size))
        stop = int(self.rng.integers(first + 1, size + 1))
        return self.builder.gather([source], np.arange(first, stop)), stop - first

    def constant(self, value: Value) -> Value:
        return self.builder.constant(numbers(self.rng, value[1])), value[1]

    def grow(self) -> None:
        kinds = (self.affine, self.diagonal, self.sum, self.gates, self.mapped, self.curve, self.gather)
        kinds = (*kinds, self.slice, self.slice, self.curve, self.sum, self.constant)
        self.values.append(kinds[self.rng.integers(len(kinds))](self.pick()))


def wild(seed: int, nodes: int = 14) -> Graph:
    """A graph on 3 frames; values have up to 40 elements."""
    rng, builder = np.random.default_rng([seed, 7]), GraphBuilder()
    features = int(rng.integers(1, 6))
    values = [(builder.input(t, features), features) for t in range(3)]
    growing = Wild(rng, builder, rng.integers(1, 41, 2).tolist(), values)
    growing.values += [growing.affine(value) for value in values]
    for _ in range(nodes):
        growing.grow()
    (last, size), (first, _) = growing.pick(), values[0]
    return builder.build(builder.gather([last, first], np.arange(size + 1)))


def wild_case(seed: int, eps: tuple[float, ...] = (0.0, 1e-6, 0.05, 0.5)) -> tuple[Oracle, LinfBall]:
    """Such a graph, a batch of mixed eps around it, and the exact values of its members at every node."""
    rng, graph = np.random.default_rng([seed, 8]), wild(seed)
    center = 0.5 + 0.5 * numbers(rng, len(eps), 3, graph.nodes[graph.inputs[0]].size)
    frames = ((0, 1, 2), (2, 0), (1,))[seed % 3]
    ball = LinfBall(center, torch.tensor(eps, dtype=torch.float64), frames)
    return Oracle(graph, points(rng, graph, ball, count=1), Perturbation(rng)), ball
