"""``certify``: guaranteed bounds, row by row."""

from __future__ import annotations

from typing import Annotated

import typer

from certrnn.cli._app import self_check_failed
from certrnn.cli._options import (
    Budget,
    Clip,
    Data,
    Debug,
    Frames,
    Json,
    Method,
    Network,
    NoAttack,
    Out,
    RelTol,
    Samples,
    Version,
    read_data,
)
from certrnn.cli._runs import RunFolder, with_runs
from certrnn.cli._stream import stream
from certrnn.cli._texts import with_texts
from certrnn.cli._threats import (
    AcceptOption,
    Joint,
    NormOption,
    Radii,
    Target,
    ThresholdOption,
    WordsOption,
    asking,
    check_words,
)
from certrnn.errors import UsageError


@with_runs
@with_texts
def certify(
    model: Network,
    data: Data,
    eps: Annotated[
        str | None,
        typer.Option(metavar="E[,E..]", help="Decide these eps; without, search the largest certified eps."),
    ] = None,
    frames: Frames = "each",
    norm: NormOption = "inf",
    joint: Joint = False,
    radii: Radii = None,
    words: WordsOption = None,
    target: Target = None,
    accept: AcceptOption = None,
    threshold: ThresholdOption = None,
    clip: Clip = None,
    method: Method = "auto",
    rel_tol: RelTol = None,
    samples: Samples = None,
    no_attack: NoAttack = False,
    budget: Budget = None,
    fail_under: Annotated[
        float | None, typer.Option(metavar="EPS", help="Exit with 1 where a searched eps is below this.")
    ] = None,
    run: RunFolder = None,
    json: Json = False,
    out: Out = None,
    debug: Debug = False,
    version: Version = False,
) -> None:
    """How much may an input be disturbed before the answer can change, guaranteed?

    Exit codes: 0 certified, 1 falsified or below --fail-under, 2 usage, 3 invalid or unsupported input, 4 undecided
    rows left, 130 interrupted.
    """
    _check_options(words, eps, rel_tol, fail_under)
    check_words(words, eps, norm, joint, radii)
    from certrnn.report.output import Output
    from certrnn.run import Query, eps_numbers
    from certrnn.run.asked import demand, numbers

    query = Query(
        eps=eps_numbers(eps),
        frames=frames,
        clip=clip,
        method=method,
        schedule=Query.search(rel_tol),
        attack=not no_attack,
        budget=budget,
        demand=demand(target, numbers(accept, "--accept"), threshold),
    )
    output = Output(json, out)
    network, chosen = read_data(model, data, samples)
    query = asking(query, network, norm, joint, radii, words)
    results, failure = stream(network, chosen, query, run)
    if results.rows or failure is None:
        output.write(results)
    if failure is not None:
        raise failure
    if any(row.verdict == "error" and not row.reason for row in results):
        raise typer.Exit(self_check_failed("certify"))
    raise typer.Exit(results.exit_code(fail_under))


def _check_options(
    words: str | None, eps: str | None, rel_tol: float | None, fail_under: float | None
) -> None:
    beside = "--eps" if eps is not None else "--words" if words is not None else None
    for option, value in (("--rel-tol", rel_tol), ("--fail-under", fail_under)):
        if beside is not None and value is not None:
            raise UsageError(
                f"reading {option}", "it belongs to the search of the largest eps", f"{beside} beside it"
            )
    if fail_under is not None and not 0 < fail_under < float("inf"):
        raise UsageError("reading --fail-under", "the eps is a positive number", fail_under)
