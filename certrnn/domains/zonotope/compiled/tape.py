"""The structure of generators, known before any number: which symbols, in which rows, added up from what.

Symbols come in blocks, one for each input and each relaxed function; a block always occurs whole. What happens to the
numbers is written to a :class:`Tape`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled import single_precision as singles
from certrnn.domains.zonotope.compiled.product import PANEL, pad

Block = int
"""Number of a block of symbols."""


@dataclass(eq=False)
class Buffer:
    """Rows of generators in ``g``; ``start`` is filled in when all instructions are known."""

    rows: int
    stride: int
    start: int = -1


@dataclass(frozen=True)
class Place:
    """An operand that depends on where a buffer will lie: ``offset`` numbers into it."""

    buffer: Buffer
    offset: int


@dataclass(frozen=True, eq=False)
class Dense:
    """Columns ``first .. first + size`` of a buffer; ``rows`` says where each block starts, ``total`` where the sums of
    absolute values lie in ``v``."""

    buffer: Buffer
    rows: dict[Block, int]
    first: int
    size: int
    total: int

    def at(self, row: int) -> Place:
        return Place(self.buffer, row * self.buffer.stride + self.first)


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
    """``W D`` for a diagonal D; rows of ``W.T`` lie at ``rows`` in ``w``, ``stride`` apart."""

    diagonal: Diagonal
    rows: int
    stride: int

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
    return singles.passes(term.source.size) if isinstance(term, Mapped) else 1


def rounds(terms: Sequence[Term]) -> int:
    """The most roundings in a row of any term of one entry, when the terms are added up in whatever order."""
    total = sum(map(through, terms))
    own = [singles.roundings(t.source.size) if isinstance(t, Mapped) else 1 for t in terms]
    return max((n + total - through(t) for n, t in zip(own, terms, strict=True)), default=0)


_ORDER = (Placed, Mapped, Outer, Scaled)


@dataclass(eq=False)
class Tape:
    """Instructions, as rows of numbers and places, and the factors that go with them."""

    sizes: list[int] = field(default_factory=list)
    rows: list[tuple[int | Place, ...]] = field(default_factory=list)
    factors: list[tuple[float, ...]] = field(default_factory=list)
    scratch: int = 0
    scratch_stride: int = 0

    def block(self, size: int) -> Block:
        """A new block of symbols."""
        self.sizes.append(size)
        return len(self.sizes) - 1

    def emit(self, *row: int | Place, factors: tuple[float, ...] = ()) -> None:
        self.rows.append(row)
        self.factors.append(factors)

    @property
    def idle(self) -> int:
        """A vector that nothing reads."""
        return self.scratch + at.IDLE * self.scratch_stride


def form(tape: Tape, terms: Sequence[Term], size: int, total: int) -> Dense:
    """Write down how ``terms`` are added up: a new buffer, and sums of absolute values at ``total`` in ``v``."""
    rows: dict[Block, int] = {}
    count = 0
    for kind in (Mapped, Scaled, Outer, Placed):
        for term in terms:
            for block in term.blocks if isinstance(term, kind) else ():
                if block not in rows:
                    rows[block] = count
                    count += tape.sizes[block]
    out = Dense(Buffer(count, pad(size)), rows, 0, size, total)
    tape.emit(at.CLEAR, total, pad(size))
    for blocks, members in _runs(tape, out, terms):
        _fill(tape, out, blocks, members, total)
    return out


def _row(term: Term, block: Block) -> int:
    """Where the block starts in what the term reads."""
    return term.source.rows[block] if isinstance(term, Scaled | Mapped) else 0


def _runs(tape: Tape, out: Dense, terms: Sequence[Term]) -> list[tuple[list[Block], list[Term]]]:
    """Runs of blocks that lie in a row in the result and in everything that they are made of."""
    runs: list[tuple[list[Block], list[Term]]] = []
    for block in out.rows:
        members = [t for kind in _ORDER for t in terms if isinstance(t, kind) and block in t.blocks]
        joins = False
        if runs and runs[-1][1] == members and all(isinstance(t, Scaled | Mapped) for t in members):
            before = runs[-1][0][-1]
            joins = all(_row(t, block) == _row(t, before) + tape.sizes[before] for t in members)
        if joins:
            runs[-1][0].append(block)
        else:
            runs.append(([block], members))
    return runs


def _fill(tape: Tape, out: Dense, blocks: list[Block], members: list[Term], total: int) -> None:
    first, count = blocks[0], sum(tape.sizes[b] for b in blocks)
    target, stride = out.at(out.rows[first]), out.buffer.stride
    passes: list[list[Term]] = []
    for term in members:
        joins = passes and isinstance(term, Scaled) and isinstance(passes[-1][0], Scaled)
        if joins and len(passes[-1]) < 4:
            passes[-1].append(term)
        else:
            passes.append([term])
    for number, group in enumerate(passes):
        added, last = int(number > 0), number == len(passes) - 1
        sums, term = total if last else tape.idle, group[0]
        match term:
            case Placed():
                tape.emit(at.PLACE, count, out.size, target, stride, added, term.diagonal.place)
                if last:
                    tape.emit(at.ABSOLUTES, count, out.size, target, stride, total)
            case Mapped():
                source, panels = term.source.at(_row(term, first)), stride // PANEL
                given = (source, term.source.buffer.stride, count, term.panels, panels, term.source.size)
                if term.slope < 0:
                    tape.emit(at.PRODUCT, *given, target, stride, sums, added)
                else:
                    tape.emit(at.SCALED_PRODUCT, *given, target, stride, sums, added, term.slope)
            case Outer():
                given = (term.diagonal.place, term.rows, term.stride)
                tape.emit(at.OUTER, count, out.size, target, stride, sums, added, *given)
            case Scaled():
                read: list[int | Place] = []
                for t in group:
                    assert isinstance(t, Scaled)
                    read += [t.source.at(_row(t, first)), t.source.buffer.stride, t.slope]
                tape.emit(at.COMBINE, count, out.size, target, stride, sums, added, len(group), *read)


def assign(tape: Tape) -> int:
    """Lay out the buffers so that those in use at the same time do not overlap; returns the numbers needed."""
    last: dict[int, int] = {}
    found: dict[int, Buffer] = {}
    first: dict[int, int] = {}
    for number, row in enumerate(tape.rows):
        for operand in row:
            if isinstance(operand, Place):
                key = id(operand.buffer)
                last[key], found[key] = number, operand.buffer
                first.setdefault(key, number)
    peak, live = 0, list[Buffer]()
    for key in sorted(found, key=first.__getitem__):
        live = [b for b in live if last[id(b)] >= first[key]]
        buffer = found[key]
        length, start = buffer.rows * buffer.stride, 0
        for other in sorted(live, key=lambda b: b.start):
            if other.start - start >= length:
                break
            start = max(start, other.start + other.rows * other.stride)
        buffer.start = start
        live.append(buffer)
        peak = max(peak, start + length)
    return peak
