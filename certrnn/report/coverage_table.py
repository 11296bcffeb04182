"""Coverage as people read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from certrnn.report.columns import Strip, fitted
from certrnn.report.spoken import short
from certrnn.results.coverage import CoverageResults, CoverageRow
from certrnn.results.figures import ABSENT

if TYPE_CHECKING:
    from rich.console import Console

LISTED = 12
"""Units that are listed before a line says how many more there are."""


def show_coverage(results: CoverageResults, console: Console) -> None:
    """Print heading, table, what was never reached, and notes."""
    from rich.text import Text

    heading = f"{results.path} (sha256 {results.sha256[:12]}), coverage of {results.samples} samples"
    console.print(Text(heading, "bold"), soft_wrap=True)
    console.print(fitted(_strips(results), console.width))
    for line in [*_never(results), *_about(results), *short(results.question)[1:]]:
        console.print(Text(line), soft_wrap=True)
    for note in results.notes:
        console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)


def percent(share: float | None) -> str:
    """A share with two decimals; what is not nothing does not look like it, nor what is not all.

    >>> percent(0.5), percent(1e-7), percent(1 - 1e-7), percent(0.0), percent(1.0)
    ('50.00 %', '<0.01 %', '>99.99 %', '0.00 %', '100.00 %')
    """
    if share is None:
        return ABSENT
    if 0 < share < 1e-4:
        return "<0.01 %"
    return ">99.99 %" if 0.9999 < share < 1 else f"{100 * share:.2f} %"


def _strips(results: CoverageResults) -> list[Strip]:
    rows = results.rows
    early = _early(rows[0].curve) if rows else []
    strips = [
        Strip("metric", tuple(row.metric for row in rows), numeric=False),
        Strip("section", tuple(row.section or ABSENT for row in rows), numeric=False),
    ]
    for rank, count in enumerate(early):
        cells = tuple(percent(dict(row.curve)[count]) for row in rows)
        strips.append(Strip(f"after {count}", cells, rank=4 + rank))
    strips.append(Strip("coverage", tuple(percent(row.coverage) for row in rows)))
    strips.append(Strip("beside", tuple(percent(row.beside) for row in rows), rank=1))
    strips.append(Strip("together", tuple(percent(row.together) for row in rows), rank=2))
    never = tuple(f"{row.unreached} of {row.units}" for row in rows)
    return [*strips, Strip("units never reached", never, rank=3)]


def _early(curve: Sequence[tuple[int, float]]) -> list[int]:
    """Numbers of samples that the table shows: the first, about a tenth, and about half of them."""
    counts = [count for count, _ in curve]
    wanted = (1, counts[-1] / 10, counts[-1] / 2)
    near = {min(counts, key=lambda count: abs(count - want)) for want in wanted}
    return sorted(near - {counts[-1]})


def _never(results: CoverageResults) -> list[str]:
    """What was never reached, a line for each metric and section: whole layers, or units by their numbers."""
    return [
        f"never reached, {row.metric} {row.section}".rstrip() + f": {'; '.join(_units(row))}"
        for row in results.rows
        if row.never
    ]


def _units(row: CoverageRow) -> list[str]:
    if row.unreached == row.units:
        return ["no unit of any layer"]
    parts = []
    for one in row.never:
        listed = ", ".join(map(str, one.units[:LISTED]))
        more = f" and {len(one.units) - LISTED} more" if len(one.units) > LISTED else ""
        parts.append(f"{one.layer} {listed}{more}")
    return parts


def _about(results: CoverageResults) -> list[str]:
    told = ", ".join(f"{name.replace('_', '-')} {value}" for name, value in results.options if value)
    name, count = results.beside
    beside = [f"beside: {name}, {count} samples"] if count else []
    return [f"counted: {told}", *beside]
