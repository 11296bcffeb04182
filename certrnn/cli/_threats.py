"""The options that say what may change and what must hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from certrnn.cli._options_of import with_options
from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.certification import Query
    from certrnn.model import Model
    from certrnn.threats import Specification

NormOption = Annotated[
    str,
    typer.Option(metavar="P", help="Norm of the disturbance: inf, 2 or 1."),
]
Joint = Annotated[
    bool,
    typer.Option(
        "--joint",
        help="One eps for all disturbed frames together, not one a frame (--norm 2 or 1).",
    ),
]
Radii = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Each feature's radius, in units of eps: npy, or numbers as text, a line a frame.",
        show_default=False,
    ),
]
WordsOption = Annotated[
    str | None,
    typer.Option(
        "--words",
        metavar="FILE",
        help="Substitutes of words instead of eps: jsonl with sample, position and substitutes.",
        show_default=False,
    ),
]
Target = Annotated[
    int | None,
    typer.Option(
        metavar="LABEL",
        help="The answer never becomes this label.",
        show_default=False,
    ),
]
AcceptOption = Annotated[
    str | None,
    typer.Option(
        "--accept",
        metavar="L,L..",
        help="The answer stays one of these labels.",
        show_default=False,
    ),
]
ThresholdOption = Annotated[
    tuple[float, float] | None,
    typer.Option(
        "--threshold",
        metavar="LO HI",
        help="Every output stays between LO and HI; -inf and inf are allowed.",
        show_default=False,
    ),
]


OPTIONS: dict[str, tuple[Any, Any]] = {
    "norm": (NormOption, "inf"),
    "joint": (Joint, False),
    "radii": (Radii, None),
    "words": (WordsOption, None),
    "target": (Target, None),
    "accept": (AcceptOption, None),
    "threshold": (ThresholdOption, None),
}
"""Annotation and default, option by option, in the order of the help."""


@dataclass(frozen=True)
class Threatened:
    """What the options say may change, and what must hold."""

    norm: str = "inf"
    joint: bool = False
    radii: str | None = None
    words: str | None = None
    target: int | None = None
    accept: str | None = None
    threshold: tuple[float, float] | None = None

    def named(self, *but: str) -> list[str]:
        """Options that are not at their defaults, but for these."""
        return [
            name
            for name, (_, default) in OPTIONS.items()
            if getattr(self, name) != default and name not in but
        ]

    def check(self, eps: str | None) -> None:
        """Words are substituted whole: there is no eps and no norm beside them.

        Raises:
            UsageError: one is given.
        """
        beside = (["eps"] if eps is not None else []) + self.named("words", "target", "accept", "threshold")
        if self.words is not None and beside:
            raise UsageError("reading --words", "words are substituted whole", f"--{beside[0]} beside it")

    def changes(self, eps: str | None, clip: tuple[float, float] | None) -> dict[str, Any]:
        """The options that say what may change, None where they were not given."""
        named = {name: getattr(self, name) for name in ("joint", "radii", "words")}
        return {"norm": self.norm if self.norm != "inf" else None, "eps": eps, "clip": clip, **named}

    @property
    def specification(self) -> Specification:
        """What must hold.

        Raises:
            UsageError: two specifications at once, or one that makes no sense.
        """
        from certrnn.certification.options import numbers, specification

        return specification(self.target, numbers(self.accept, "--accept"), self.threshold)

    def put(self, query: Query, network: Model) -> Query:
        """The query about what may change.

        Raises:
            UsageError, InvalidInput: options that make no sense, or files that do not fit the network.
        """
        from certrnn.certification.options import threat_model
        from certrnn.io.data.threats import read_radii, read_substitutes
        from certrnn.threats import FULL

        if self.words is not None:
            return replace(query, threat=network.substitution(read_substitutes(self.words)), eps=(FULL,))
        radii = None if self.radii is None else read_radii(self.radii)
        return replace(query, threat=threat_model(self.norm, self.joint, radii))


USUAL = Threatened()
"""The l-inf ball, in which the label must hold."""

with_threats = with_options("threat", OPTIONS, Threatened)
"""Gives a command these options in place of its parameter ``threat``, which then is :class:`Threatened`."""
with_balls = with_options(
    "threat", {name: one for name, one in OPTIONS.items() if name != "words"}, Threatened
)
"""The same for commands over a range of eps, of which words that are substituted whole have none."""
