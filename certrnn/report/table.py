"""Results as people read them: a table that fits its terminal, and a summary under it."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from certrnn.report.spoken import short
from certrnn.results.certificates import Results
from certrnn.results.changes import spelled_changes
from certrnn.results.figures import ABSENT, eps_lower, exact, lower, mean, percent_lower, upper
from certrnn.results.row import Row, ratio, spelled
from certrnn.results.samples import Sample, finished

COLOURS = {
    "certified": "green",
    "falsified": "red",
    "unknown": "yellow",
    "timeout": "yellow",
    "misclassified": "dim",
    "error": "bold white on red",
}
SHOWN = 3
"""Changes of a counterexample that a cell names."""
MINIMUM = "min"
"""Frames of the row that holds the smallest of a sample's."""
number = eps_lower
"""What certified amounts are printed as."""
_PADDING = 2


def certified(row: Row) -> str:
    """What a row proves; of an eps that was asked, as it was asked."""
    same = row.eps is not None and row.eps_certified == row.eps
    return exact(row.eps) if same else eps_lower(row.eps_certified)


def _class(number: int) -> str:
    """A class; a row without an answer has none."""
    return str(number) if number >= 0 else ABSENT


@dataclass(frozen=True)
class Column:
    """A column and what it shows; ``rank`` orders who leaves first where the terminal is narrow (the highest)."""

    title: str
    show: Callable[[Row], str]
    rank: int
    numeric: bool = True


COLUMNS = (
    Column("sample", lambda row: str(row.sample), 0),
    Column("frames", lambda row: spelled(row.frames), 1, numeric=False),
    Column("label", lambda row: _class(row.label), 5),
    Column("answer", lambda row: _class(row.prediction), 6),
    Column("verdict", lambda row: row.verdict, 0, numeric=False),
    Column("eps", lambda row: exact(row.eps), 1),
    Column("certified eps", lambda row: certified(row), 0),
    Column("attacked eps", lambda row: upper(row.eps_attacked), 2),
    Column("share", lambda row: lower(row.ratio), 3),
    Column("margin", lambda row: lower(row.margin), 4),
    Column(
        "changed",
        lambda row: spelled_changes(row.changed[:SHOWN]) if row.changed else ABSENT,
        8,
        numeric=False,
    ),
    Column("seconds", lambda row: f"{row.seconds:.3f}", 7),
)


def columns(results: Results) -> dict[Column, list[str]]:
    """The columns that hold anything, and their cells.

    Where the data has no labels there is no column of them. Where nothing was certified at the smallest eps that was
    tried, the certified eps is below that one.
    """
    shown = [c for c in COLUMNS if results.labelled or c.title != "label"]
    cells = {c: [c.show(row) for row in results] for c in shown}
    floor = None if results.question is None else results.question.way.floor
    if floor is not None:
        column = next(c for c in shown if c.title == "certified eps")
        for place, row in enumerate(results):
            if row.eps is None and row.verdict == "unknown" and row.eps_certified == 0.0:
                cells[column][place] = f"< {upper(floor)}"
    return {c: texts for c, texts in cells.items() if any(text != ABSENT for text in texts)}


def table(results: Results, width: int) -> Table:
    """The table of the columns that hold anything and fit into ``width``."""
    out = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, _PADDING, 0, 0), show_edge=False)
    results = with_minima(results)
    cells = columns(results)
    shown = _fitting(cells, width)
    for column in shown:
        right = "right" if column.numeric else "left"
        out.add_column(column.title, justify=right, no_wrap=True, overflow="ellipsis")
    for position, row in enumerate(results):
        texts = [
            Text(cells[c][position], COLOURS[row.verdict] if c.title == "verdict" else "") for c in shown
        ]
        out.add_row(*texts, style="bold" if row.frames == MINIMUM else "")
    return out


def with_minima(results: Results) -> Results:
    """With a row after each sample whose frames were searched one by one: the smallest eps of them, which is what
    Cert-RNN's Algorithm 1 returns."""
    rows: list[Row] = []
    own: dict[int, list[Row]] = {}
    for row in results:
        own.setdefault(row.sample, []).append(row)
    minima = {sample.number: sample for sample in finished(results) if sample.right}
    for number, some in own.items():
        rows += some
        searched = len(some) > 1 and all(row.eps is None and isinstance(row.frames, list) for row in some)
        if searched and number in minima:
            rows.append(_minimum(minima[number], sum(row.seconds for row in some)))
    return replace(results, rows=tuple(rows))


