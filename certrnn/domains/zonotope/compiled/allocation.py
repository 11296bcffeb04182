"""What a plan is written on: the program, the places of vectors and constants, and what is known of each value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from certrnn.arrays import to_numpy
from certrnn.domains import accounts
from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled.accumulate import form
from certrnn.domains.zonotope.compiled.product import pack, pad
from certrnn.domains.zonotope.compiled.program import Program
from certrnn.domains.zonotope.compiled.terms import Dense, Diagonal, Placed, Scaled, Term


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
    def planes(self) -> at.Planes:
        return at.Planes(self.base, self.stride)


class Weight(NamedTuple):
    """Where panels of W and rows of W.T lie in ``w``, and panels in single precision in ``s``."""

    panels: int
    columns: at.Planes
    single: int


@dataclass(eq=False)
class Allocator:
    """Hands out places, and writes down what several nodes need."""

    program: Program
    vectors: int = 0
    constants: list[np.ndarray] = field(default_factory=list)
    held: int = 0
    single_weights: list[np.ndarray] = field(default_factory=list)
    held_single: int = 0
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
        start = self.held_single
        self.single_weights.append(flat)
        self.held_single += len(flat)
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
            value.dense = form(self.program, value.terms, value.size, value.plane(at.ABSOLUTE))
        return value.dense

    def expanded(self, value: Value) -> Dense | None:
        """The rows of the value, its diagonal included."""
        dense = self.dense(value)
        if value.diagonal is None:
            return dense
        terms: list[Term] = [] if dense is None else [Scaled(dense, self.ones(value.size))]
        return form(self.program, [*terms, Placed(value.diagonal)], value.size, self.program.idle)

    def ones(self, size: int, coefficient: float = 1.0) -> int:
        place = self.vector(size)
        number = self.constant(np.array([coefficient]))
        self.program.emit(at.Multiply(place, size, -1, at.NUMBER, number))
        return place

    def scaled(self, place: int, coefficient: float, size: int) -> int:
        """A vector times a number."""
        if coefficient == 1.0:
            return place
        out = self.vector(size)
        number = self.constant(np.array([coefficient]))
        self.program.emit(at.Multiply(out, size, place, at.NUMBER, number))
        return out

    def read(self, value: Value) -> None:
        """Radius, magnitude and bounds of the value."""
        if value.read:
            return
        dense = self.dense(value)
        count = sum(self.program.sizes[b] for b in dense.rows) if dense is not None else 0
        count += value.size if value.diagonal is not None else 0
        place = -1 if value.diagonal is None else value.diagonal.place
        charge = accounts.read(count, single=True)
        self.program.emit(at.Read(value.planes, value.size, int(dense is not None), place, charge))
        value.read = True

    def weight(self, weight: torch.Tensor) -> Weight:
        """Where the weights lie; steps of a network share them."""
        entry = self.weights.get(id(weight))
        if entry is None:
            matrix = to_numpy(weight)
            rows = np.zeros((matrix.shape[1], pad(matrix.shape[0])))
            rows[:, : matrix.shape[0]] = matrix.T
            packed = pack(matrix)
            columns = at.Planes(self.constant(rows), rows.shape[1])
            entry = Weight(self.constant(packed), columns, self.single(packed))
            self.weights[id(weight)] = entry
        return entry
