"""Rows as results: in order, with what a reader of them must know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from certrnn.certification.query import Query
from certrnn.results.certificates import Results, ordered
from certrnn.results.figures import lower, upper
from certrnn.results.row import Row
from certrnn.results.subject import Expected, Subject, early, extent_of
from certrnn.search import EpsGrid, PaperGrid
from certrnn.threats import Edits, WordSubstitution

SELF_CHECK = "THE SELF-CHECK FAILED: an attack succeeded inside a certified region. Please report this."
REASONS_SHOWN = 3


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
    if isinstance(query.threat, Edits):
        notes.append(f"eps 1 is {query.threat.name}, wherever the frames that were asked allow")
    if any(row.verdict == "error" and not row.reason for row in done):
        notes.append(SELF_CHECK)
    notes += _failures(done)
    notes += _edges(done, query)
    notes += early(len(done), extent, part)
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