def not_shown(results: Results, width: int) -> list[str]:
    """Titles of the columns that hold something and do not fit."""
    cells = columns(with_minima(results))
    shown = _fitting(cells, width)
    return [column.title for column in cells if column not in shown]


def _minimum(sample: Sample, seconds: float) -> Row:
    """The row that holds the smallest of a sample's."""
    far = None if sample.attacked == math.inf else sample.attacked
    share = ratio(sample.certified, far)
    return replace(
        sample.weakest,
        frames=MINIMUM,
        eps_certified=sample.certified,
        eps_attacked=far,
        ratio=share,
        seconds=seconds,
        changed=None,
    )


def _fitting(cells: dict[Column, list[str]], width: int) -> list[Column]:
    sizes = {c: max(len(c.title), *(len(v) for v in values)) + _PADDING + 1 for c, values in cells.items()}
    shown = list(sizes)
    while sum(sizes[c] for c in shown) > width and any(c.rank for c in shown):
        shown.remove(max(shown, key=lambda c: c.rank))
    return shown


def summary(results: Results) -> list[str]:
    """Lines under the table: verdicts, means, and the share of samples that is verified at each eps. Every share says
    of what."""
    counts = ", ".join(f"{n} {verdict}" for verdict, n in results.counts().items())
    lines = [f"{_rows(results)}: {counts or 'nothing finished'}"]
    values, shares = results.searched(), results.shares()
    if values:
        tail = f", on average {percent_lower(mean(shares) or 0)} of the attacked eps" if shares else ""
        beside = f" of {len(shares)} of them" if 0 < len(shares) < len(values) else ""
        rows = "row" if len(values) == 1 else "rows"
        lines.append(
            f"mean certified eps {lower(mean(values))}{tail}{beside} (over {len(values)} searched {rows})"
        )
    return [*lines, *_verified(results)]


def _rows(results: Results) -> str:
    """How many rows there are, and of how many."""
    count = len(results)
    of = "" if results.extent is None or results.whole else f" of {results.extent.rows}"
    return f"{count}{of} row{'' if count == 1 and not of else 's'}"


def _verified(results: Results) -> list[str]:
    """At each eps that was asked, how many of the finished samples are certified on every row."""
    verified = results.verified()
    if not verified and any(row.eps is not None for row in results):
        return ["no share of samples: of none of them all rows are finished"]
    samples = finished(results)
    silent = sum(not sample.known for sample in samples)
    beside = f"; {silent} of them without an answer" if silent else ""
    return [
        f"{verified_name(results)} at eps {exact(eps)}: {percent_lower(good, count)} "
        f"({good} of {results.of_samples(count)}{beside})"
        for eps, (good, count) in verified.items()
    ]


def verified_name(results: Results) -> str:
    """What the share of samples that are certified on every row is called: an accuracy only where the data's labels
    must stay the answers."""
    if results.specification:
        return results.specification
    return "verified accuracy" if results.labelled else "certified predictions"


def heading(results: Results) -> str:
    """The model, and what the rows are about."""
    methods = sorted({row.method for row in results})
    said = [results.threat, results.specification, *methods] if methods else []
    about = "".join(f", {part}" for part in said if part)
    return f"{results.path} (sha256 {results.sha256[:12]}){about}"


def show(results: Results, console: Console) -> None:
    """Print heading, table, summary and notes."""
    console.print(Text(heading(results), "bold"), soft_wrap=True)
    if results.rows:
        console.print(table(results, console.width))
        hidden = not_shown(results, console.width)
        if hidden:
            console.print(
                Text(f"no room for: {', '.join(hidden)} (--json has them all)", "dim"), soft_wrap=True
            )
    for line in [*summary(results), *short(results.question)]:
        console.print(Text(line), soft_wrap=True)
    for note in results.notes:
        console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)


def plain(results: Results, width: int = 100) -> str:
    """What :func:`show` prints, without colours."""
    text = io.StringIO()
    show(results, Console(file=text, width=width, color_system=None, force_terminal=False))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())
