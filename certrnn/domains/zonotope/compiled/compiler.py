"""What each node kind writes down."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch

from certrnn.arrays import to_numpy
from certrnn.domains import accounts, single_precision
from certrnn.domains.interval import constant_interval
from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled.allocation import Allocator, Value
from certrnn.domains.zonotope.compiled.cuts import widths
from certrnn.domains.zonotope.compiled.product import pad
from certrnn.domains.zonotope.compiled.records import Buffer
from certrnn.domains.zonotope.compiled.terms import (
    Block,
    Dense,
    Diagonal,
    Mapped,
    Outer,
    Placed,
    Scaled,
    Term,
    rounds,
    through,
)
from certrnn.ir import Affine, Constant, Elementwise, Gather, Graph, Input, Node, Sum
from transformers_abs.scalar import address

_PENDING = 8
"""Terms of a value that a sum adds up anew: sums of sums would double them again and again."""


@dataclass(eq=False)
class Planner(Allocator):
    """Walks a graph node by node; ``frames`` are disturbed."""

    graph: Graph = field(kw_only=True)
    frames: frozenset[int] = field(kw_only=True)
    values: list[Value] = field(default_factory=list)

    def node(self, node: Node) -> Value:
        sources = [self.values[s] for s in node.sources]
        match node:
            case Input():
                return self.input(node)
            case Constant():
                return self.fixed(node)
            case Affine():
                return self.scale(node, sources[0]) if node.diagonal else self.affine(node, sources[0])
            case Sum():
                return self.sum(node, sources)
            case Gather():
                return self.gather(node, sources)
            case Elementwise():
                return self.elementwise(node, sources)

    def input(self, node: Input) -> Value:
        out, disturbed = self.value(node.size), node.frame in self.frames
        first = node.frame * node.size
        self.program.emit(at.Input(out.planes, node.size, first, int(disturbed), accounts.ONE))
        if disturbed:
            out.diagonal = Diagonal(self.program.block(node.size), out.plane(at.FRESH))
        return out

    def fixed(self, node: Constant) -> Value:
        out = self.value(node.size)
        box = constant_interval(node, 1, torch.device("cpu"))
        values = torch.cat([*box.midpoint(), box.lower, box.upper]).numpy()
        self.program.emit(at.Constant(out.planes, node.size, self.constant(values), accounts.ONE))
        return out

    def affine(self, node: Affine, value: Value) -> Value:
        out, weight = self.value(node.size), self.weight(node.weight)
        pending = value.terms if value.dense is None else []
        # slopes are multiplied into the weights, which may underflow beside generators of any size
        lost = pending[0].source.total if len(pending) == 1 and isinstance(pending[0], Scaled) else -1
        if len(pending) == 1 and isinstance(pending[0], Scaled):
            out.terms.append(Mapped(pending[0].source, weight.single, pending[0].slope))
        else:
            dense = self.dense(value)
            if dense is not None:
                out.terms.append(Mapped(dense, weight.single, -1))
        if value.diagonal is not None:
            out.terms.append(Outer(value.diagonal, weight.columns))
        out.rounds = rounds(out.terms)
        charges = accounts.affine(value.size, node.relative_error, single_precision.gamma(out.rounds))
        operands = out.planes, node.size, value.planes, value.size, *self.sizes(value), weight.panels
        bias = self.constant(to_numpy(node.bias))
        self.program.emit(at.Affine(*operands, bias, lost, self.program.scratch, charges))
        return out

    def scale(self, node: Affine, value: Value) -> Value:
        out = self.value(node.size)
        self.read(value)
        weight = self.constant(to_numpy(node.weight))
        bias = self.constant(to_numpy(node.bias))
        dense = self.dense(value)
        out.rounds = 1 if dense is not None else 0
        charges = accounts.scale(node.size, node.relative_error, single_precision.gamma(out.rounds))
        self.program.emit(at.Scale(out.planes, node.size, value.planes, weight, bias, charges))
        if dense is not None:
            slope = self.vector(node.size)
            self.program.emit(at.Multiply(slope, node.size, -1, at.CONSTANTS, weight))
            out.terms.append(Scaled(dense, slope))
        if value.diagonal is not None:
            place = out.plane(at.FRESH)
            self.program.emit(at.Multiply(place, node.size, value.diagonal.place, at.CONSTANTS, weight))
            out.diagonal = Diagonal(value.diagonal.block, place)
        return out

    def sum(self, node: Sum, values: list[Value]) -> Value:
        out = self.value(node.size)
        diagonals: list[Diagonal] = []
        sources: list[int] = []
        for value, coefficient in zip(values, node.coefficients, strict=True):
            out.terms += self.times(value, coefficient)
            sources += (*value.planes, *self.sizes(value))
            if value.diagonal is not None:
                place = self.scaled(value.diagonal.place, coefficient, node.size)
                diagonals.append(Diagonal(value.diagonal.block, place))
        out.diagonal = self.joined(node, out, diagonals)
        if out.diagonal is None:
            out.terms += [Placed(d) for d in diagonals]
        # what a value taken apart rounds by itself is paid for by its slack; here comes what others round it by
        more = sum(map(through, out.terms)) + 1 if out.terms else 0
        out.rounds = rounds(out.terms) + 1 if out.terms else 0
        # centers and diagonals are in double precision, no generator
        charges = accounts.add(len(values), 0, node.relative_error, single_precision.gamma(more, out.rounds))
        operands = out.planes, node.size, len(values), self.table(sources)
        self.program.emit(at.Sum(*operands, self.constant(np.array(node.coefficients)), charges))
        return out

    def sizes(self, value: Value) -> tuple[int, int]:
        """Where the size and the spread lie that a node is charged by which reads the value: of what its terms are
        added up to, where they are, or of the terms."""
        if value.dense is not None:
            self.read(value)
        planes = (at.MAGNITUDE, at.RADIUS) if value.read else (at.SIZE, at.SPREAD)
        return value.plane(planes[0]), value.plane(planes[1])

    def times(self, value: Value, coefficient: float) -> list[Term]:
        """The terms of a multiple of the value, its rows where it has many. Only signs are multiplied into slopes: the
        product of two small numbers may underflow beside generators of any size."""
        pending = value.terms if value.dense is None and len(value.terms) <= _PENDING else []
        signed = coefficient == -1.0 and all(isinstance(t, Scaled) for t in pending)
        if pending and (coefficient == 1.0 or signed):
            return [
                replace(t, slope=self.scaled(t.slope, coefficient, value.size))
                if isinstance(t, Scaled)
                else t
                for t in pending
            ]
        dense = self.dense(value)
        return [] if dense is None else [Scaled(dense, self.ones(value.size, coefficient))]

    def joined(self, node: Sum, out: Value, diagonals: list[Diagonal]) -> Diagonal | None:
        """One diagonal for those of values that no other node reads: their symbols occur in one and the same
        combination ever after, so that joining them loses nothing. A single one stays what it is."""
        alone = all(
            isinstance(self.graph.nodes[s], Elementwise)
            and self.graph.readers[s] == 1
            and s != self.graph.output
            for s in node.sources
        )
        if alone and len(diagonals) > 1:
            table, place = self.table([d.place for d in diagonals]), out.plane(at.FRESH)
            self.program.emit(at.Join(place, node.size, len(diagonals), table, accounts.join(len(diagonals))))
            return Diagonal(self.program.block(node.size), place)
        blocks = {block for term in out.terms for block in term.blocks}
        return diagonals[0] if len(diagonals) == 1 and diagonals[0].block not in blocks else None

    def gather(self, node: Gather, values: list[Value]) -> Value:
        ends = np.cumsum([v.size for v in values])
        owners = np.searchsorted(ends, node.index, side="right")
        columns = node.index - np.concatenate([[0], ends[:-1]])[owners]
        if node.size and bool((owners == owners[0]).all()) and bool((np.diff(columns) == 1).all()):
            owner, first = values[owners[0]], int(columns[0])
            if owner.diagonal is None:
                return self.columns(owner, first, node.size)
        out = self.value(node.size)
        table = [
            n
            for o, c in zip(owners, columns, strict=True)
            for n in (values[o].base + int(c), values[o].stride)
        ]
        # a diagonal becomes rows, and may be added to others
        rounded = single_precision.gamma(2) if any(v.diagonal is not None for v in values) else 0.0
        self.program.emit(at.Gather(out.planes, node.size, self.table(table), accounts.place(), rounded))
        self.gathered(out, [self.expanded(v) for v in values], owners, columns)
        return out

    def columns(self, owner: Value, first: int, size: int) -> Value:
        """A slice shares the planes and the rows of its owner."""
        dense = self.dense(owner)
        part = (
            None
            if dense is None
            else Dense(dense.buffer, dense.rows, dense.first + first, size, dense.total + first)
        )
        return Value(owner.base + first, owner.stride, size, dense=part)

    def gathered(
        self, out: Value, parts: list[Dense | None], owners: np.ndarray, columns: np.ndarray
    ) -> None:
        blocks: dict[Block, None] = {b: None for part in parts if part is not None for b in part.rows}
        if not blocks:
            return
        rows, count = {}, 0
        for block in blocks:
            rows[block], count = count, count + self.program.sizes[block]
        out.dense = Dense(Buffer(count, pad(out.size)), rows, 0, out.size, out.plane(at.ABSOLUTE))
        target = out.dense.at(0)
        self.program.emit(at.Clear(out.plane(at.ABSOLUTE), pad(out.size)))
        self.program.emit(at.Diagonal(count, -1, target, 0))
        for number, part in enumerate(parts):
            chosen = np.flatnonzero(owners == number)
            if part is None or not len(chosen):
                continue
            table = self.table([int(n) for j in chosen for n in (j, columns[j])])
            for block, row in part.rows.items():
                operands = self.program.sizes[block], len(chosen), table
                self.program.emit(at.Columns(*operands, part.at(row), out.dense.at(rows[block])))
        self.program.emit(at.Absolutes(count, out.size, target, out.plane(at.ABSOLUTE)))

    def elementwise(self, node: Elementwise, values: list[Value]) -> Value:
        for value in values:
            self.read(value)
        out, symbols = self.value(node.size), any(v.symbols for v in values)
        scalar = node.transformer.scalar()
        assert scalar is not None, "graphs with other functions are left to the tensors"
        function = at.Function(address(scalar, len(values)), *scalar.parameters)
        rows = [self.dense(value) for value in values]
        out.rounds = sum(v is not None for v in (*rows, *(v.diagonal for v in values)))
        charges = accounts.relax(single_precision.gamma(out.rounds))
        operands = out.planes, node.size, values[0].planes
        if len(values) == 1:
            self.program.emit(at.Univariate(*operands, function, int(symbols), charges))
        else:
            if symbols:
                widths(self, node.size, *values)
            pair, scratch = (*operands, values[1].planes), self.program.scratch
            self.program.emit(at.Bivariate(*pair, function, int(symbols), scratch, charges))
        if not symbols:
            return out
        for value, dense, number in zip(values, rows, (at.SLOPE_X, at.SLOPE_Y)[: len(rows)], strict=True):
            slope = out.plane(number)
            if dense is not None:
                out.terms.append(Scaled(dense, slope))
            if value.diagonal is not None:
                place = self.vector(node.size)
                self.program.emit(at.Multiply(place, node.size, value.diagonal.place, at.VECTOR, slope))
                out.terms.append(Placed(Diagonal(value.diagonal.block, place)))
        out.diagonal = Diagonal(self.program.block(node.size), out.plane(at.FRESH))
        return out

    def output(self, value: Value) -> None:
        self.read(value)
        dense, diagonal = self.dense(value), value.diagonal
        rows = sum(self.program.sizes[b] for b in dense.rows) if dense is not None else 0
        count = rows + (value.size if diagonal is not None else 0)
        generators = at.Rows(0, 0) if dense is None else dense.at(0)
        single = single_precision.gamma(single_precision.roundings(value.size) + 3) if rows else 0.0
        charges = accounts.rows(value.size, count, single)
        own = -1 if diagonal is None else diagonal.place
        self.program.emit(at.LowerRows(value.planes, value.size, generators, rows, own, charges))
