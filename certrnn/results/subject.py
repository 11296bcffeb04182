"""What the rows of a run are about, and how many of them there will be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from certrnn.io.data import parse_selection
from certrnn.results.extent import Extent
from certrnn.results.question import Question
from certrnn.results.record import Record


@dataclass(frozen=True)
class Subject:
    """What the rows are about.

    Args:
        path: the model as the user named it.
        sha256: of the model file.
        external: file name to sha256 of the files that hold the model's weights beside it.
        labelled: whether the data had labels.
        note: what was done to the data, or "".
        question: what the rows depend on besides the model's files; None where a program asked for a plan alone.
    """

    path: str
    sha256: str
    external: tuple[tuple[str, str], ...]
    labelled: bool
    note: str = ""
    question: Question | None = None

    def anywhere(self) -> Subject:
        """Without the names of files: the same subject wherever these lie."""
        return replace(self, path="", question=self.question and self.question.anywhere())


Expected = tuple[tuple[int, str], ...]
"""How many rows which samples have: ``((8, "0:20"),)``."""


def extent_of(expected: Expected, rows: Iterable[Record]) -> Extent:
    """How much of what is expected the rows are."""
    wanted = {number: rows for rows, samples in expected for number in parse_selection(samples)}
    held = Counter(row.sample for row in rows)
    unfinished = tuple(sorted(number for number, count in held.items() if count < wanted.get(number, count)))
    return Extent(len(wanted), sum(wanted.values()), unfinished)


def early(rows: int, extent: Extent, part: str = "", noun: str = "rows") -> tuple[str, ...]:
    """A note where rows are missing.

    Args:
        rows: how many there are.
        part: what part of the run they are meant to be, such as ``shard 1/4``; "" for all of it.
        noun: what the reader calls them.
    """
    if part:
        return (f"{part}: {rows} of all {extent.rows} {noun}; certrnn merge brings the shards together",)
    return (f"stopped early: {rows} of {extent.rows} {noun} are finished",) if rows < extent.rows else ()
