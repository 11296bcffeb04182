"""The structure of generators, known before any number: which symbols, in which rows, added up from what.

Symbols come in blocks, one for each input and each relaxed function; a block always occurs whole. What happens to the
numbers is written to a :class:`.Program`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from certrnn.domains import accounts, single_precision
from certrnn.domains.zonotope.compiled.operands import Planes, Rows
from certrnn.domains.zonotope.compiled.records import Buffer, Place

Block = int
"""Number of a block of symbols."""


@dataclass(frozen=True, eq=False)
class Dense:
    """Columns ``first .. first + size`` of a buffer; ``rows`` says where each block starts, ``total`` where the sums of
    absolute values lie in ``v``."""

    buffer: Buffer
    rows: dict[Block, int]
    first: int
    size: int
    total: int

    def at(self, row: int) -> Rows:
        """The rows from this one on."""
        return Rows(Place(self.buffer, row * self.buffer.stride + self.first), self.buffer.stride)


@dataclass(frozen=True)
class Diagonal:
    """One symbol an element: block ``block``, its radii at ``place`` in ``v``."""

    block: Block
    place: int


@dataclass(frozen=True, eq=False)
class Scaled:
    """``slope * source`` element by element; the slope's place in ``v``."""

    source: Dense
    slope: int

    @property
    def blocks(self) -> list[Block]:
        return list(self.source.rows)


@dataclass(frozen=True, eq=False)
class Mapped:
    """``W (slope * source)``; the panels of W in ``s``, and where its slope lies in ``v`` (or -1: one)."""

    source: Dense
    panels: int
    slope: int

    @property
    def blocks(self) -> list[Block]:
        return list(self.source.rows)


@dataclass(frozen=True, eq=False)
class Outer:
    """``W D`` for a diagonal D; ``columns`` are the rows of ``W.T`` in ``w``."""

    diagonal: Diagonal
    columns: Planes

    @property
    def blocks(self) -> list[Block]:
        return [self.diagonal.block]


@dataclass(frozen=True, eq=False)
class Placed:
    """A diagonal as rows."""

    diagonal: Diagonal

    @property
    def blocks(self) -> list[Block]:
        return [self.diagonal.block]


Term = Scaled | Mapped | Outer | Placed


def through(term: Term) -> int:
    """Roundings to single precision of what stands there already, where the term is put on top."""
    return single_precision.passes(term.source.size) if isinstance(term, Mapped) else 1


def rounds(terms: Sequence[Term]) -> int:
    """The most roundings in a row of any term of one entry, when the terms are added up in whatever order."""
    own = [single_precision.roundings(t.source.size) if isinstance(t, Mapped) else 1 for t in terms]
    return accounts.in_a_row(zip(own, map(through, terms), strict=True))
