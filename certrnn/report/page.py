"""What a page about a run shows, as plain values."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from certrnn import __version__
from certrnn.report.curve_plot import curve_picture
from certrnn.report.curve_table import columns
from certrnn.report.explanation import Paragraph, meaning
from certrnn.report.plots import inline_svg
from certrnn.report.spoken import Fact, facts, units
from certrnn.report.table import Column
from certrnn.report.table import columns as columns_of
from certrnn.report.tiles import Tile, asked_eps, searched, tiles_of
from certrnn.results.certificates import Results
from certrnn.results.curve import Curve, Wording, curve, ever_attacked, full_curve
from certrnn.results.figures import ABSENT, eps_lower, upper
from certrnn.results.row import VERDICTS, spelled
from certrnn.results.samples import Sample, by_sample, finished

MOST_ROWS = 5000
"""A page with more rows is slow to open; the document has them all."""
OPEN_ROWS = 100
"""Up to so many rows the table is shown at once."""
WORST = 10


@dataclass(frozen=True)
class Head:
    """Head of a column."""

    title: str
    numeric: bool = True


@dataclass(frozen=True)
class Grid:
    """A table: heads and rows of texts."""

    columns: tuple[Head, ...]
    cells: tuple[tuple[str, ...], ...]
    verdicts: tuple[str, ...] = VERDICTS


@dataclass(frozen=True)
class Figure:
    """The curve: an SVG element (markup), its caption, and its numbers."""

    title: str
    svg: Any
    caption: str
    table: Grid


@dataclass(frozen=True)
class Page:
    """Everything that the page says, in its order."""

    model: str
    about: tuple[tuple[str, str], ...]
    asked: tuple[Fact, ...]
    alarm: str
    tiles: tuple[Tile, ...]
    notes: tuple[str, ...]
    curve: Figure | None
    worst: Grid | None
    worst_caption: str
    rows: Grid
    rows_caption: str
    open: bool
    meaning: tuple[Paragraph, ...]
    footer: str


def page_of(results: Results) -> Page:
    """The page of a run; only samples all of whose rows are here are counted, since of others nothing is known."""
    samples = finished(results)
    broken = [sample.number for sample in by_sample(results) if sample.broken]
    return Page(
        model=results.path,
        about=_about(results),
        alarm=_alarm(broken),
        tiles=tiles_of(results, samples),
        asked=facts(results),
        notes=results.notes,
        curve=_figure(results, samples) if samples else None,
        worst=_worst(results, samples),
        worst_caption=_worst_caption(results, sum(s.right for s in samples)),
        rows=_rows(results),
        rows_caption=_rows_caption(len(results)),
        open=len(results) <= OPEN_ROWS,
        meaning=meaning(results),
        footer=f"Written by certrnn {__version__}. This page loads nothing and sends nothing.",
    )


def _about(results: Results) -> tuple[tuple[str, str], ...]:
    threats = list(dict.fromkeys(spelled(row.frames) for row in results))
    many = f"{len(threats)} sets of frames, each on its own"
    entries = [
        ("sha256", results.sha256),
        *((f"sha256 of {name}", digest) for name, digest in results.external),
        ("method", ", ".join(sorted({row.method for row in results})) or ABSENT),
        ("disturbed frames", many if len(threats) > 1 else (*threats, ABSENT)[0]),
    ]
    return tuple(entries)


def _alarm(broken: list[int]) -> str:
    if not broken:
        return ""
    shown = ", ".join(map(str, broken[:10])) + (", .." if len(broken) > 10 else "")
    return (
        f"The self-check failed: an attack succeeded inside a certified region (sample {shown}). "
        "Believe nothing on this page, and please report it."
    )


def _figure(results: Results, samples: list[Sample]) -> Figure:
    from markupsafe import Markup

    attacked, wording = ever_attacked(samples), Wording.of(results)
    free = searched(results)
    if free:
        drawn = full_curve(samples, attacked, wording)
        shown = curve(samples, _axis(drawn), attacked, wording)
    else:
        drawn = shown = curve(samples, asked_eps(results), attacked, wording)
    # the picture holds no text of the document
    svg = Markup(inline_svg(curve_picture(drawn, "svg", marked=not free).decode("utf-8")))  # noqa: S704
    between = "lies between the verified and the attacked line" if attacked else "is at least that"
    right = "held undisturbed" if results.specification else "answered right"
    caption = (
        f"Shares of {results.of_samples(len(samples))}; one eps is {units(results)}. Verified: {right}, and certified "
        f"at this eps or a larger one; the true share of these samples that withstands every disturbance {between}. "
        "Verified shares are rounded down, attacked ones up. Bands: 95 % Wilson intervals, for more data like these."
    )
    return Figure(f"{wording.verified.capitalize()} over eps", svg, caption, _numbers(shown))


def _axis(drawn: Curve) -> list[float]:
    """Round eps from 0 to the largest certified one, or where nothing is certified to the largest attacked one."""
    last = max((p.eps for p in drawn.points if p.verified.count), default=0.0) or drawn.points[-1].eps
    if last < 1e-300:
        return [0.0]
    power = 10.0 ** math.floor(math.log10(last / 10))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power * 10 >= last * (1 - 1e-9))
    return [float(f"{i * step:.6g}") for i in range(math.ceil(last / step - 1e-9) + 1)]


def _numbers(shown: Curve) -> Grid:
    cells = columns(shown)
    return Grid(tuple(Head(title) for title in cells), tuple(zip(*cells.values(), strict=True)))


def _worst(results: Results, samples: list[Sample]) -> Grid | None:
    right = sorted((s for s in samples if s.right), key=lambda s: (s.certified, s.attacked, s.number))
    heads = (
        Head("sample"),
        Head("label" if results.labelled else "answer"),
        Head("frames", False),
        Head("certified eps"),
        Head("attacked eps"),
    )
    cells = tuple(
        (
            str(sample.number),
            str(sample.label if results.labelled else sample.prediction),
            spelled(sample.weakest.frames),
            eps_lower(sample.certified),
            upper(sample.attacked if sample.attacked < math.inf else None),
        )
        for sample in right[:WORST]
    )
    return Grid(heads, cells) if cells else None


def _worst_caption(results: Results, right: int) -> str:
    kind = "samples that hold undisturbed" if results.specification else "samples answered right"
    which = f"Of the {right} {kind} the {WORST} with the smallest" if right > WORST else f"The {kind} by"
    among = "" if searched(results) else " among the eps that were asked"
    part = "" if results.whole else ", of the finished samples"
    return f"{which} certified eps{among}{part}, and the frames where it is smallest"


def _rows(results: Results) -> Grid:
    shown = results[:MOST_ROWS]
    reason = Column("reason", lambda row: row.reason or ABSENT, 8, numeric=False)
    reasons = [reason.show(row) for row in shown]
    used = columns_of(replace(results, rows=shown))
    if any(text != ABSENT for text in reasons):
        used[reason] = reasons
    heads = tuple(Head(column.title, column.numeric) for column in used)
    return Grid(heads, tuple(zip(*used.values(), strict=True)))


def _rows_caption(count: int) -> str:
    if count > MOST_ROWS:
        return f"The first {MOST_ROWS} of {count} rows; the results themselves hold them all"
    return f"{count} row{'' if count == 1 else 's'}; a click on a head sorts"
