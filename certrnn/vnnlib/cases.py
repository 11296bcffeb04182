"""Alternatives as regions and specifications: a case is refuted where its specification is proved on its region.

A specification demands that no conjunction holds: one clause for each, which proves one of its inequalities false.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from certrnn.analyses import Forward
from certrnn.domains import Intervals
from certrnn.errors import Unsupported
from certrnn.ir import Gather, Graph, Input, Node
from certrnn.regions import Box
from certrnn.specs import Spec
from certrnn.vnnlib.binding import Binding, columns
from certrnn.vnnlib.normal_form import Conjunction, Range, alternatives
from certrnn.vnnlib.parse import Linear, Query

CLAUSES = 64
"""Conjunctions of one specification: attacks and bounds take them together."""


@dataclass(frozen=True, eq=False)
class Case:
    """One box of inputs, rounded outwards, and some of the conjunctions that must not hold on it.

    Args:
        graph: its outputs are the scores, and the inputs after them where a conjunction speaks of them.
        ranges: the box exactly, an element of the query's input tensor after the other.
        strict: (C,) bool: conjunctions all of whose inequalities are strict. They are false where one of them is an
            equality, so that a margin of 0 refutes them.
    """

    graph: Graph
    region: Box
    ranges: tuple[Range, ...]
    conjunctions: tuple[Conjunction, ...]
    spec: Spec
    strict: torch.Tensor

    def refuted_by(self, margins: torch.Tensor) -> bool:
        """Whether margins (1, C) prove that no conjunction holds on the box."""
        known = torch.isfinite(margins).all() & ((margins > 0.0) | (self.strict & (margins == 0.0))).all()
        return bool(known)

    @property
    def features(self) -> int:
        """Number of inputs that may change."""
        return int((self.region.lower < self.region.upper).sum())


def cases_of(query: Query, binding: Binding) -> list[Case]:
    """Every case of a query.

    Raises:
        Unsupported: an input has no bound, or the query asks what the network's last activation does not keep.
    """
    out: list[Case] = []
    for alternative in alternatives(query.formula):
        ranges = tuple(alternative.ranges.get(i, Range()) for i in range(query.input.size))
        region = _box(query, binding, ranges)
        conjunctions = [tuple(map(binding.on_scores, some)) for some in alternative.conjunctions]
        for start in range(0, len(conjunctions), CLAUSES):
            part = tuple(conjunctions[start : start + CLAUSES])
            out.append(_case(binding, region, ranges, part))
    return out


def _case(
    binding: Binding, region: Box, ranges: tuple[Range, ...], conjunctions: tuple[Conjunction, ...]
) -> Case:
    graph = binding.elements
    inputs = any(not v.output for some in conjunctions for one in some for v in one.form.coefficients)
    rows = Rows(binding, beside_inputs(graph, binding.shape) if inputs else graph, region)
    halfspaces: list[tuple[np.ndarray, float]] = []
    clause: list[int] = []
    for number, conjunction in enumerate(conjunctions):
        for literal in conjunction:
            halfspaces.append(rows.lower(literal.form))
            clause.append(number)
        if not conjunction:  # every input of the box will do: nothing is proved of it
            halfspaces.append((np.zeros(rows.graph.outputs), 0.0))
            clause.append(number)
    matrix = torch.from_numpy(np.stack([row for row, _ in halfspaces]))
    offset = torch.tensor([[end for _, end in halfspaces]], dtype=torch.float64)
    strict = torch.tensor([bool(some) and all(one.strict for one in some) for some in conjunctions])
    spec = Spec(matrix[None], offset, tuple(clause))
    return Case(rows.graph, region, ranges, conjunctions, spec, strict)


def beside_inputs(graph: Graph, shape: tuple[int, int]) -> Graph:
    """The network with its inputs behind its scores, frame after frame."""
    nodes: list[Node] = list(graph.nodes)
    sources = [graph.output]
    for frame in range(shape[0]):
        if frame in graph.inputs:
            sources.append(graph.inputs[frame])
        else:
            nodes.append(Input(frame, shape[1], f"frame {frame}"))
            sources.append(len(nodes) - 1)
    total = sum(nodes[source].size for source in sources)
    nodes.append(Gather(np.arange(total), tuple(sources), "scores and inputs"))
    return Graph(tuple(nodes), len(nodes) - 1)


@dataclass(eq=False)
class Rows:
    """Linear forms as rows of floats over a graph's outputs, valid on one region."""

    binding: Binding
    graph: Graph
    region: Box

    def lower(self, form: Linear) -> tuple[np.ndarray, float]:
        """A row and an offset that are a positive multiple of the form, or lie below one on the whole region.

        Numbers are cleared of denominators first: what queries write in decimals is exact then as a rule. What is not
        is rounded, and the offset lowered by the most that may change.
        """
        scores = self.binding.elements.outputs
        row = np.zeros(self.graph.outputs)
        scale = _scale(form)
        offset = form.constant * scale
        for variable, coefficient in form.coefficients.items():
            place = columns(self.binding, variable, scores)
            exact = coefficient * scale
            row[place] = float(exact)
            missing = abs(exact - Fraction(row[place]))
            if missing:
                offset -= missing * self._magnitude(place)
        return row, down(offset)

    def _magnitude(self, place: int) -> Fraction:
        """The largest absolute value of an output on the region."""
        row = torch.zeros(1, 2, self.graph.outputs, dtype=torch.float64)
        row[0, 0, place], row[0, 1, place] = 1.0, -1.0
        spec = Spec(row, torch.zeros(1, 2, dtype=torch.float64))
        lowest = float(Forward(Intervals()).margins(self.graph, self.region, spec).amin())
        if not math.isfinite(lowest):
            raise Unsupported(
                "reading the query's coefficients",
                "they are held exactly by float64 where outputs have no finite bound",
                "others",
            )
        return abs(Fraction(lowest))


