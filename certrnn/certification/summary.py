"""Rows as results: in order, with what a reader of them must know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from certrnn.certification.problem import parse_frames
from certrnn.certification.query import Query
from certrnn.certification.statement import spelled_samples
from certrnn.datasets import Sequences
from certrnn.io.data import parse_selection
from certrnn.results.certificates import Results, ordered
from certrnn.results.extent import Extent
from certrnn.results.figures import lower, upper
from certrnn.results.question import Question
from certrnn.results.row import Row
from certrnn.search import EpsGrid, PaperGrid
from certrnn.threats import WordSubstitution

SELF_CHECK = "THE SELF-CHECK FAILED: an attack succeeded inside a certified region. Please report this."
REASONS_SHOWN = 3


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


def expected_rows(sequences: Sequences, query: Query) -> Expected:
    """The rows that samples have once all of them are answered.

    Raises:
        UsageError: frames that some sequence does not have.
    """
    found: dict[int, list[int]] = {}
    for position, number in enumerate(sequences.numbers):
        first, stop = sequences.kind(position).span
        rows = len(parse_frames(query.frames, stop, first)) * len(query.eps or (None,))
        found.setdefault(rows, []).append(number)
    return tuple((rows, spelled_samples(numbers)) for rows, numbers in found.items())


def extent_of(expected: Expected, rows: Iterable[Row]) -> Extent:
    """How much of what is expected the rows are."""
    wanted = {number: rows for rows, samples in expected for number in parse_selection(samples)}
    held = Counter(row.sample for row in rows)
    unfinished = tuple(sorted(number for number, count in held.items() if count < wanted.get(number, count)))
    return Extent(len(wanted), sum(wanted.values()), unfinished)


def gathered(
    subject: Subject, query: Query, rows: Iterable[Row], expected: Expected, part: str = ""
) -> Results:
    """Results of the rows that are finished, of those that are expected.

    Args:
        part: what part of the run they are meant to be, such as ``shard 1/4``; "" for all of it.
    """
    done = ordered(rows)
    extent = extent_of(expected, done)
    notes = [subject.note] if subject.note else []
    if isinstance(query.threat, WordSubstitution):
        notes.append("eps 1 is full substitution: each word stays, or is replaced by one of its substitutes")
    if any(row.verdict == "error" and not row.reason for row in done):
        notes.append(SELF_CHECK)
    notes += _failures(done)
    notes += _edges(done, query)
    if part:
        notes.append(
            f"{part}: {len(done)} of all {extent.rows} rows; certrnn merge brings the shards together"
        )
    elif len(done) < extent.rows:
        notes.append(f"stopped early: {len(done)} of {extent.rows} rows are finished")
    return Results(
        subject.path,
        subject.sha256,
        done,
        subject.labelled,
        tuple(notes),
        subject.external,
        query.threat.name,
        query.specification.name,
        query.schedule.eps if query.eps is None and isinstance(query.schedule, EpsGrid) else (),
        question=subject.question,
        extent=extent,
    )


def _failures(rows: Sequence[Row]) -> list[str]:
    """Why rows could not be answered, the commonest reasons first."""
    counts = Counter((row.verdict, row.reason) for row in rows if row.reason)
    notes = []
    for (verdict, reason), count in counts.most_common(REASONS_SHOWN):
        samples = list(
            dict.fromkeys(row.sample for row in rows if (row.verdict, row.reason) == (verdict, reason))
        )
        shown = ", ".join(str(sample) for sample in samples[:5]) + (", .." if len(samples) > 5 else "")
        many = "row" if count == 1 else "rows"
        notes.append(f"{count} {many} ended in {verdict} (sample {shown}): {reason}")
    if len(counts) > REASONS_SHOWN:
        notes.append(f"and {len(counts) - REASONS_SHOWN} other reasons; the column reason holds each")
    return notes


def _edges(rows: Sequence[Row], query: Query) -> list[str]:
    """Where the paper's grid ends before the answer does."""
    grid = query.schedule
    if query.eps is not None or not isinstance(grid, PaperGrid):
        return []
    reach = sum(0.5**level for level in range(grid.first, grid.last))
    low, high = grid.start - reach, grid.start + reach
    notes = []
    if any(row.verdict == "unknown" for row in rows):
        notes.append(
            f"nothing certified at the grid's smallest eps {upper(low)} (unknown): --rel-tol goes below"
        )
    if any((row.eps_certified or 0.0) >= high for row in rows):
        notes.append(f"certified at the grid's largest eps {lower(high)}: --rel-tol goes above")
    return notes
