"""Row bookkeeping: which noise symbols the generator rows of a value stand for.

A symbol is a number handed out once by the :class:`.SymbolSpace` of its propagation. A value lists its symbols in
ascending order, one a row. Values are combined by symbol, never by position: two values of equal row counts may stand
for different symbols, and adding their rows by position would alias them, which is unsound.

Symbols come in long runs, so that a list of them is kept as a few half-open ranges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Rows = np.ndarray
"""Symbol numbers one by one, ascending int64, shape (m,)."""

Symbols = tuple[tuple[int, int], ...]
"""Symbol numbers as ascending, disjoint, non-empty ranges (start, stop)."""


@dataclass(frozen=True)
class Segment:
    """Rows start..stop of a union that are contiguous in every member that has them: ``sources[i]`` starts them in
    member i (None where member i lacks these symbols)."""

    start: int
    stop: int
    sources: tuple[int | None, ...]


def symbols_of(rows: Rows) -> Symbols:
    """Ranges of ascending symbol numbers.

    >>> symbols_of(np.array([0, 1, 4, 5, 7]))
    ((0, 2), (4, 6), (7, 8))
    """
    if not len(rows):
        return ()
    breaks = (np.flatnonzero(np.diff(rows) != 1) + 1).tolist()
    starts, stops = [0, *breaks], [*breaks, len(rows)]
    return tuple((int(rows[a]), int(rows[b - 1]) + 1) for a, b in zip(starts, stops, strict=True))


def rows_of(symbols: Symbols) -> Rows:
    """The numbers one by one.

    >>> rows_of(((0, 2), (5, 6))).tolist()
    [0, 1, 5]
    """
    return np.concatenate([np.arange(a, b, dtype=np.int64) for a, b in symbols] or [np.zeros(0, np.int64)])


def count(symbols: Symbols) -> int:
    """How many numbers."""
    return sum(b - a for a, b in symbols)


def part(symbols: Symbols, start: int, stop: int) -> Symbols:
    """The symbols of rows start..stop.

    >>> part(((0, 4), (8, 12)), 2, 6)
    ((2, 4), (8, 10))
    """
    taken, seen = [], 0
    for a, b in symbols:
        low, high = max(a, a + start - seen), min(b, a + stop - seen)
        seen += b - a
        if low < high:
            taken.append((low, high))
    return tuple(taken)


def union(members: Sequence[Symbols]) -> Symbols:
    """All symbols of the members.

    >>> union([((0, 2), (7, 9)), ((2, 5),), ((8, 11),)])
    ((0, 5), (7, 11))
    """
    if all(member == members[0] for member in members[1:]):
        return members[0]
    merged: list[list[int]] = []
    for a, b in sorted(pair for member in members for pair in member):
        if merged and a <= merged[-1][1]:
            merged[-1][1] = max(b, merged[-1][1])
        else:
            merged.append([a, b])
    return tuple((a, b) for a, b in merged)


def meet(one: Symbols, other: Symbols) -> bool:
    """Whether two lists share a symbol."""
    return count(union([one, other])) < count(one) + count(other)


def segments(members: Sequence[Symbols]) -> list[Segment]:
    """Cut the union of the members into runs.

    >>> [(s.start, s.stop, s.sources) for s in segments([((0, 4),), ((2, 4), (9, 10))])]
    [(0, 2, (0, None)), (2, 4, (2, 0)), (4, 5, (None, 2))]
    """
    cuts = sorted({end for member in members for pair in member for end in pair})
    runs: list[Segment] = []
    position, place, row = 0, [0] * len(members), [0] * len(members)
    for low, high in pairwise(cuts):
        sources: list[int | None] = []
        for i, member in enumerate(members):
            inside = place[i] < len(member) and member[place[i]][0] <= low
            sources.append(row[i] if inside else None)
            if inside:
                row[i] += high - low
                place[i] += member[place[i]][1] == high
        if any(source is not None for source in sources):
            runs.append(Segment(position, position + high - low, tuple(sources)))
            position += high - low
    return runs
