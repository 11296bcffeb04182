"""Existence conditions as people and programs read them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from certrnn.dynamics import CANNOT_TELL, FAILS, HOLDS, Finding, LayerReport
from certrnn.report.table import frames

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

    def as_json(self) -> dict[str, Any]:
        """The document of ``--json``: a row for each condition, and one for each disturbance constructed."""
        return {
            "model": {"path": self.path, "sha256": self.sha256},
            "semantics": "real",
            "rows": [row for one in self.rows for row in _rows(one)],
            "layers": [_layer(one) for one in self.rows],
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        return json.dumps(self.as_json(), indent=1, allow_nan=False) + "\n"


def show(conditions: Conditions, console: Console) -> None:
    """Print heading, table, constructed disturbances and notes."""
    heading = f"{conditions.path} (sha256 {conditions.sha256[:12]}), l-inf, Delta = 1 frame"
    console.print(Text(heading, "bold"), soft_wrap=True)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for title in (
        "sample",
        "frames",
        "eps",
        "layer",
        "condition",
        "over",
        "verdict",
        "number",
        "norm",
        "step",
        "note",
    ):
        table.add_column(title, overflow="fold")
    for one in conditions.rows:
        for finding in one.report.findings:
            table.add_row(*_cells(one, finding))
    console.print(table)
    for one in conditions.rows:
        for line in _lines(one):
            console.print(Text(line), soft_wrap=True)
    for note in conditions.notes:
        console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)


def interval(at_least: float | None, at_most: float | None) -> str:
    """Proved bounds on a number.

    >>> interval(-0.51234, -0.25), interval(1.5, 1.5), interval(0.2, float("inf")), interval(None, None)
    ('-0.512..-0.25', '1.5', '>= 0.2', '-')
    """
    if at_least is None or at_most is None:
        return "-"
    low, high = f"{at_least:.3g}", f"{at_most:.3g}"
    if not math.isfinite(at_most):
        return f">= {low}" if math.isfinite(at_least) else "-"
    if not math.isfinite(at_least):
        return f"<= {high}"
    return low if low == high else f"{low}..{high}"


def _cells(one: Examined, finding: Finding) -> list[Text]:
    texts = [
        str(one.sample),
        frames(one.frames),
        f"{one.eps:.6g}",
        one.report.layer,
        finding.condition,
        finding.over,
        finding.verdict,
        interval(finding.at_least, finding.at_most),
        finding.norm or "-",
        "-" if finding.step is None else str(finding.step),
        finding.note,
    ]
    return [Text(t, COLOURS[finding.verdict] if t == finding.verdict else "") for t in texts]


def _lines(one: Examined) -> list[str]:
    report, where = one.report, f"sample {one.sample}, {one.report.layer}"
    lines = []
    if report.divergence is not None:
        d = report.divergence
        how = "at every step" if d.monotone else "though not at every step"
        lines.append(
            f"{where}: disturbing frame {d.frame} alone makes the error grow {d.growth:.4g}-fold {how}, from "
            f"{d.first:.3g} to {d.last:.3g} in the {d.norm} norm (certified: at least {d.certified:.4g}-fold); the "
            f"fixed-point disturbance drives it to {d.pushed:.3g}"
        )
    if report.error_bound is not None:
        lines.append(f"{where}: no entry of the last error exceeds {report.error_bound:.3g} (Groenwall)")
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
