"""What a page about a run shows, as plain values."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Any

from certrnn import __version__
from certrnn.report.curve import Curve, Share, Wording, curve, ever_attacked, full_curve
from certrnn.report.curve_plot import curve_picture
from certrnn.report.curve_table import columns
from certrnn.report.meaning import Paragraph, meaning
from certrnn.report.plots import inline_svg
from certrnn.report.results import SEMANTICS, Results
from certrnn.report.rows import VERDICTS
from certrnn.report.samples import Sample, by_sample
from certrnn.report.table import ABSENT, COLUMNS, Column, asked, frames, number

MOST_ROWS = 5000
"""A page with more rows is slow to open; the document has them all."""
OPEN_ROWS = 100
"""Up to so many rows the table is shown at once."""
WORST = 10
PARTIAL = ("stopped early", "shard ")
"""How the notes of results begin of which rows are missing."""


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
class Tile:
    """One figure of the summary."""

    name: str
    value: str


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
    """The page of a run; of one that is not complete no share of samples is shown, since of a sample some of whose
    rows are missing nothing is known."""
    samples = by_sample(results)
    complete = bool(samples) and not any(note.startswith(PARTIAL) for note in results.notes)
    broken = [sample.number for sample in samples if sample.broken]
    return Page(
        model=results.path,
        about=_about(results),
        alarm=_alarm(broken),
        tiles=_tiles(results, samples, complete),
        notes=results.notes,
        curve=_figure(results, samples) if complete else None,
        worst=_worst(samples),
        worst_caption=_worst_caption(results, sum(s.right for s in samples)),
        rows=_rows(results),
        rows_caption=_rows_caption(len(results)),
        open=len(results) <= OPEN_ROWS,
        meaning=meaning(results),
        footer=f"Written by certrnn {__version__}. This page loads nothing and sends nothing.",
    )


def _about(results: Results) -> tuple[tuple[str, str], ...]:
    threats = list(dict.fromkeys(frames(row.frames) for row in results))
    many = f"{len(threats)} sets of frames, each on its own"
    facts = [
        ("sha256", results.sha256),
        *((f"sha256 of {name}", digest) for name, digest in results.external),
        ("method", ", ".join(sorted({row.method for row in results})) or ABSENT),
        ("threat", results.threat),
        ("demand", results.demand or "the answer stays"),
        ("disturbed frames", many if len(threats) > 1 else (*threats, ABSENT)[0]),
        ("semantics", f"{SEMANTICS}: exact evaluation of the weights in the file"),
    ]
    return tuple(facts)


def _alarm(broken: list[int]) -> str:
    if not broken:
        return ""
    shown = ", ".join(map(str, broken[:10])) + (", .." if len(broken) > 10 else "")
    return (
        f"The self-check failed: an attack succeeded inside a certified region (sample {shown}). "
        "Believe nothing on this page, and please report it."
    )


def _tiles(results: Results, samples: list[Sample], complete: bool) -> tuple[Tile, ...]:
    right = [sample for sample in samples if sample.right]
    values = [sample.certified for sample in right]
    shares = [s.certified / s.attacked for s in right if 0 < s.attacked < math.inf]
    searched = _searched(results)
    tiles = [Tile("sample" if len(samples) == 1 else "samples", str(len(samples)))]
    if (results.labelled or results.demand) and samples:
        name = "hold undisturbed" if results.demand else "answered right"
        tiles.append(_share(name, Share(len(right), len(samples))))
    if values and searched:
        tiles.append(Tile("median certified eps", number(statistics.median(values))))
        tiles.append(Tile("smallest certified eps", number(min(values))))
    if shares and searched:
        tiles.append(
            Tile("of the attack's eps certified, on average", f"{100 * statistics.fmean(shares):.1f} %")
        )
    wording = Wording.of(results)
    eps = [e for e in _asked_eps(results) if e > 0] if complete else []
    for point in curve(samples, eps[:4], False).points:
        tiles.append(_share(f"{wording.verified} at eps {asked(point.eps)}", point.verified))
    tiles += [
        Tile(f"{'row' if count == 1 else 'rows'} {verdict}", str(count))
        for verdict, count in results.counts().items()
        if not results.grid
        or verdict not in ("certified", "unknown")  # at whichever eps: the curve says more
    ]
    tiles.append(Tile("of computing", _duration(math.fsum(row.seconds for row in results))))
    return tuple(tiles)


def _figure(results: Results, samples: list[Sample]) -> Figure:
    from markupsafe import Markup

    attacked, wording = ever_attacked(samples), Wording.of(results)
    searched = _searched(results)
    if searched:
        drawn = full_curve(samples, attacked, wording)
        shown = curve(samples, _axis(drawn), attacked, wording)
    else:
        drawn = shown = curve(samples, _asked_eps(results), attacked, wording)
    # the picture holds no text of the document
    svg = Markup(inline_svg(curve_picture(drawn, "svg", marked=not searched).decode("utf-8")))  # noqa: S704
    between = "lies between the verified and the attacked line" if attacked else "is at least that"
    caption = (
        "Verified: answered right, and certified at this eps or a larger one; the true share of these samples that "
        f"withstands every disturbance {between}. Bands: 95 % Wilson intervals, for more data like these."
    )
    return Figure(f"{wording.verified.capitalize()} over eps", svg, caption, _numbers(shown))


def _searched(results: Results) -> bool:
    """Whether the certified eps are the largest there are, rather than those among the asked."""
    return not results.grid and any(row.eps is None for row in results)


def _asked_eps(results: Results) -> list[float]:
    return sorted(set(results.grid) or {row.eps for row in results if row.eps is not None})


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


def _worst(samples: list[Sample]) -> Grid | None:
    right = sorted((s for s in samples if s.right), key=lambda s: (s.certified, s.attacked, s.number))
    heads = (
        Head("sample"),
        Head("label"),
        Head("frames", False),
        Head("certified eps"),
        Head("attacked eps"),
    )
    cells = tuple(
        (
            str(sample.number),
            str(sample.label),
            frames(sample.weakest.frames),
            number(sample.certified),
            number(sample.attacked if sample.attacked < math.inf else None),
        )
        for sample in right[:WORST]
    )
    return Grid(heads, cells) if cells else None


def _worst_caption(results: Results, right: int) -> str:
    which = f"The {WORST} samples with the smallest" if right > WORST else "Samples by"
    among = "" if _searched(results) else " among the eps that were asked"
    return f"{which} certified eps{among}, and the frames where it is smallest"


def _rows(results: Results) -> Grid:
    shown = results[:MOST_ROWS]
    reason = Column("reason", lambda row: row.reason or ABSENT, 8, numeric=False)
    cells = {column: [column.show(row) for row in shown] for column in (*COLUMNS, reason)}
    used = {column: texts for column, texts in cells.items() if any(text != ABSENT for text in texts)}
    heads = tuple(Head(column.title, column.numeric) for column in used)
    return Grid(heads, tuple(zip(*used.values(), strict=True)))


def _rows_caption(count: int) -> str:
    if count > MOST_ROWS:
        return f"The first {MOST_ROWS} of {count} rows; the results themselves hold them all"
    return f"{count} row{'' if count == 1 else 's'}; a click on a head sorts"


def _share(name: str, share: Share) -> Tile:
    return Tile(f"{name} ({share.count} of {share.samples})", f"{100 * share.value:.1f} %")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
