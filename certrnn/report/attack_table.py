"""What an attack found, as people read it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from certrnn.report.spoken import short
from certrnn.report.table import COLOURS, SHOWN
from certrnn.results.attacks import AttackResults, AttackRow, ReplayedRow, ReplayResults
from certrnn.results.changes import spelled_changes
from certrnn.results.figures import ABSENT, exact, upper
from certrnn.results.row import spelled

R = TypeVar("R")
Cells = Sequence[tuple[str, Callable[[R], str]]]

ATTACKED: Cells[AttackRow] = (
    ("sample", lambda row: str(row.sample)),
    ("frames", lambda row: spelled(row.frames)),
    ("label", lambda row: str(row.label)),
    ("target", lambda row: _whole(row.target)),
    ("verdict", lambda row: row.verdict),
    ("answer", lambda row: _whole(row.answer)),
    ("eps", lambda row: exact(row.eps)),
    ("radius", lambda row: upper(row.radius)),
    ("l-inf", lambda row: upper(row.linf)),
    ("l2", lambda row: upper(row.l2)),
    ("l0", lambda row: _whole(row.l0)),
    ("changed", lambda row: _changed(row)),
    ("seconds", lambda row: f"{row.seconds:.3f}"),
    ("why not", lambda row: row.reason or ABSENT),
)
REPLAYED: Cells[ReplayedRow] = (
    ("sample", lambda row: str(row.sample)),
    ("frames", lambda row: spelled(row.frames)),
    ("label", lambda row: str(row.label)),
    ("target", lambda row: _whole(row.target)),
    ("eps", lambda row: exact(row.eps)),
    ("undisturbed", lambda row: str(row.undisturbed)),
    ("answer", lambda row: str(row.answer)),
    ("replay", lambda row: "confirmed" if row.confirmed else "refuted"),
    ("why not", lambda row: row.reason or ABSENT),
)
LEFT = {"frames", "verdict", "changed", "why not", "replay"}


def show_attack(results: AttackResults, console: Console) -> None:
    """Print heading, table, summary and notes."""
    said = [results.attack, results.threat, results.specification]
    heading = ", ".join([f"{results.path} (sha256 {results.sha256[:12]})", *filter(None, said)])
    console.print(Text(heading, "bold"), soft_wrap=True)
    _print_table(results.rows, ATTACKED, console)
    counts = ", ".join(f"{n} {verdict}" for verdict, n in results.counts().items())
    rows = len(results.rows)
    console.print(f"{rows} row{'' if rows == 1 else 's'}: {counts or 'nothing finished'}", soft_wrap=True)
    means = results.means()
    if means is not None:
        linf, l2, l0 = means
        console.print(
            f"mean distance of the counterexamples: l-inf {upper(linf)}, l2 {upper(l2)}, l0 {upper(l0)} features",
            soft_wrap=True,
        )
    for text in _texts(results):
        console.print(text, soft_wrap=True)
    for line in short(results.question):
        console.print(Text(line), soft_wrap=True)
    for note in results.notes:
        console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)


def show_replay(results: ReplayResults, console: Console) -> None:
    """Print heading, table, summary and notes."""
    heading = f"{results.file} on {results.path} (sha256 {results.sha256[:12]})"
    console.print(Text(heading, "bold"), soft_wrap=True)
    _print_table(results.rows, REPLAYED, console)
    good = sum(row.confirmed for row in results.rows)
    console.print(f"{good} of {len(results.rows)} counterexamples confirmed by onnxruntime", soft_wrap=True)
    for note in results.notes:
        console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)


def _print_table(rows: Sequence[R], columns: Cells[R], console: Console) -> None:
    """The columns that hold anything."""
    cells = {title: [show(row) for row in rows] for title, show in columns}
    shown = [title for title, values in cells.items() if any(value != ABSENT for value in values)]
    if not shown:
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for title in shown:
        table.add_column(title, justify="left" if title in LEFT else "right", overflow="fold")
    for place in range(len(rows)):
        values = [cells[title][place] for title in shown]
        table.add_row(*(Text(value, COLOURS.get(value, "")) for value in values))
    console.print(table)


def _whole(value: int | None) -> str:
    return ABSENT if value is None else str(value)


def _changed(row: AttackRow) -> str:
    changed = row.changed or ()
    shown = spelled_changes(changed[:SHOWN])
    return (f"{shown}; .." if len(changed) > SHOWN else shown) or ABSENT


def _texts(results: AttackResults) -> list[Text]:
    """The texts with their changes marked, a line each."""
    lines = []
    for row in results.rows:
        if row.text:
            line = Text(f"sample {row.sample}: ")
            for number, part in enumerate(re.split(r"(\[[^\[\]]* > [^\[\]]*\])", row.text)):
                line.append(part, "bold red" if number % 2 else "")
            lines.append(line)
    return lines
