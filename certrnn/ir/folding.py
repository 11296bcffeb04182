"""Sums of sums and of multiples become one sum, in which every value occurs once.

``h + dt (f - h)`` is ``(1 - dt) h + dt f``: as it is written, boxes and rounding errors grow by ``1 + dt`` at each step
of a loop, for they do not know that both h are one; as one sum, they shrink. Coefficients are computed with a bound on
their error, which the new nodes state as their ``relative_error``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from certrnn.arrays import to_numpy
from certrnn.ir.graph import Graph
from certrnn.ir.ops import Affine, Node, Sum
from transformers_abs.rounding import UNIT_ROUNDOFF

_MOST_ERROR = 2.0**-44
"""Largest relative error of a folded coefficient: where more cancels, the sums stay as they are."""

_UP, _UNDERFLOW = 1.0 + 2.0**-49, 2.0**-1070
"""What the few roundings of an error are paid with, and what products that underflow may lose."""


@dataclass(frozen=True, eq=False)
class Factor:
    """Numbers element by element, or one for all, and how far each may lie from what it stands for."""

    value: np.ndarray
    error: np.ndarray

    @staticmethod
    def of(value: np.ndarray, relative_error: float) -> Factor:
        return Factor(value, np.abs(value) * (relative_error * _UP))

    def times(self, other: Factor) -> Factor:
        value = self.value * other.value
        crossed = np.abs(self.value) * other.error + self.error * (np.abs(other.value) + other.error)
        lost = UNIT_ROUNDOFF * np.abs(value) + _UNDERFLOW
        exact = (self._units | other._units) & (self.error == 0.0) & (other.error == 0.0)
        error = np.where(exact | self._nothing | other._nothing, 0.0, (crossed + lost) * _UP)
        return Factor(value, error)

    def plus(self, other: Factor) -> Factor:
        a, b = self.value, other.value
        value = a + b
        back = value - a
        lost = np.abs((a - (value - back)) + (b - back))  # exact: Knuth's sum of two numbers
        return Factor(value, (self.error + other.error + lost) * _UP)

    @property
    def _units(self) -> np.ndarray:
        """Where products are exact."""
        return np.abs(self.value) == 1.0

    @property
    def _nothing(self) -> np.ndarray:
        return (self.value == 0.0) & (self.error == 0.0)

    @property
    def relative_error(self) -> float:
        """A bound on the error as a share of each number; infinite where zero stands for something else."""
        if not self.error.any():
            return 0.0
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            share = np.where(self.error == 0.0, 0.0, self.error / np.abs(self.value))
        return float(share.max()) * _UP

    @property
    def common(self) -> float | None:
        """The one number that all are, if they are."""
        flat = self.value.ravel()
        return float(flat[0]) if flat.size and bool((flat == flat[0]).all()) else None


@dataclass(eq=False)
class Combination:
    """``sum_p terms[p] * value p + bias``."""

    terms: dict[int, Factor]
    bias: Factor | None = None
    merged: bool = False
    nested: bool = False

    def add(self, position: int, factor: Factor) -> None:
        if position in self.terms:
            factor, self.merged = self.terms[position].plus(factor), True
        self.terms[position] = factor

    def add_bias(self, factor: Factor) -> None:
        if factor.value.any() or factor.error.any():
            self.bias = factor if self.bias is None else self.bias.plus(factor)

    @property
    def plain(self) -> bool:
        """Whether one coefficient a value says it all."""
        return self.bias is None and all(f.common is not None for f in self.terms.values())

    @property
    def relative_error(self) -> float:
        parts = [*self.terms.values(), *([] if self.bias is None else [self.bias])]
        return max((part.relative_error for part in parts), default=0.0)

    @property
    def gains(self) -> bool:
        if not (self.merged or (self.nested and self.plain)):
            return False
        finite = all(np.isfinite(f.value).all() for f in self.terms.values())
        return finite and self.relative_error <= _MOST_ERROR


_ONE = Factor(np.ones(()), np.zeros(()))


def combination(nodes: Sequence[Node], position: int, inner: Sequence[bool]) -> Combination:
    """A sum in terms of the values that its sums and multiples read, through nodes that are ``inner``."""
    combined = Combination({})
    _collect(combined, nodes, position, _ONE, inner, True)
    return combined


def _collect(
    into: Combination, nodes: Sequence[Node], position: int, factor: Factor, inner: Sequence[bool], top: bool
) -> None:
    node = nodes[position]
    match node:
        case Sum() if top or inner[position]:
            into.nested |= not top
            for c, source in zip(node.coefficients, node.sources, strict=True):
                coefficient = Factor.of(np.array(c), node.relative_error)
                _collect(into, nodes, source, factor.times(coefficient), inner, False)
        case Affine() if node.diagonal and inner[position]:
            weight, bias = (Factor.of(to_numpy(t), node.relative_error) for t in (node.weight, node.bias))
            into.add_bias(factor.times(bias))
            _collect(into, nodes, node.sources[0], factor.times(weight), inner, False)
        case _:
            into.add(position, factor)


def fold_sums(graph: Graph) -> Graph:
    """Every sum that reads a value twice, or other sums' multiples, as one sum; what only it has read is no longer
    read by anybody."""
    readers = [*graph.readers]
    readers[graph.output] += 1
    inner = [count == 1 for count in readers]
    nodes: list[Node] = []
    place: list[int] = []
    for position, node in enumerate(graph.nodes):
        combined = combination(graph.nodes, position, inner) if isinstance(node, Sum) else None
        if combined is not None and combined.gains:
            nodes += _written(combined, node, place, len(nodes))
        else:
            sources = tuple(place[s] for s in node.sources)
            nodes.append(node if sources == node.sources else replace(node, sources=sources))
        place.append(len(nodes) - 1)
    return Graph(tuple(nodes), place[graph.output])


def _written(combined: Combination, node: Node, place: list[int], start: int) -> list[Node]:
    """The nodes of a combination, the last of which is its value."""
    error, size, label = combined.relative_error, node.size, node.label
    sources, coefficients, maps, bias = list[int](), list[float](), list[Node](), combined.bias
    terms = [(p, f) for p, f in combined.terms.items() if f.value.any()] or list(combined.terms.items())[:1]
    for position, factor in terms:
        common = factor.common
        if common is not None and bias is None:
            sources.append(place[position])
            coefficients.append(common)
            continue
        # the bias goes with the first map
        offset = np.zeros(size) if bias is None else np.broadcast_to(bias.value, (size,))
        tensors = (_tensor(np.broadcast_to(factor.value, (size,))), _tensor(offset))
        maps.append(Affine(*tensors, (place[position],), label, error))
        sources.append(start + len(maps) - 1)
        coefficients.append(1.0)
        bias = None
    return [*maps, Sum(tuple(coefficients), tuple(sources), size, label, error)]


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float64))
