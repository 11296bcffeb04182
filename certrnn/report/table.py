"""Results as people read them: a table that fits its terminal, and a summary under it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from certrnn.report.results import Results
from certrnn.report.rows import Row

COLOURS = {
    "certified": "green",
    "falsified": "red",
    "unknown": "yellow",
    "timeout": "yellow",
    "misclassified": "dim",
    "error": "bold white on red",
}
ABSENT = "-"
_PADDING = 2


@dataclass(frozen=True)
class Column:
    """A column and what it shows; ``rank`` orders who leaves first where the terminal is narrow (the highest)."""

    title: str
    show: Callable[[Row], str]
    rank: int
    numeric: bool = True


COLUMNS = (
    Column("sample", lambda row: str(row.sample), 0),
    Column("frames", lambda row: frames(row.frames), 1, numeric=False),
    Column("label", lambda row: str(row.label), 5),
    Column("answer", lambda row: str(row.prediction), 6),
    Column("verdict", lambda row: row.verdict, 0, numeric=False),
    Column("eps", lambda row: asked(row.eps), 1),
    Column("certified eps", lambda row: number(row.eps_certified), 0),
    Column("attacked eps", lambda row: number(row.eps_attacked), 2),
    Column("share", lambda row: number(row.ratio), 3),
    Column("margin", lambda row: number(row.margin), 4),
    Column("seconds", lambda row: f"{row.seconds:.3f}", 7),
)


def number(value: float | None) -> str:
    """Four significant digits, zeros included.

    >>> number(0.0123456), number(0.25), number(None), number(12345.0)
    ('0.01235', '0.2500', '-', '1.234e+04')
    """
    return ABSENT if value is None else f"{value:#.4g}".removesuffix(".")


def asked(value: float | None) -> str:
    """An eps as it was asked, up to six digits."""
    return ABSENT if value is None else f"{value:.6g}"


def frames(value: str | list[int]) -> str:
    """Frames as ``--frames`` takes them.

    >>> frames([0, 3, 4, 5]), frames("all")
    ('0,3-5', 'all')
    """
    if isinstance(value, str):
        return value
    runs: list[list[int]] = []
    for frame in value:
        if runs and frame == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], frame]
        else:
            runs.append([frame])
    return ",".join("-".join(str(end) for end in run) for run in runs)


def table(results: Results, width: int) -> Table:
    """The table of the columns that hold anything and fit into ``width``."""
    out = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, _PADDING, 0, 0), show_edge=False)
    cells = {c: [c.show(row) for row in results] for c in COLUMNS}
    shown = _fitting({c: v for c, v in cells.items() if any(cell != ABSENT for cell in v)}, width)
    for column in shown:
        right = "right" if column.numeric else "left"
        out.add_column(column.title, justify=right, no_wrap=True, overflow="ellipsis")
    for position, row in enumerate(results):
        texts = [
            Text(cells[c][position], COLOURS[row.verdict] if c.title == "verdict" else "") for c in shown
        ]
        out.add_row(*texts)
    return out


def _fitting(cells: dict[Column, list[str]], width: int) -> list[Column]:
    sizes = {c: max(len(c.title), *(len(v) for v in values)) + _PADDING + 1 for c, values in cells.items()}
    shown = list(sizes)
    while sum(sizes[c] for c in shown) > width and any(c.rank for c in shown):
        shown.remove(max(shown, key=lambda c: c.rank))
    return shown


def summary(results: Results) -> list[str]:
    """Lines under the table: verdicts, means, and the share of samples that is verified at each eps."""
    counts = ", ".join(f"{n} {verdict}" for verdict, n in results.counts().items())
    lines = [f"{len(results)} row{'' if len(results) == 1 else 's'}: {counts or 'nothing finished'}"]
    mean, share = results.mean_certified(), results.mean_share()
    if mean is not None:
        tail = f", on average {100 * share:.1f} % of the attacked eps" if share is not None else ""
        lines.append(f"mean certified eps {number(mean)}{tail}")
    name = "verified accuracy" if results.labelled else "certified predictions"
    for eps, (good, samples) in results.verified().items():
        lines.append(
            f"{name} at eps {asked(eps)}: {100 * good / samples:.1f} % ({good} of {samples} samples)"
        )
    return lines


def heading(results: Results) -> str:
    """The model, and what the rows are about."""
    methods = sorted({row.method for row in results})
    said = [results.threat, results.demand, *methods] if methods else []
    about = "".join(f", {part}" for part in said if part)
    return f"{results.path} (sha256 {results.sha256[:12]}){about}"


def show(results: Results, console: Console) -> None:
    """Print heading, table, summary and notes."""
    console.print(Text(heading(results), "bold"), soft_wrap=True)
    if results.rows:
        console.print(table(results, console.width))
    for line in summary(results):
        console.print(Text(line), soft_wrap=True)
    for note in results.notes:
        console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)


def plain(results: Results, width: int) -> str:
    """What :func:`show` prints, without colours."""
    text = io.StringIO()
    show(results, Console(file=text, width=width, color_system=None, force_terminal=False))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())
