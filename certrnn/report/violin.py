"""Certified eps of groups side by side as violins (Cert-RNN's Figure 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from certrnn.report.escape import visible
from certrnn.report.plots import BLACK, appearance, picture, plotting
from certrnn.results.comparison import Comparison, Group

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

HEIGHT, NARROWEST, A_GROUP = 4.2, 7.2, 0.95
A_ROW = 14
"""Violins beside each other, unless one model alone has more."""
FEW = 60
"""Up to so many samples are drawn as points as well."""
FEWEST = 20
"""Fewer samples have no density worth drawing: they are points."""
LONGEST = 26


def violin_picture(comparison: Comparison, kind: str) -> bytes:
    """The certified eps of every group's right samples as a PNG or SVG file.

    The thick bar spans the quartiles, the thin line the central 95 % of the samples, the white point is the median.
    """
    groups = comparison.groups
    models = list(dict.fromkeys(group.results.path for group in groups))
    methods = list(dict.fromkeys(group.method for group in groups))
    across = max(1, A_ROW // len(methods))
    rows = [models[first : first + across] for first in range(0, len(models), across)]
    width = max(NARROWEST, 1.5 + A_GROUP * len(methods) * len(rows[0]))
    top = max((value for group in groups for value in group.values), default=0.0)
    with plotting(width, HEIGHT * len(rows), "violin") as figure:
        for number, row in enumerate(rows):
            axes = figure.add_subplot(len(rows), 1, number + 1)
            _row(axes, [g for g in groups if g.results.path in row], row, methods)
            axes.set_ylim(0.0, 1.05 * top or 1.0)
        figure.legend(
            handles=_handles(methods),
            loc="outside lower left",
            ncols=min(len(methods), 7),
            frameon=False,
            fontsize=9,
        )
        return picture(figure, kind)


def _row(axes: Axes, groups: Sequence[Group], models: Sequence[str], methods: Sequence[str]) -> None:
    apart = len(methods) + 0.8
    for group in groups:
        number = methods.index(group.method)
        _violin(axes, models.index(group.results.path) * apart + number, group, number)
    centers = [n * apart + (len(methods) - 1) / 2 for n in range(len(models))]
    names = [_short(visible(model)) for model in models]
    # about fourteen letters fit below a violin
    turned: dict[str, Any] = {} if max(map(len, names)) < 14 * apart else {"rotation": 20, "ha": "right"}
    axes.set_xticks(centers, names, fontsize=9, **turned)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.9, (len(models) - 1) * apart + len(methods) - 0.1)
    axes.set_ylabel("certified eps")
    axes.grid(visible=False, axis="x")


def _violin(axes: Axes, place: float, group: Group, number: int) -> None:
    import numpy as np

    colour, hatch = appearance(number)
    values = np.array(group.values)
    if not len(values):
        axes.annotate("no right sample", (place, 0.0), rotation=90, ha="center", va="bottom", fontsize=8)
        return
    if len(values) >= FEWEST and np.ptp(values) > 1e-9 * values.max():
        bodies: Any = axes.violinplot([values], [place], widths=0.85, showextrema=False, points=200)["bodies"]
        bodies[0].set(facecolor=colour, edgecolor=colour, alpha=0.45, hatch=hatch)
    low, first, middle, third, high = np.quantile(values, [0.025, 0.25, 0.5, 0.75, 0.975])
    if len(values) <= FEW:
        # side by side in a fixed pattern, so that equal values stay apart
        aside = place + 0.3 * ((np.arange(len(values)) * 0.618034 + 0.5) % 1.0 - 0.5)
        axes.plot(aside, values, ".", color=colour, markersize=4, alpha=0.9, clip_on=False)
    axes.vlines(place, low, high, color=BLACK, linewidth=1.0)
    axes.vlines(place, first, third, color=BLACK, linewidth=5.0)
    axes.plot(
        [place],
        [middle],
        "o",
        markersize=4.5,
        markerfacecolor="white",
        markeredgecolor=BLACK,
        clip_on=False,
        zorder=5,
    )


def _handles(methods: Sequence[str]) -> list[Patch]:
    from matplotlib.patches import Patch

    looks = [appearance(number) for number in range(len(methods))]
    return [
        Patch(facecolor=colour, edgecolor=colour, alpha=0.45, hatch=hatch, label=method)
        for method, (colour, hatch) in zip(methods, looks, strict=True)
    ]


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"…{name[1 - LONGEST :]}"
