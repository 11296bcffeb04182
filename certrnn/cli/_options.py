"""Arguments that several commands share, and what every command does with them. Nothing heavy is imported up here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from certrnn import __version__

if TYPE_CHECKING:
    from certrnn.io.text import TextSource
    from certrnn.model import Model
    from certrnn.run import Sequences

Network = Annotated[
    str, typer.Argument(metavar="MODEL", help="ONNX file, or example:NAME.", show_default=False)
]
Data = Annotated[
    str,
    typer.Option(
        metavar="FILE", help="Samples: npz, npy, csv, jsonl, idx, or example:NAME.", show_default=False
    ),
]
Samples = Annotated[str | None, typer.Option(metavar="WHICH", help="Samples to take, such as 0:5,7.")]
Frames = Annotated[
    str, typer.Option(metavar="WHICH", help="each (one row a frame), all (together), or a set such as 0,3-5.")
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
Out = Annotated[str | None, typer.Option(metavar="FILE", help="Also write the JSON document here.")]
Outs = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE", help="Also write a .png, .svg or .json file; may be repeated.", show_default=False
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback where something fails.")]


def _version(asked: bool) -> None:
    if asked:
        print(f"certrnn {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
]


def load_model(model: str) -> Model:
    """The network of the command's first argument."""
    from certrnn.model import load

    return load(model)


def read_data(model: str, data: str | TextSource, selection: str | None) -> tuple[Model, Sequences]:
    """The network, and the samples that were asked for: of a file, or texts (see :mod:`certrnn.cli._texts`)."""
    from certrnn.io.data import parse_selection

    network = load_model(model)
    sequences = network.read(data) if isinstance(data, str) else network.read_text(data)
    if selection is not None:
        sequences = sequences.take(parse_selection(selection, len(sequences)))
    return network, sequences
