"""What every plot shares: colours that all eyes tell apart, PNG and SVG files, and no surprises from a text in it."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
"""The palette of Okabe and Ito (Color Universal Design, 2008)."""
CYCLE = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY)
"""Colours of groups side by side; yellow and black are left out: one fades in print, the other is for lines."""
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "ooo")
"""Beside the colours, so that a copy in grey still tells groups apart."""


def appearance(number: int) -> tuple[str, str]:
    """Colour and hatch of the group ``number``; the first 36 differ."""
    return CYCLE[number % len(CYCLE)], HATCHES[(number + number // len(CYCLE)) % len(HATCHES)]


_STYLE: dict[str, Any] = {
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "font.family": "DejaVu Sans",
    "font.size": 10.0,
    "svg.fonttype": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#d9d9d9",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.5,
    "axes.formatter.use_mathtext": False,
}


@contextmanager
def plotting(width: float, height: float, salt: str = "certrnn") -> Iterator[Figure]:
    """An empty figure, in inches, drawn without any window; ``salt`` makes the names inside an SVG its own."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {**_STYLE, "svg.hashsalt": salt}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # a name in letters that the font lacks is still drawn by the viewer of the SVG
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure


def picture(figure: Figure, kind: str) -> bytes:
    """The figure as a file of ``kind`` png or svg; the same figure gives the same bytes."""
    if kind == "svg":
        return _svg(figure).encode("utf-8")
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def inline_svg(text: str) -> str:
    """An SVG file as an element inside a page: without its prologue, and without names that nothing refers to, since
    names are unique in a page."""
    element = text[text.index("<svg") :]
    used = set(re.findall(r"#([\w.-]+)", element))
    return re.sub(r' id="([\w.-]+)"', lambda m: m[0] if m[1] in used else "", element)


def _svg(figure: Figure) -> str:
    file = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(file, format="svg", metadata=nothing)
    return file.getvalue()