def _scale(form: Linear) -> Fraction:
    """A positive factor that clears denominators and brings the largest number near 1."""
    numbers = [*form.coefficients.values(), form.constant]
    cleared = math.lcm(*(n.denominator for n in numbers))
    largest = max(abs(n.numerator) * (cleared // n.denominator) for n in numbers)
    return Fraction(cleared, 2 ** largest.bit_length())


def down(number: Fraction) -> float:
    """The largest float64 that is not above the number; -inf below all of them.

    >>> Fraction(down(Fraction(1, 10))) < Fraction(1, 10), down(Fraction(1, 2))
    (True, 0.5)
    """
    try:
        near = float(number)
    except OverflowError:
        return float(np.finfo(np.float64).max) if number > 0 else -math.inf
    return near if Fraction(near) <= number else math.nextafter(near, -math.inf)


def up(number: Fraction) -> float:
    """The smallest float64 that is not below the number; inf above all of them."""
    return -down(-number)


def _box(query: Query, binding: Binding, ranges: Sequence[Range]) -> Box:
    low, high = np.empty(len(ranges)), np.empty(len(ranges))
    for index, one in enumerate(ranges):
        low[index] = -math.inf if one.low is None else down(one.low)
        high[index] = math.inf if one.high is None else up(one.high)
        if not (math.isfinite(low[index]) and math.isfinite(high[index])):
            raise Unsupported(
                f"reading the query's bounds of {query.input.element(index)}",
                "every input lies between two numbers, each compared with it alone",
                f"{_end(one.low, low[index])} to {_end(one.high, high[index])}",
                "Assert bounds of every input in every disjunct.",
            )
    lower, upper = (torch.from_numpy(binding.sample(end))[None] for end in (low, high))
    box = Box.of(lower, upper)
    moved = [t for t in box.frames if bool((lower[0, t] < upper[0, t]).any())]
    return Box(box.center, lower, upper, tuple(moved)) if moved else box


def _end(exact: Fraction | None, rounded: float) -> str:
    return "no bound" if exact is None else f"{rounded:g}"
