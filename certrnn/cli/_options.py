"""Arguments that several commands share, and what every command does with them. Nothing heavy is imported up here."""

from __future__ import annotations

from typing import Annotated

import typer

from certrnn import __version__

Network = Annotated[
    str, typer.Argument(metavar="MODEL", help="ONNX file, or example:NAME.", show_default=False)
]
Data = Annotated[
    str,
    typer.Option(
        metavar="FILE",
        help="Samples: npz, npy, csv, jsonl, idx, example:NAME, or - for stdin.",
        show_default=False,
    ),
]
Samples = Annotated[str | None, typer.Option(metavar="WHICH", help="Samples to take, such as 0:5,7.")]
Frames = Annotated[
    str, typer.Option(metavar="WHICH", help="each (one row a frame), all (together), or a set such as 0,3-5.")
]
OutputName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The output that answers, where the network has several.", show_default=False
    ),
]
Layout = Annotated[
    str | None,
    typer.Option(
        metavar="AXES",
        help="Axes of the data's array: n samples, t frames, f features, such as n,t,f.",
        show_default=False,
    ),
]
Cut = Annotated[
    float | None,
    typer.Option(
        metavar="T", help="Of a network with one score, class 1 is what lies above T.", show_default=False
    ),
]
MultiLabel = Annotated[
    bool, typer.Option("--multi-label", help="Every score of the output is a label of its own, given or not.")
]
OneLabel = Annotated[
    int | None,
    typer.Option(metavar="K", help="Of --multi-label only this label, from 0.", show_default=False),
]
Fix = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=WHAT",
        help="An input that is no data, such as a state: zeros, a number, or an npy or npz file. Repeatable.",
        show_default=False,
    ),
]
Clip = Annotated[
    tuple[float, float] | None,
    typer.Option(metavar="LO HI", help="Valid range of inputs, such as 0 1 for pixels."),
]
Method = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="auto, interval, zonotope, popqorn, crown, alpha-crown, joint-output, joint or bab.",
    ),
]
RelTol = Annotated[
    float | None,
    typer.Option(
        metavar="R", help="Search eps to this relative tolerance instead of the paper's grid (2.4e-4..1)."
    ),
]
NoAttack = Annotated[bool, typer.Option("--no-attack", help="Leave the attack out.")]
Budget = Annotated[float | None, typer.Option(metavar="SECONDS", help="Time for a row.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the table.")]
Out = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Also write the JSON document here, or the rows where the name ends in .csv or .tex.",
    ),
]
Outs = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="Also write a .png, .svg, .json, .csv or .tex file; may be repeated.",
        show_default=False,
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback where something fails.")]


def _version(version: bool) -> None:
    if version:
        print(f"certrnn {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
]
