"""How the terms of generators are added up: which instructions, for which runs of symbols."""

from __future__ import annotations

from collections.abc import Sequence

from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled.operands import NOTHING
from certrnn.domains.zonotope.compiled.product import PANEL, pad
from certrnn.domains.zonotope.compiled.program import Program
from certrnn.domains.zonotope.compiled.records import Buffer
from certrnn.domains.zonotope.compiled.terms import Block, Dense, Mapped, Outer, Placed, Scaled, Term

_ORDER = (Placed, Mapped, Outer, Scaled)
_SOURCES = 4
"""Scaled terms that one instruction combines."""


def form(program: Program, terms: Sequence[Term], size: int, total: int) -> Dense:
    """Write down how ``terms`` are added up: a new buffer, and sums of absolute values at ``total`` in ``v``."""
    rows: dict[Block, int] = {}
    count = 0
    for kind in (Mapped, Scaled, Outer, Placed):
        for term in terms:
            for block in term.blocks if isinstance(term, kind) else ():
                if block not in rows:
                    rows[block] = count
                    count += program.sizes[block]
    out = Dense(Buffer(count, pad(size)), rows, 0, size, total)
    program.emit(at.Clear(total, pad(size)))
    for blocks, members in _runs(program, out, terms):
        _fill(program, out, blocks, members)
    return out


def _row(term: Term, block: Block) -> int:
    """Where the block starts in what the term reads."""
    return term.source.rows[block] if isinstance(term, Scaled | Mapped) else 0


def _runs(program: Program, out: Dense, terms: Sequence[Term]) -> list[tuple[list[Block], list[Term]]]:
    """Runs of blocks that lie in a row in the result and in everything that they are made of."""
    runs: list[tuple[list[Block], list[Term]]] = []
    for block in out.rows:
        members = [t for kind in _ORDER for t in terms if isinstance(t, kind) and block in t.blocks]
        joins = False
        if runs and runs[-1][1] == members and all(isinstance(t, Scaled | Mapped) for t in members):
            before = runs[-1][0][-1]
            joins = all(_row(t, block) == _row(t, before) + program.sizes[before] for t in members)
        if joins:
            runs[-1][0].append(block)
        else:
            runs.append(([block], members))
    return runs


def _fill(program: Program, out: Dense, blocks: list[Block], members: list[Term]) -> None:
    first, count = blocks[0], sum(program.sizes[b] for b in blocks)
    passes: list[list[Term]] = []
    for term in members:
        joins = passes and isinstance(term, Scaled) and isinstance(passes[-1][0], Scaled)
        if joins and len(passes[-1]) < _SOURCES:
            passes[-1].append(term)
        else:
            passes.append([term])
    rows = out.at(out.rows[first])
    for number, group in enumerate(passes):
        last = number == len(passes) - 1
        target = at.Target(*rows, out.total if last else program.idle, int(number > 0))
        match group[0]:
            case Placed(diagonal):
                program.emit(at.Diagonal(count, diagonal.place, rows, target.added))
                if last:
                    program.emit(at.Absolutes(count, out.size, rows, out.total))
            case Mapped(source, panels, slope):
                operands = count, source.at(_row(group[0], first))
                weights = at.Panels(panels, rows.stride // PANEL, source.size)
                if slope < 0:
                    program.emit(at.Product(*operands, weights, target))
                else:
                    program.emit(at.ScaledProduct(*operands, weights, slope, target))
            case Outer(diagonal, columns):
                program.emit(at.Outer(count, out.size, diagonal.place, columns, target))
            case Scaled():
                sources = [
                    at.Source(*t.source.at(_row(t, first)), t.slope) for t in group if isinstance(t, Scaled)
                ]
                a, b, c, d = *sources, *[NOTHING] * (_SOURCES - len(sources))
                program.emit(at.Combine(count, out.size, len(sources), a, b, c, d, program.idle, target))
