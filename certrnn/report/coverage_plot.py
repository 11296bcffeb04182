"""Coverage over the number of samples as a picture, and the files of ``certrnn coverage``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from certrnn.report.plots import CYCLE, picture, plotting
from certrnn.results.coverage import CoverageResults

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS = 3
WIDTH, HEIGHT = 3.8, 2.5
"""Of one panel, in inches."""
MARKS = ("o", "s", "^", "v", "D")


def coverage_picture(results: CoverageResults, kind: str) -> bytes:
    """A panel for each metric, a line for each section, as a PNG or SVG file."""
    names = list(dict.fromkeys(row.metric for row in results.rows))
    across = min(ACROSS, len(names))
    down = -(-len(names) // across)
    with plotting(WIDTH * across, HEIGHT * down, "coverage") as figure:
        for place, name in enumerate(names):
            _draw(figure.add_subplot(down, across, place + 1), results, name)
        return picture(figure, kind)


def _draw(axes: Axes, results: CoverageResults, metric: str) -> None:
    for place, row in enumerate(results.of(metric)):
        counts, shares = zip(*row.curve, strict=True)
        axes.plot(
            counts,
            [100 * share for share in shares],
            color=CYCLE[place % len(CYCLE)],
            marker=MARKS[place % len(MARKS)],
            markevery=max(1, len(counts) // 8),
            markersize=4,
            label=row.section or "all",
            clip_on=False,
        )
    axes.set_title(metric, fontsize=10)
    axes.set_xlabel("samples")
    axes.set_ylabel("covered, %")
    axes.set_ylim(0, 100)
    if results.of(metric)[0].section:
        axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))


@dataclass(frozen=True)
class CoverageReport:
    """Files about coverage by their kind."""

    results: CoverageResults

    def content(self, kind: str) -> bytes:
        """A PNG, SVG or JSON file."""
        if kind == "json":
            return self.results.to_json().encode("utf-8")
        return coverage_picture(self.results, kind)
