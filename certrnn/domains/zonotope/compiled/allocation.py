"""What a plan is written on: the tape, the places of vectors and constants, and what is known of each value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from certrnn.arrays import to_numpy
from certrnn.domains.rounding import raising
from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled.product import pack, pad
from certrnn.domains.zonotope.compiled.single_precision import summed
from certrnn.domains.zonotope.compiled.tape import Dense, Diagonal, Placed, Scaled, Tape, Term, form


@dataclass(eq=False)
class Value:
    """What is known of a node's value: where its planes lie, what its generators are made of, what has been read.
    ``rounds`` counts the roundings of one number to single precision while its terms are added up."""

    base: int
    stride: int
    size: int
    terms: list[Term] = field(default_factory=list)
    diagonal: Diagonal | None = None
    dense: Dense | None = None
    rounds: int = 0
    read: bool = False

    def plane(self, number: int) -> int:
        return self.base + number * self.stride

    @property
    def symbols(self) -> bool:
        return bool(self.terms) or self.dense is not None or self.diagonal is not None

    @property
    def planes(self) -> tuple[int, int]:
        return self.base, self.stride


class Weight(NamedTuple):
    """Where panels of W and rows of W.T lie in ``w``, and panels of singles in ``s``."""

    panels: int
    rows: int
    singles: int


@dataclass(eq=False)
class Allocator:
    """Hands out places, and writes down what several nodes need."""

    tape: Tape = field(default_factory=Tape)
    vectors: int = 0
    constants: list[np.ndarray] = field(default_factory=list)
    held: int = 0
    singles: list[np.ndarray] = field(default_factory=list)
    held_singles: int = 0
    index: list[int] = field(default_factory=list)
    weights: dict[int, Weight] = field(default_factory=dict)

    def vector(self, size: int) -> int:
        start, self.vectors = self.vectors, self.vectors + pad(size)
        return start

    def constant(self, array: np.ndarray) -> int:
        """Where the numbers lie in ``w``."""
        start, flat = self.held, np.ascontiguousarray(array, dtype=np.float64).ravel()
        self.constants.append(flat)
        self.held += len(flat)
        return start

    def single(self, array: np.ndarray) -> int:
        """Where the numbers lie in ``s``; infinite beyond single precision, as all that is computed from them."""
        with np.errstate(over="ignore"):
            flat = np.ascontiguousarray(array.ravel().astype(np.float32))
        start = self.held_singles
        self.singles.append(flat)
        self.held_singles += len(flat)
        return start

    def table(self, numbers: Sequence[int]) -> int:
        start = len(self.index)
        self.index.extend(numbers)
        return start

    def value(self, size: int) -> Value:
        base, stride = self.vectors, pad(size)
        self.vectors += at.PLANES * stride
        return Value(base, stride, size)

    def dense(self, value: Value) -> Dense | None:
        """The rows of the value without its diagonal, added up once."""
        if value.dense is None and value.terms:
            value.dense = form(self.tape, value.terms, value.size, value.plane(at.ABSOLUTE))
        return value.dense

    def expanded(self, value: Value) -> Dense | None:
        """The rows of the value, its diagonal included."""
        dense = self.dense(value)
        if value.diagonal is None:
            return dense
        terms: list[Term] = [] if dense is None else [Scaled(dense, self.ones(value.size))]
        return form(self.tape, [*terms, Placed(value.diagonal)], value.size, self.tape.idle)

    def ones(self, size: int, coefficient: float = 1.0) -> int:
        place = self.vector(size)
        self.tape.emit(at.MULTIPLY, place, -1, 2, self.constant(np.array([coefficient])), size)
        return place

    def scaled(self, place: int, coefficient: float, size: int) -> int:
        """A vector times a number."""
        if coefficient == 1.0:
            return place
        out = self.vector(size)
        self.tape.emit(at.MULTIPLY, out, place, 2, self.constant(np.array([coefficient])), size)
        return out

    def read(self, value: Value) -> None:
        """Radius, magnitude and bounds of the value."""
        if value.read:
            return
        dense = self.dense(value)
        count = sum(self.tape.sizes[b] for b in dense.rows) if dense is not None else 0
        count += value.size if value.diagonal is not None else 0
        place = -1 if value.diagonal is None else value.diagonal.place
        given = (*value.planes, value.size, int(dense is not None), place)
        self.tape.emit(at.READ, *given, factors=(summed(raising(count + 2)),))
        value.read = True

    def weight(self, weight: torch.Tensor) -> Weight:
        """Where the weights lie; steps of a network share them."""
        found = self.weights.get(id(weight))
        if found is None:
            matrix = to_numpy(weight)
            rows = np.zeros((matrix.shape[1], pad(matrix.shape[0])))
            rows[:, : matrix.shape[0]] = matrix.T
            packed = pack(matrix)
            found = Weight(self.constant(packed), self.constant(rows), self.single(packed))
            self.weights[id(weight)] = found
        return found
