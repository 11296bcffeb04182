"""The options that say what may change and what must hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.certification import Query
    from certrnn.model import Model

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


def check_words(words: str | None, eps: str | None, norm: str, joint: bool, radii: str | None) -> None:
    """Words are substituted whole: there is no eps and no norm beside them.

    Raises:
        UsageError: one is given.
    """
    beside = {"--eps": eps, "--norm": norm != "inf" or None, "--joint": joint or None, "--radii": radii}
    named = [name for name, value in beside.items() if value is not None]
    if words is not None and named:
        raise UsageError("reading --words", "words are substituted whole", f"{named[0]} beside it")


def asking(
    query: Query,
    network: Model,
    norm: str,
    joint: bool,
    radii: str | None,
    words: str | None,
) -> Query:
    """The query about what these options say may change."""
    from dataclasses import replace

    from certrnn.certification.options import threat_model
    from certrnn.io.data.threats import read_radii, read_substitutes
    from certrnn.threats import FULL

    if words is not None:
        return replace(query, threat=network.substitution(read_substitutes(words)), eps=(FULL,))
    given = None if radii is None else read_radii(radii)
    return replace(query, threat=threat_model(norm, joint, given))
