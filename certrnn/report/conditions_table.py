"""Existence conditions as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from certrnn.dynamics import CANNOT_TELL, FAILS, HOLDS, Finding, LayerReport
from certrnn.report.spoken import short
from certrnn.results.conditions import Conditions
from certrnn.results.figures import exact, lower, near, upper
from certrnn.results.row import spelled

COLOURS = {HOLDS: "green", FAILS: "red", CANNOT_TELL: "yellow"}


TITLES = ("condition", "over", "verdict", "number", "norm", "step")
"""Columns of a layer's table; its notes are one more where there is room, and lines under it where there is not."""

WIDEST = 1000
"""Columns that any table fits into: what it is measured with."""


def show(conditions: Conditions, console: Console) -> None:
    """Print heading, a table for every layer along every sample with what was constructed there, and notes."""
    heading = f"{conditions.path} (sha256 {conditions.sha256[:12]}), l-inf, Delta = 1 frame"
    console.print(Text(heading, "bold"), soft_wrap=True)
    for one, report in ((row, report) for row in conditions.rows for report in row.reports):
        where = (
            f"sample {one.sample}, frames {spelled(one.frames)}, eps {exact(one.eps)}, layer {report.layer}"
        )
        console.print(Text(f"\n{where}"), soft_wrap=True)
        table = _table(report.findings, notes=True)
        room = console.measure(table, options=console.options.update(width=WIDEST)).maximum <= console.width
        console.print(table if room else _table(report.findings, notes=False))
        for line in [*([] if room else _noted(report.findings)), *_lines(report)]:
            console.print(Text(line), soft_wrap=True)
    for line in short(conditions.question):
        console.print(Text(line), soft_wrap=True)
    for note in conditions.notes:
        console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)


def _table(findings: Sequence[Finding], notes: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for title in (*TITLES, *(["note"] if notes else [])):
        table.add_column(title, no_wrap=True)
    for finding in findings:
        table.add_row(*_cells(finding), *([Text(finding.note)] if notes else []))
    return table


def _noted(findings: Sequence[Finding]) -> list[str]:
    """The notes as lines, each once."""
    over: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        if finding.note:
            over.setdefault((finding.condition, finding.note), []).append(finding.over)
    return [f"{name} ({', '.join(sets)}): {note}" for (name, note), sets in over.items()]


def interval(at_least: float | None, at_most: float | None) -> str:
    """Proved bounds on a number.

    >>> interval(-0.51234, -0.25), interval(1.5, 1.5), interval(0.2, float("inf")), interval(None, None)
    ('-0.513..-0.250', '1.50', '>= 0.200', '-')
    """
    if at_least is None or at_most is None:
        return "-"
    low, high = lower(at_least, 3), upper(at_most, 3)
    if not math.isfinite(at_most):
        return f">= {low}" if math.isfinite(at_least) else "-"
    if not math.isfinite(at_least):
        return f"<= {high}"
    return low if low == high else f"{low}..{high}"


def _cells(finding: Finding) -> list[Text]:
    texts = [
        finding.condition,
        finding.over,
        finding.verdict,
        interval(finding.at_least, finding.at_most),
        finding.norm or "-",
        "-" if finding.step is None else str(finding.step),
    ]
    return [Text(t, COLOURS[finding.verdict] if t == finding.verdict else "") for t in texts]


def _lines(report: LayerReport) -> list[str]:
    """What was constructed, and what bounds the error."""
    lines = []
    if report.divergence is not None:
        d = report.divergence
        how = "at every step" if d.monotone else "though not at every step"
        lines.append(
            f"disturbing frame {d.frame} alone makes the error grow {near(d.growth)}-fold {how}, from "
            f"{near(d.first, 3)} to {near(d.last, 3)} in the {d.norm} norm (certified: at least "
            f"{lower(d.certified)}-fold); the fixed-point disturbance drives it to {near(d.pushed, 3)}"
        )
    if report.error_bound is not None:
        lines.append(f"no entry of the last error exceeds {upper(report.error_bound, 3)} (Groenwall)")
    return lines
