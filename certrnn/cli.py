"""The command line: reads options, calls the library, prints what comes back. Nothing heavy is imported up here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from certrnn import __version__
from certrnn.errors import CertrnnError, InvalidInput, UsageError

if TYPE_CHECKING:
    from certrnn.model import Model
    from certrnn.report.results import Results
    from certrnn.run import Query, Sequences

INTERRUPTED = 130
INTERNAL = 3

Network = Annotated[
    str, typer.Argument(metavar="MODEL", help="ONNX file, or example:NAME.", show_default=False)
]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback where something fails.")]


def _version(asked: bool) -> None:
    if asked:
        print(f"certrnn {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
]


def certify(
    model: Network,
    data: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="Samples: npz, npy, csv, jsonl, idx, or example:NAME.", show_default=False
        ),
    ],
    eps: Annotated[
        str | None,
        typer.Option(metavar="E[,E..]", help="Decide these eps; without, search the largest certified eps."),
    ] = None,
    frames: Annotated[
        str,
        typer.Option(metavar="WHICH", help="each (one row a frame), all (together), or a set such as 0,3-5."),
    ] = "each",
    norm: Annotated[str, typer.Option(metavar="NORM", help="Norm of the disturbance: inf.")] = "inf",
    clip: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="LO HI", help="Valid range of inputs, such as 0 1 for pixels."),
    ] = None,
    method: Annotated[
        str, typer.Option(metavar="NAME", help="auto, interval, zonotope, crown, alpha-crown or joint.")
    ] = "auto",
    rel_tol: Annotated[
        float | None,
        typer.Option(
            metavar="R", help="Search eps to this relative tolerance instead of the paper's grid (2.4e-4..1)."
        ),
    ] = None,
    samples: Annotated[
        str | None, typer.Option(metavar="WHICH", help="Samples to take, such as 0:5,7.")
    ] = None,
    no_attack: Annotated[bool, typer.Option("--no-attack", help="Leave the attack out.")] = False,
    budget: Annotated[float | None, typer.Option(metavar="SECONDS", help="Time for a row.")] = None,
    fail_under: Annotated[
        float | None, typer.Option(metavar="EPS", help="Exit with 1 where a searched eps is below this.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document instead of the table.")
    ] = False,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Also write the JSON document here.")
    ] = None,
    debug: Debug = False,
    version: Version = False,
) -> None:
    """How much may an input be disturbed before the answer can change, guaranteed?

    Exit codes: 0 certified, 1 falsified or below --fail-under, 2 usage, 3 invalid or unsupported input, 4 undecided
    rows left, 130 interrupted.
    """
    _check_options(norm, eps, rel_tol, fail_under)
    from certrnn.report.output import Output
    from certrnn.run import Query, eps_numbers

    query = Query(
        eps=eps_numbers(eps),
        frames=frames,
        clip=clip,
        method=method,
        schedule=Query.search(rel_tol),
        attack=not no_attack,
        budget=budget,
    )
    output = Output(json, out)
    network, chosen = _read(model, data, samples)
    results, failure = _stream(network, chosen, query)
    if results.rows or failure is None:
        output.write(results)
    if failure is not None:
        raise failure
    if "error" in results.counts():
        _fail("certify", "THE SELF-CHECK FAILED: believe no row of this run, and please report it", INTERNAL)
    raise typer.Exit(results.exit_code(fail_under))


def doctor(
    model: Network,
    data: Annotated[
        str | None, typer.Option(metavar="FILE", help="Samples to check the network on.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    debug: Debug = False,
) -> None:
    """Show what was understood of a network, and whether it agrees with onnxruntime."""
    from certrnn.report.doctor import examine
    from certrnn.report.output import print_text

    network = _load(model)
    shapes = () if data is None else network.read(data).shapes
    report = examine(network.path, network.network, shapes)
    print_text(report.to_json() if json else report.text())


def examples() -> None:
    """List the networks and the data that ship with certrnn."""
    from certrnn.examples import PREFIX, data_names, names
    from certrnn.report.output import print_text

    networks = "\n".join(f"  {PREFIX}{name}" for name in names())
    data = "\n".join(f"  {PREFIX}{name}" for name in data_names())
    print_text(f"networks\n{networks}\ndata\n{data}\n")


def _check_options(norm: str, eps: str | None, rel_tol: float | None, fail_under: float | None) -> None:
    if norm != "inf":
        raise UsageError("reading --norm", "the norm is inf", repr(norm))
    if eps is not None and rel_tol is not None:
        raise UsageError(
            "reading --rel-tol", "it belongs to the search of the largest eps", "--eps beside it"
        )
    if eps is not None and fail_under is not None:
        raise UsageError(
            "reading --fail-under", "it belongs to the search of the largest eps", "--eps beside it"
        )
    if fail_under is not None and not 0 < fail_under < float("inf"):
        raise UsageError("reading --fail-under", "the eps is a positive number", fail_under)


def _load(model: str) -> Model:
    from certrnn.model import load

    return load(model)


def _read(model: str, data: str, selection: str | None) -> tuple[Model, Sequences]:
    from certrnn.io.data import parse_selection

    network = _load(model)
    sequences = network.read(data)
    if selection is not None:
        sequences = sequences.take(parse_selection(selection, len(sequences)))
    return network, sequences


def _stream(network: Model, sequences: Sequences, query: Query) -> tuple[Results, BaseException | None]:
    """The rows that were finished, and what ended the run early (Ctrl-C, an error), if anything did."""
    from certrnn.report.progress import progress

    total = network.count(sequences, query)
    rows, failure = [], None
    with progress(total) as bar:
        try:
            for some in network.stream(sequences, query, bar.bounded):
                rows.extend(some)
                bar.finished(len(some))
        except (Exception, KeyboardInterrupt) as error:
            failure = error
    return network.results(rows, sequences, query, total), failure


def _app(commands: dict[str, Callable[..., None]], help_text: str | None = None) -> typer.Typer:
    app = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, help=help_text
    )
    for name, command in commands.items():
        app.command(name)(command)
    return app


def _run(app: typer.Typer, program: str, arguments: list[str] | None) -> int:
    """Run an app; every failure becomes one line on stderr and an exit code."""
    # Read when torch loads: its threads sleep between two small operations. Spinning, they take ten times the processor
    # time, and where something else is running as well, ten times the time.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    given = sys.argv[1:] if arguments is None else arguments
    if not given:
        app(["--help"], prog_name=program, standalone_mode=False)
        return 2
    try:
        code = app(given, prog_name=program, standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        if "--debug" in given:
            raise
        return _fail(program, *_explain(error))
    return _fail(program, "interrupted", code) if code == INTERRUPTED else code or 0


def _explain(error: Exception) -> tuple[str, int]:
    if isinstance(error, CertrnnError):
        return str(error), error.exit_code
    spoken = getattr(error, "format_message", None)  # the option parser's own errors
    if spoken is not None:
        return f"{' '.join(spoken().split())} (see --help)", 2
    if isinstance(error, MemoryError):
        return str(
            InvalidInput("certifying", "the run fits into memory", "not enough", "Take fewer --samples.")
        ), INTERNAL
    text = " ".join(str(error).split())[:300]
    return f"internal error, please report it: {type(error).__name__}: {text} (--debug shows where)", INTERNAL


def _fail(program: str, message: str, code: int) -> int:
    print(f"{program}: {message}", file=sys.stderr)
    return code


def main(arguments: list[str] | None = None) -> int:
    """The command ``certrnn``; returns the exit code."""
    commands = {"certify": certify, "doctor": doctor, "examples": examples}
    app = _app(commands, "Formal robustness certificates for recurrent neural networks.")
    app.callback()(_top)
    return _run(app, "certrnn", arguments)


def _top(version: Version = False) -> None:
    """Formal robustness certificates for recurrent neural networks."""


def certify_main(arguments: list[str] | None = None) -> int:
    """The command ``certify``: short for ``certrnn certify``; returns the exit code."""
    return _run(_app({"certify": certify}), "certify", arguments)
