"""The options that say how coverage is counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from certrnn.cli._options_of import with_options

if TYPE_CHECKING:
    from certrnn.coverage import MetricOptions


@dataclass(frozen=True)
class Counted:
    """What the options say; see :class:`certrnn.coverage.MetricOptions`."""

    hs_top: float | None = None
    threshold: float = 0.5
    sections: str = "paper"
    gates: str = "gates"
    dx_mean: bool = False

    def options(self) -> MetricOptions:
        """The same as the library takes it, once it makes sense.

        Raises:
            UsageError: an option makes no sense.
        """
        from certrnn.coverage import MetricOptions, chosen

        options = MetricOptions(**asdict(self))
        chosen(None, options)
        return options


COUNTED = Counted()
"""As the paper counts."""

OPTIONS: dict[str, tuple[Any, Any]] = {
    "hs_top": (
        Annotated[
            float | None,
            typer.Option(
                metavar="SHARE",
                help="HS: this share of a vector is its largest; else the maximum.",
                show_default=False,
            ),
        ],
        None,
    ),
    "threshold": (
        Annotated[float, typer.Option(metavar="T", help="DX: what a scaled state must exceed.")],
        0.5,
    ),
    "sections": (
        Annotated[
            str,
            typer.Option(
                metavar="NAME",
                help="paper, or the wider boundary sections recorded by the authors: ptb, spell.",
            ),
        ],
        "paper",
    ),
    "gates": (
        Annotated[
            str,
            typer.Option(metavar="WHAT", help="gates: their arguments; split: what the authors' code takes."),
        ],
        "gates",
    ),
    "dx_mean": (
        Annotated[bool, typer.Option("--dx-mean", help="DX: the mean of a hidden vector is the neuron.")],
        False,
    ),
}
"""Annotation and default, option by option, in the order of the help."""

with_counting = with_options("counted", OPTIONS, Counted)
"""The command with these options in place of its parameter ``counted``."""
