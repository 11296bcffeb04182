"""The curve as people read it in a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from certrnn.report.columns import APART, Strip, fitted
from certrnn.report.curve_plot import curve_picture
from certrnn.report.escape import visible
from certrnn.report.files import exported
from certrnn.report.spoken import short
from certrnn.results.certificates import Results
from certrnn.results.curve import Curve, Share
from certrnn.results.figures import ABSENT, exact, percent, percent_lower, percent_upper
from certrnn.results.row import spelled

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

TITLE = 84
"""Characters of the longest title of a picture."""


@dataclass(frozen=True)
class CurveReport:
    """A curve and the rows that it was counted from."""

    results: Results
    curve: Curve

    def heading(self) -> str:
        """The model and the threat, in a line."""
        threats = {spelled(row.frames) for row in self.results}
        about = (
            "all frames"
            if threats == {"all"}
            else f"frames {threats.pop()}"
            if len(threats) == 1
            else "each frame"
        )
        methods = ", ".join(sorted({row.method for row in self.results}))
        statements = (
            [self.results.threat, self.results.specification]
            if self.results.threat != "l-inf"
            else [self.results.specification]
        )
        return ", ".join(
            part for part in (visible(self.results.path), about, *map(visible, statements), methods) if part
        )

    def to_json(self) -> str:
        """The document of ``certify --json`` with the curve in it, ending in a newline."""
        document = {**self.results.as_json(), "curve": self.curve.as_json()}
        return json.dumps(document, indent=1, allow_nan=False) + "\n"

    def content(self, kind: str) -> bytes:
        """A file of ``kind`` png, svg or json."""
        table = exported(self.curve, kind)
        if table is not None:
            return table
        if kind == "json":
            return self.to_json().encode("utf-8")
        return curve_picture(self.curve, kind, shortened(self.heading()))

    def show(self, console: Console) -> None:
        """Print heading, table and notes."""
        from rich.text import Text

        console.print(Text(f"{self.heading()} (sha256 {self.results.sha256[:12]})", "bold"), soft_wrap=True)
        table, intervals = _table(self.curve, console.width)
        console.print(table)
        about = "in brackets" if intervals else "a wider terminal shows"
        of = self.results.of_samples(self.curve.samples)
        for text in (f"shares of {of}; {about} 95 % Wilson intervals", *short(self.results.question)):
            console.print(Text(text), soft_wrap=True)
        for note in self.results.notes:
            console.print(Text(f"note: {visible(note)}", "yellow"), soft_wrap=True)


def shortened(text: str) -> str:
    """The text with its middle left out where it is too long for a title.

    >>> len(shortened("x" * 200)), shortened("short")
    (84, 'short')
    """
    if len(text) <= TITLE:
        return text
    head = TITLE // 3
    return f"{text[:head]}…{text[head + 1 - TITLE :]}"


def share_text(share: Share | None, shown: Callable[[int, int], str]) -> str:
    """A share, rounded as ``shown`` does, and its interval, rounded outward.

    >>> share_text(Share(5, 10), percent), share_text(Share(2, 3), percent_lower), share_text(None, percent)
    (' 50.0 % [ 23.6,  76.4]', ' 66.6 % [ 20.7,  93.9]', '-')
    """
    if share is None:
        return ABSENT
    low, high = share.interval
    ends = f"{_bare(percent_lower(low)):>5}, {_bare(percent_upper(high)):>5}"
    return f"{shown(share.count, max(1, share.samples)):>7} [{ends}]"


def _bare(text: str) -> str:
    return text.removesuffix(" %")


def columns(curve: Curve) -> dict[str, list[str]]:
    """Titles and cells of the curve's table."""
    cells: dict[str, list[str]] = {
        "eps": [exact(point.eps) for point in curve.points],
        "verified": [share_text(point.verified, percent_lower) for point in curve.points],
    }
    if curve.attacked:
        cells["attacked"] = [share_text(point.attacked, percent_upper) for point in curve.points]
    cells[curve.wording.clean] = [share_text(point.clean, percent) for point in curve.points]
    return cells


def _table(curve: Curve, width: int) -> tuple[Table, bool]:
    """The table, and whether it fits with the intervals; else it is without."""
    whole = columns(curve)
    bare = {title: [cell.split("[")[0].rstrip() for cell in cells] for title, cells in whole.items()}
    strips = [[Strip(title, tuple(cells)) for title, cells in shown.items()] for shown in (whole, bare)]
    fits = sum(strip.size for strip in strips[0]) - APART <= width
    return fitted(strips[not fits], width), fits
