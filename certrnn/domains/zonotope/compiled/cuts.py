"""What the cuts of a function of two arguments ask for: how wide the pair is in fixed directions."""

from __future__ import annotations

from certrnn.domains.rounding import gamma, raising
from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled import single_precision as singles
from certrnn.domains.zonotope.compiled.allocation import Allocator, Value
from certrnn.domains.zonotope.compiled.tape import Dense, Tape


def widths(sheet: Allocator, size: int, x: Value, y: Value) -> None:
    """How wide the pair of arguments is in each direction of the cuts."""
    tape = sheet.tape
    scratch, step = tape.scratch, tape.scratch_stride
    ends: list[Dense | None] = []
    places: list[int] = []
    expanded: list[bool] = []
    for value, other in ((x, y), (y, x)):
        dense, found = sheet.dense(value), sheet.dense(other)
        blocks = set(found.rows if found is not None else ())
        if other.diagonal is not None:
            blocks.add(other.diagonal.block)
        shared = value.diagonal is not None and value.diagonal.block in blocks
        expanded.append(shared)
        ends.append(sheet.expanded(value) if shared else dense)
        places.append(-1 if shared or value.diagonal is None else value.diagonal.place)
    tape.emit(at.CLEAR, scratch + at.DIRECTIONS * step, 8 * step)
    tape.emit(at.FRAME, *x.planes, *y.planes, size)
    _directions(sheet, ends, size)
    counts = [sum(tape.sizes[b] for b in e.rows) if e is not None else 0 for e in ends]
    count = sum(counts) + sum(size for place in places if place >= 0)
    # where a diagonal became rows, it was rounded
    rounded = singles.gamma(2) if any(expanded) else 0.0
    errors = (2.0 * gamma(count + 8), raising(count + 8), raising(2), 0.0, rounded)
    tape.emit(at.WIDTHS, *x.planes, *y.planes, size, *places, factors=errors)


def _directions(sheet: Allocator, ends: list[Dense | None], size: int) -> None:
    """Symbols of both arguments direction by direction, the others by their absolute values."""
    tape, (x, y) = sheet.tape, ends
    alone = tape.scratch + at.ALONE * tape.scratch_stride
    run: list[int] = []
    shared = [b for b in x.rows if b in y.rows] if x is not None and y is not None else []
    for block in shared:
        assert x is not None
        assert y is not None
        count = tape.sizes[block]
        if run and all(e.rows[block] == run[k] + run[2] for k, e in enumerate((x, y))):
            run[2] += count
            continue
        _shared(tape, x, y, run, size)
        run = [x.rows[block], y.rows[block], count]
    if x is not None and y is not None:
        _shared(tape, x, y, run, size)
    for k, end in enumerate(ends):
        for block, row in end.rows.items() if end is not None else ():
            if block not in shared:
                assert end is not None
                total = alone + k * tape.scratch_stride
                tape.emit(at.ABSOLUTES, tape.sizes[block], size, end.at(row), end.buffer.stride, total)


def _shared(tape: Tape, x: Dense, y: Dense, run: list[int], size: int) -> None:
    if run:
        ends = (x.at(run[0]), x.buffer.stride, y.at(run[1]), y.buffer.stride)
        tape.emit(at.DIRECTIONAL, run[2], size, *ends)
