"""Existence conditions as people and programs read them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from certrnn.dynamics import CANNOT_TELL, FAILS, HOLDS, Finding, LayerReport
from certrnn.report.spoken import short
from certrnn.report.table import frames
from certrnn.results.figures import exact, lower, near, upper
from certrnn.results.question import Question, written

COLOURS = {HOLDS: "green", FAILS: "red", CANNOT_TELL: "yellow"}


@dataclass(frozen=True)
class Examined:
    """One layer along one sample: ``frames`` as results show them, eps the l-inf distance."""

    sample: int
    frames: str | list[int]
    eps: float
    report: LayerReport


@dataclass(frozen=True)
class Conditions:
    """Everything that ``certrnn conditions`` found out about a model."""

    path: str
    sha256: str
    rows: tuple[Examined, ...]
    notes: tuple[str, ...] = ()
    question: Question | None = None

    def as_json(self) -> dict[str, Any]:
        """The document of ``--json``: a row for each condition, and one for each disturbance constructed."""
        return {
            "model": {"path": self.path, "sha256": self.sha256},
            "semantics": "real",
            **({} if self.question is None else {"question": written(self.question)}),
            "rows": [row for one in self.rows for row in _rows(one)],
            "layers": [_layer(one) for one in self.rows],
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        return json.dumps(self.as_json(), indent=1, allow_nan=False) + "\n"


TITLES = ("condition", "over", "verdict", "number", "norm", "step")
"""Columns of a layer's table; its notes are one more where there is room, and lines under it where there is not."""

WIDEST = 1000
"""Columns that any table fits into: what it is measured with."""


def show(conditions: Conditions, console: Console) -> None:
    """Print heading, a table for every layer along every sample with what was constructed there, and notes."""
    heading = f"{conditions.path} (sha256 {conditions.sha256[:12]}), l-inf, Delta = 1 frame"
    console.print(Text(heading, "bold"), soft_wrap=True)
    for one in conditions.rows:
        where = f"sample {one.sample}, frames {frames(one.frames)}, eps {exact(one.eps)}, layer {one.report.layer}"
        console.print(Text(f"\n{where}"), soft_wrap=True)
        table = _table(one.report.findings, notes=True)
        room = console.measure(table, options=console.options.update(width=WIDEST)).maximum <= console.width
        console.print(table if room else _table(one.report.findings, notes=False))
        for line in [*([] if room else _noted(one.report.findings)), *_lines(one.report)]:
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


def _rows(one: Examined) -> list[dict[str, Any]]:
    head = {"sample": one.sample, "frames": one.frames, "eps": one.eps, "layer": one.report.layer}
    return [{**head, **_strict(asdict(finding))} for finding in one.report.findings]


def _layer(one: Examined) -> dict[str, Any]:
    report = one.report
    names = ("norm", "at_least", "at_most", "verdict")
    return _strict(
        {
            "sample": one.sample,
            "frames": one.frames,
            "eps": one.eps,
            "layer": report.layer,
            "kind": report.kind,
            "states": report.states,
            "features": report.features,
            "steps": list(report.steps),
            "theorem_1_over_tube": [dict(zip(names, norm, strict=True)) for norm in report.norms],
            "error_bound": report.error_bound,
            "divergence": None if report.divergence is None else asdict(report.divergence),
        }
    )


def _strict(value: Any) -> Any:
    """The same with null for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _strict(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_strict(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
