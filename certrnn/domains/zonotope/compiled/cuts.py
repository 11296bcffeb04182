"""What the cuts of a function of two arguments ask for: how wide the pair is in fixed directions."""

from __future__ import annotations

from certrnn.domains import accounts, single_precision
from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled.allocation import Allocator, Value
from certrnn.domains.zonotope.compiled.program import Program
from certrnn.domains.zonotope.compiled.terms import Dense


def widths(allocator: Allocator, size: int, x: Value, y: Value) -> None:
    """How wide the pair of arguments is in each direction of the cuts."""
    program = allocator.program
    scratch = program.scratch
    ends: list[Dense | None] = []
    places: list[int] = []
    expanded: list[bool] = []
    for value, other in ((x, y), (y, x)):
        dense, partner = allocator.dense(value), allocator.dense(other)
        blocks = set(partner.rows if partner is not None else ())
        if other.diagonal is not None:
            blocks.add(other.diagonal.block)
        shared = value.diagonal is not None and value.diagonal.block in blocks
        expanded.append(shared)
        ends.append(allocator.expanded(value) if shared else dense)
        places.append(-1 if shared or value.diagonal is None else value.diagonal.place)
    program.emit(at.Clear(program.vector(at.DIRECTIONS), 8 * scratch.step))
    program.emit(at.Frame(x.planes, y.planes, size, scratch))
    _directions(allocator, ends, size)
    counts = [sum(program.sizes[b] for b in e.rows) if e is not None else 0 for e in ends]
    count = sum(counts) + sum(size for place in places if place >= 0)
    # where a diagonal became rows, it was rounded
    rounded = single_precision.gamma(2) if any(expanded) else 0.0
    charges = accounts.directions(count, rounded)
    program.emit(at.Widths(x.planes, y.planes, size, places[0], places[1], scratch, charges))


def _directions(allocator: Allocator, ends: list[Dense | None], size: int) -> None:
    """Symbols of both arguments direction by direction, the others by their absolute values."""
    program, (x, y) = allocator.program, ends
    run: list[int] = []
    shared = [b for b in x.rows if b in y.rows] if x is not None and y is not None else []
    for block in shared:
        assert x is not None
        assert y is not None
        count = program.sizes[block]
        if run and all(e.rows[block] == run[k] + run[2] for k, e in enumerate((x, y))):
            run[2] += count
            continue
        _shared(program, x, y, run, size)
        run = [x.rows[block], y.rows[block], count]
    if x is not None and y is not None:
        _shared(program, x, y, run, size)
    for k, end in enumerate(ends):
        for block, row in end.rows.items() if end is not None else ():
            if block not in shared:
                assert end is not None
                total = program.vector(at.ALONE + k)
                program.emit(at.Absolutes(program.sizes[block], size, end.at(row), total))


def _shared(program: Program, x: Dense, y: Dense, run: list[int], size: int) -> None:
    if run:
        program.emit(at.Directional(run[2], size, x.at(run[0]), y.at(run[1]), program.scratch))
