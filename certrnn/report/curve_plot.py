"""The curve as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from certrnn.report.plots import BLACK, BLUE, VERMILION, picture, plotting
from certrnn.results.curve import Curve, Share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 7.2, 4.4
MARKED = 40
"""Up to so many points are marked one by one."""


@dataclass(frozen=True)
class _Look:
    """How a line looks. Between two eps a share is at least the one at the larger eps (``pre``), and at most the one at
    the smaller (``post``)."""

    label: str
    colour: str
    line: str
    mark: str
    side: Literal["pre", "post"]


ATTACKED = _Look("attacked (upper bound)", VERMILION, "-.", "s", "post")
VERIFIED = _Look("verified (guaranteed)", BLUE, "-", "o", "pre")


def curve_picture(curve: Curve, kind: str, title: str = "", marked: bool = True) -> bytes:
    """The curve as a PNG or SVG file; bands are 95 % Wilson intervals.

    Between the points both lines are still what their names say: the verified share is drawn as low, and the attacked
    one as high, as the points around allow.

    Args:
        kind: png or svg.
        title: stands above it; the caller has made it safe to look at.
        marked: mark the points; up to :data:`MARKED` of them.
    """
    with plotting(WIDTH, HEIGHT, "curve") as figure:
        _draw(figure.add_subplot(), curve, len(curve.points) == 1 or (marked and len(curve.points) <= MARKED))
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        figure.legend(loc="outside lower left", ncols=3, frameon=False, fontsize=9)
        return picture(figure, kind)


def _draw(axes: Axes, curve: Curve, marked: bool) -> None:
    eps = [point.eps for point in curve.points]
    axes.axhline(
        curve.points[0].clean.value, linestyle="--", color=BLACK, label=curve.wording.clean, linewidth=1.2
    )
    attacked = [point.attacked for point in curve.points if point.attacked is not None]
    if len(attacked) == len(eps):
        _line(axes, eps, attacked, ATTACKED, marked)
    verified = [point.verified for point in curve.points]
    _line(axes, eps, verified, VERIFIED, marked)
    axes.set_xlabel("eps")
    axes.set_ylabel(f"share of {curve.samples} sample{'' if curve.samples == 1 else 's'}")
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"])
    reach = max(eps) or 1.0
    axes.set_xlim(-0.02 * reach, 1.02 * reach if len(eps) > 1 else 2 * reach)


def _line(axes: Axes, eps: list[float], shares: list[Share], look: _Look, marked: bool) -> None:
    values = [share.value for share in shares]
    marker: dict[str, Any] = {"marker": look.mark, "markersize": 4} if marked else {}
    drawn: dict[str, Any] = {
        "drawstyle": f"steps-{look.side}",
        "color": look.colour,
        "label": look.label,
        "clip_on": False,
    }
    axes.plot(eps, values, look.line, **drawn, **marker)
    low, high = zip(*(share.interval for share in shares), strict=True)
    if len(eps) == 1:
        beside = eps[0] * (0.99 if look.side == "pre" else 1.01)
        axes.vlines([beside], low, high, color=look.colour, alpha=0.6, linestyle=look.line)
    else:
        axes.fill_between(eps, low, high, step=look.side, color=look.colour, alpha=0.15, linewidth=0)
