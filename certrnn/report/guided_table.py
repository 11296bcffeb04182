"""A guided search as people read it: every changed input with the word marked, and figures before and after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from certrnn.report.columns import Strip, fitted
from certrnn.report.coverage_table import percent
from certrnn.report.escape import visible
from certrnn.report.spoken import short
from certrnn.results.figures import ABSENT, lower, near
from certrnn.results.guided import Figures, GuidedResults, GuidedRow

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

LISTED = 20
"""Inputs that are listed before a line says how many more there are."""
AROUND = 8
"""Words of a text shown on either side of the one that changed."""


def show_guided(results: GuidedResults, console: Console) -> None:
    """Print heading, changed inputs, figures, coverage and notes."""
    from rich.text import Text

    heading = f"{results.path} (sha256 {results.sha256[:12]}), rnn-test: {results.objective}"
    console.print(Text(heading, "bold"), soft_wrap=True)
    console.print(fitted(_inputs(results.rows[:LISTED]), console.width))
    if len(results.rows) > LISTED:
        console.print(
            Text(f"and {len(results.rows) - LISTED} more rows, in --out and --json"), soft_wrap=True
        )
    for row in results.rows[:LISTED]:
        if row.generated and row.text:
            console.print(_marked(row), soft_wrap=True)
    console.print(fitted(_figures(results), console.width))
    for line in [*_coverage(results), *_about(results), *short(results.question)[1:]]:
        console.print(Text(line), soft_wrap=True)
    for note in results.notes:
        console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)


def number(value: float | None) -> str:
    """A number that claims nothing; "-" where there is none."""
    return ABSENT if value is None or not math.isfinite(value) else near(value)


def _inputs(rows: Sequence[GuidedRow]) -> list[Strip]:
    columns = [
        ("sample", [str(row.sample) for row in rows], 0),
        ("run", [str(row.run) for row in rows], 6),
        ("frame", [str(row.frame) for row in rows], 0),
        ("before", [_word(row, 0) for row in rows], 2),
        ("after", [_word(row, 1) for row in rows], 2),
        ("scale", [number(row.scale) for row in rows], 5),
        ("l2", [number(row.l2) for row in rows], 3),
        ("perplexity", [number(row.perplexities[0]) for row in rows], 1),
        ("then", [number(row.perplexities[1]) for row in rows], 1),
        ("wrong", [f"{row.wrong_before} of {row.asked}" for row in rows], 4),
        ("now wrong", [f"{row.wrong_after} of {row.asked}" for row in rows], 4),
        (
            "certified eps",
            [ABSENT if row.eps_certified is None else lower(row.eps_certified) for row in rows],
            1,
        ),
    ]
    strips = [Strip(title, tuple(cells), rank) for title, cells, rank in columns]
    return [*strips, Strip("", tuple(_said(row) for row in rows), 1, numeric=False)]


def _word(row: GuidedRow, which: int) -> str:
    numbers = (row.word, row.substitute if row.generated else None)
    spelled = row.spelled[which]
    return visible(spelled) if spelled else ABSENT if numbers[which] is None else str(numbers[which])


def _said(row: GuidedRow) -> str:
    if not row.generated:
        return "nothing found"
    parts = ["answers wrongly" if row.success else ""]
    parts.append("by chance" if row.by_chance else "")
    parts.append("" if row.confirmed else "onnxruntime answers otherwise")
    return ", ".join(part for part in parts if part) or ABSENT


def _marked(row: GuidedRow) -> Text:
    """The changed text with the word in brackets, red on a terminal, before it the one that it replaces."""
    from rich.text import Text

    first = max(0, row.frame - AROUND)
    shown = [visible(word) for word in row.text[first : row.frame + AROUND + 1]]
    place = row.frame - first
    out = Text(f"sample {row.sample}: " + ("... " if first else ""))
    out.append("".join(f"{word} " for word in shown[:place]))
    out.append(f"[{visible(row.spelled[0])} -> {shown[place]}]", "bold red")
    out.append("".join(f" {word}" for word in shown[place + 1 :]))
    return out.append(" ..." if first + len(shown) < len(row.text) else "")


def _figures(results: GuidedResults) -> list[Strip]:
    runs = sorted({row.run for row in results.rows})
    each = [Figures.of(results.of_run(run)) for run in runs] if len(runs) > 1 else []
    figures = [results.figures, *each]
    names = ["all" if each else "run 0", *(f"run {run}" for run in runs)][: len(figures)]
    columns = [
        ("inputs", [str(f.inputs) for f in figures], 0),
        ("pp before", [number(f.pp_before) for f in figures], 2),
        ("pp", [number(f.pp) for f in figures], 0),
        ("pp_i before", [number(f.pp_i_before) for f in figures], 3),
        ("pp_i", [number(f.pp_i) for f in figures], 1),
        ("gen_rate", [_rate(f.generated) for f in figures], 0),
        ("orient_rate", [_rate(f.oriented) for f in figures], 4),
        ("suc_rate", [_rate(f.success) for f in figures], 0),
        ("l2", [number(f.l2) for f in figures], 1),
    ]
    first = Strip("", tuple(names), numeric=False)
    return [first, *(Strip(title, tuple(cells), rank) for title, cells, rank in columns)]


def _rate(share: float) -> str:
    return ABSENT if math.isnan(share) else percent(share)


def _coverage(results: GuidedResults) -> list[str]:
    """The coverage of the guiding metric after the first and after all inputs of the first run."""
    rows = [row for row in results.of_run(0) if row.coverage]
    if not rows:
        return []
    last = [max(shares) for shares in zip(*(row.coverage for row in rows), strict=True)]
    first = [min(shares) for shares in zip(*(row.coverage for row in rows), strict=True)]
    parts = [
        f"{name} {percent(low)} to {percent(high)}".strip()
        for name, low, high in zip(results.sections, first, last, strict=True)
    ]
    return [f"coverage of the changed inputs, from the first to all of run 0: {', '.join(parts)}"]


def _about(results: GuidedResults) -> list[str]:
    told = {name: value for name, value in results.options if name != "barred"}
    told["scales"] = f"{len(told['scales'])} from {told['scales'][0]:g} to {told['scales'][-1]:g}"
    return ["asked: " + ", ".join(f"{name} {value}" for name, value in told.items())]
