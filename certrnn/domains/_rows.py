"""Row bookkeeping: which noise symbols the generator rows of a value stand for.

A symbol is a number handed out once by the :class:`SymbolSpace` of its propagation. A value lists its symbols in
ascending order, one a row. Values are combined by symbol, never by position: two values of equal row counts may stand
for different symbols, and adding their rows by position would alias them, which is unsound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

Rows = np.ndarray
"""Symbol numbers, ascending int64, shape (m,)."""


class SymbolSpace:
    """Append-only supply of noise symbols for one propagation."""

    def __init__(self) -> None:
        self.size = 0

    def append(self, count: int) -> Rows:
        """``count`` symbols that nobody has used."""
        rows = np.arange(self.size, self.size + count, dtype=np.int64)
        self.size += count
        return rows


@dataclass(frozen=True)
class Segment:
    """A run of rows of a union that is contiguous in every value that has it: ``sources[i]`` starts it in value i
    (None where value i lacks these symbols)."""

    start: int
    stop: int
    sources: tuple[int | None, ...]


def union(members: Sequence[Rows]) -> Rows:
    """All symbols of the members, ascending."""
    first = members[0]
    if all(rows is first or np.array_equal(rows, first) for rows in members[1:]):
        return first
    return np.unique(np.concatenate(members))


def segments(total: Rows, members: Sequence[Rows]) -> Iterator[Segment]:
    """Cut the union ``total`` of the members into runs.

    >>> [(s.start, s.stop, s.sources) for s in segments(np.arange(4), [np.arange(4), np.array([2, 3])])]
    [(0, 2, (0, None)), (2, 4, (2, 0))]
    """
    if total.size == 0:
        return
    present = np.stack([np.isin(total, rows, assume_unique=True) for rows in members])
    changes = np.flatnonzero((present[:, 1:] != present[:, :-1]).any(axis=0)) + 1
    starts = np.concatenate([[0], changes])
    stops = np.concatenate([changes, [total.size]])
    before = np.concatenate([np.zeros((len(members), 1), np.int64), present.cumsum(axis=1)], axis=1)
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        sources = tuple(int(before[i, start]) if present[i, start] else None for i in range(len(members)))
        yield Segment(start, stop, sources)
