"""``certify``: guaranteed bounds, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from certrnn.cli._app import fail, self_check_failed
from certrnn.cli._gates import UNGATED, Gated, with_gates
from certrnn.cli._like import Like, RowOption, put_again
from certrnn.cli._options import (
    Budget,
    Clip,
    Data,
    Debug,
    Json,
    Method,
    NoAttack,
    Out,
    RelTol,
    Samples,
    Version,
)
from certrnn.cli._reading import AS_IT_IS, Settled, with_reading
from certrnn.cli._runs import RunFolder, with_runs
from certrnn.cli._samples import read_whole, select
from certrnn.cli._stream import carry_out
from certrnn.cli._texts import with_texts
from certrnn.cli._threats import USUAL, Threatened, with_threats
from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.certificates.writer import Writer
    from certrnn.certification import Query
    from certrnn.datasets import Sequences
    from certrnn.model import Model

OptionalNetwork = Annotated[
    str | None, typer.Argument(metavar="MODEL", help="ONNX file, or example:NAME.", show_default=False)
]

OptionalFrames = Annotated[
    str | None,
    typer.Option(
        metavar="WHICH",
        help="each (one row a frame; the default), all (together; the default of --edits), or a set such as 0,3-5.",
        show_default=False,
    ),
]


@with_runs
@with_texts
@with_reading
@with_threats
@with_gates
def certify(
    model: OptionalNetwork = None,
    data: Data = "",
    eps: Annotated[
        str | None,
        typer.Option(metavar="E[,E..]", help="Decide these eps; without, search the largest certified eps."),
    ] = None,
    frames: OptionalFrames = None,
    threat: Threatened = USUAL,
    clip: Clip = None,
    method: Method = "auto",
    rel_tol: RelTol = None,
    samples: Samples = None,
    settled: Settled = AS_IT_IS,
    no_attack: NoAttack = False,
    budget: Budget = None,
    gated: Gated = UNGATED,
    certificates: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Write a certificate for each certified row; see certrnn check.",
            show_default=False,
        ),
    ] = None,
    like: Like = None,
    row: RowOption = None,
    run: RunFolder = None,
    json: Json = False,
    out: Out = None,
    debug: Debug = False,
    version: Version = False,
) -> None:
    """How much may an input be disturbed before the answer can change, guaranteed?

    Exit codes: 0 certified (with --fail-under-accuracy: enough of them), 1 falsified or below what is demanded, 2
    usage, 3 invalid or unsupported input, 4 undecided rows left, 130 interrupted.
    """
    options = dict(locals())
    _check_options(options)
    from certrnn.report.output import Output

    document, gate = Output(json, out), gated.gate()
    network, chosen, query = _put(options) if like is None else put_again(options, certify)
    writer = None if certificates is None else writer_of(network, chosen, query, certificates, run)
    results, failure = carry_out(network.job(chosen, query) if writer is None else writer.job, run)
    document.write(results)
    missing = [] if writer is None else writer.write(results)
    if failure is not None:
        raise failure
    if any(row.verdict == "error" and not row.reason for row in results):
        raise typer.Exit(self_check_failed("certify"))
    if missing:
        raise typer.Exit(fail("certify", f"no certificate was found for {', '.join(missing)}", 4))
    raise typer.Exit(gated.close(results, gate, "certify"))


def _put(options: dict[str, Any]) -> tuple[Model, Sequences, Query]:
    """The network, the samples and the query that the options name."""
    from certrnn.certification import Query, eps_numbers
    from certrnn.certification.options import among

    threat = options["threat"]
    query = Query(
        eps=eps_numbers(options["eps"]),
        frames=options["frames"] or ("all" if threat.edits is not None else "each"),
        clip=options["clip"],
        method=options["method"],
        schedule=Query.search(options["rel_tol"]),
        attack=not options["no_attack"],
        budget=options["budget"],
        specification=threat.specification,
    )
    network = options["settled"].load(options["model"])
    every = read_whole(network, options["data"])
    query, every = threat.put(query, network, options["data"], every)
    query, chosen = among(query, every, select(every, options["samples"]))
    return network, chosen, query


def writer_of(network: Model, chosen: Sequences, query: Query, folder: str, run: Any) -> Writer:
    """What writes certificates of a job's rows; a run that goes on finds those that it wrote."""
    from certrnn.certificates.statements import provable
    from certrnn.certificates.writer import Writer
    from certrnn.certification.job import CertifyJob

    job = network.job(chosen, provable(query))
    assert isinstance(job, CertifyJob)
    return Writer.of(job, folder, again=run.folder is not None)


def _check_options(options: dict[str, Any]) -> None:
    if options["like"] is None:
        options["threat"].check(options["eps"], options["clip"])
        for option, missing in (("MODEL", options["model"] is None), ("--like", options["row"] is not None)):
            if missing:
                named = "--row" if option == "--like" else "the command line"
                raise UsageError(f"reading {named}", f"{option} is given", "none")
    decided = "eps" if options["eps"] is not None else options["threat"].whole
    beside = f"--{decided}" if decided else None
    fail_under, share = options["gated"].fail_under, options["gated"].fail_under_accuracy
    for option, value in (("--rel-tol", options["rel_tol"]), ("--fail-under", fail_under)):
        if beside is not None and value is not None:
            raise UsageError(
                f"reading {option}", "it belongs to the search of the largest eps", f"{beside} beside it"
            )
    if options["like"] is None and share is not None and beside is None:
        raise UsageError(
            "reading --fail-under-accuracy", "shares are of samples verified at --eps", "no --eps"
        )
