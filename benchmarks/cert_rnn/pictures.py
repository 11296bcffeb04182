"""Cert-RNN's Figure 7 as a picture: verified accuracy over eps, a panel a network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.cert_rnn.networks import Kept
from certrnn.report.plots import BLACK, appearance, picture, plotting
from certrnn.results.comparison import Comparison
from certrnn.results.curve import full_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 4
LINES = ("--", "-.", "-", ":")


def figure_7(found: Sequence[tuple[Kept, Comparison]], kind: str = "png") -> bytes:
    """Verified accuracy of every method on every network, and the clean accuracy of the same samples (thin).

    Titles give the numbers of samples: one for each method where they differ.
    """
    methods = list(dict.fromkeys(group.method for _, c in found for group in c.groups))
    columns = min(COLUMNS, len(found))
    rows = math.ceil(len(found) / columns)
    with plotting(max(7.2, 2.9 * columns), 2.2 * rows + 0.5, "figure7") as figure:
        for place, (network, comparison) in enumerate(found):
            axes = figure.add_subplot(rows, columns, place + 1)
            _panel(axes, network, comparison, methods)
            if place % columns == 0:
                axes.set_ylabel("verified accuracy", fontsize=8)
        handles = [
            figure.axes[0].plot([], [], LINES[n % len(LINES)], color=appearance(n)[0], label=method)[0]
            for n, method in enumerate(methods)
        ]
        figure.legend(
            handles=handles, loc="outside lower left", ncols=len(methods), frameon=False, fontsize=9
        )
        return picture(figure, kind)


def _panel(axes: Axes, network: Kept, comparison: Comparison, methods: Sequence[str]) -> None:
    reach = max((value for group in comparison.groups for value in group.values), default=0.0) * 1.05 or 1.0
    for group in comparison.groups:
        number = methods.index(group.method)
        points = full_curve(group.samples, False).points
        eps = [*(point.eps for point in points), reach]
        shares = [*(point.verified.value for point in points), 0.0]
        look: dict[str, Any] = {"color": appearance(number)[0], "linestyle": LINES[number % len(LINES)]}
        axes.plot(eps, shares, drawstyle="steps-pre", linewidth=1.6, **look)
        axes.axhline(points[0].clean.value, color=BLACK, linewidth=0.5)
    counts = [str(group.clean.samples) for group in comparison.groups]
    told = ", ".join(counts if len(set(counts)) > 1 else counts[:1])
    axes.set_title(f"{network.case.name} (n {told})", fontsize=9)
    axes.set_xlim(0.0, reach)
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks([0, 0.5, 1.0], ["0", "50 %", "100 %"])
    axes.tick_params(labelsize=8)
    axes.locator_params(axis="x", nbins=4)
