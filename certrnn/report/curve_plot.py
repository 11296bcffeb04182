"""The curve as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certrnn.report.curve import Curve, Share
from certrnn.report.plots import BLACK, BLUE, VERMILION, picture, plotting

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 7.2, 4.4
MARKED = 40
"""Up to so many points are marked one by one."""
UP_TO, FROM = "steps-pre", "steps-post"
"""Between two eps a share is at least the one at the larger eps, and at most the one at the smaller."""


def curve_picture(curve: Curve, kind: str, title: str = "") -> bytes:
    """The curve as a PNG or SVG file; bands are 95 % Wilson intervals.

    Between the points both lines are still what their names say: the verified share is drawn as low, and the attacked
    one as high, as the points around allow.

    Parameters
    ----------
    kind: png or svg.
    title: stands above it; the caller has made it safe to look at.
    """
    with plotting(WIDTH, HEIGHT, "curve") as figure:
        _draw(figure.add_subplot(), curve)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        figure.legend(loc="outside lower left", ncols=3, frameon=False, fontsize=9)
        return picture(figure, kind)


def _draw(axes: Axes, curve: Curve) -> None:
    eps = [point.eps for point in curve.points]
    name = "clean accuracy" if curve.labelled else "own predictions"
    axes.axhline(curve.points[0].clean.value, linestyle="--", color=BLACK, label=name, linewidth=1.2)
    attacked = [point.attacked for point in curve.points if point.attacked is not None]
    if len(attacked) == len(eps):
        _line(axes, eps, attacked, "attacked (upper bound)", VERMILION, "-.", "s", FROM)
    verified = [point.verified for point in curve.points]
    _line(axes, eps, verified, "verified (guaranteed)", BLUE, "-", "o", UP_TO)
    axes.set_xlabel("eps")
    axes.set_ylabel(f"share of {curve.samples} sample{'' if curve.samples == 1 else 's'}")
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"])
    reach = max(eps) or 1.0
    axes.set_xlim(-0.02 * reach, 1.02 * reach if len(eps) > 1 else 2 * reach)


def _line(
    axes: Axes,
    eps: list[float],
    shares: list[Share],
    label: str,
    colour: str,
    style: str,
    mark: str,
    side: str,
) -> None:
    values, marker = [share.value for share in shares], mark if len(eps) <= MARKED else ""
    axes.plot(
        eps,
        values,
        style,
        drawstyle=side,
        color=colour,
        label=label,
        marker=marker,
        markersize=4,
        clip_on=False,
    )
    low, high = zip(*(share.interval for share in shares), strict=True)
    step = "pre" if side == UP_TO else "post"
    if len(eps) == 1:
        beside = eps[0] * (0.99 if side == UP_TO else 1.01)
        axes.vlines([beside], low, high, color=colour, alpha=0.6, linestyle=style)
    else:
        axes.fill_between(eps, low, high, step=step, color=colour, alpha=0.15, linewidth=0)
