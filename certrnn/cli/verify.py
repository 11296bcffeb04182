"""``certrnn verify``: VNN-LIB queries."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from certrnn.cli._instances import answer_instances
from certrnn.cli._limits import alarm, command_start, leave, soft
from certrnn.cli._options import Debug, Json, Layout, OutputName
from certrnn.cli._reading import Settled
from certrnn.cli._runs import Carried, RunFolder, with_runs
from certrnn.cli._stream import carry_out
from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.vnnlib.answer import Verified
    from certrnn.vnnlib.job import VerifyJob
    from certrnn.vnnlib.parse import Query


@with_runs
def verify(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="QUERY | MODEL QUERY | INSTANCES",
            help="A VNN-LIB query, with --network; an ONNX file and a query; or a list of instances, as in VNN-COMP.",
            show_default=False,
        ),
    ],
    network: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="The ONNX file of a network that the query declares.",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Answer timed-out after so long.", show_default=False),
    ] = None,
    output: OutputName = None,
    layout: Layout = None,
    budget: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Time for branching in a case (60).", show_default=False),
    ] = None,
    run: RunFolder = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Of a list of instances: its answers, as csv.", show_default=False),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Is there an input that satisfies a VNN-LIB query (version 1.0 or 2)? Answers sat, unsat, unknown or timed-out.

    unsat is proved; sat comes with an assignment that onnxruntime confirms. Exit codes: 0 unsat, 1 sat, 2 usage, 3
    invalid or unsupported input, 4 unknown or timed-out, 130 interrupted; of a list 0 where all are decided, 3 where
    one ended in an error, else 4.
    """
    start = command_start()
    if timeout is not None and not 0 < timeout < float("inf"):
        raise UsageError("reading --timeout", "it is a positive number of seconds", timeout)
    if len(files) == 1 and files[0].lower().endswith((".csv", ".csv.gz")):
        raise typer.Exit(answer_instances(files[0], out, timeout, Settled(output, layout)))
    if out is not None:
        raise UsageError("reading --out", "it belongs to a list of instances", "a query")
    model, query_file, name = _paired(files, network or [])
    from certrnn.examples import resolve
    from certrnn.report.output import print_text
    from certrnn.vnnlib.answer import TIMED_OUT, Answer, Verified
    from certrnn.vnnlib.job import VerifyJob, VerifyQuery
    from certrnn.vnnlib.parse import read_query

    query = read_query(query_file)
    _check_name(query, name)
    question = VerifyQuery(Path(query_file).name, query.source.text, _branching(budget, timeout))

    def job() -> VerifyJob:
        loaded = Settled(output, layout).load(model)
        return VerifyJob.of(model, loaded.network, question, soft(start, timeout))

    done = _timed(job, run, start, timeout)
    if done is None:
        digest = hashlib.sha256(Path(resolve(model)).read_bytes()).hexdigest()
        done = Verified(query, model, digest, Answer(TIMED_OUT), 0.0)
    done = replace(done, query=query, seconds=time.perf_counter() - start)
    for note in done.answer.notes:
        print(f"certrnn: {note}", file=sys.stderr)
    print_text(done.to_json() if json else done.text())
    if timeout is not None and isinstance(run, Carried) and run.settings.kind == "in-process":
        leave(done.exit_code())
    raise typer.Exit(done.exit_code())


def _branching(budget: float | None, timeout: float | None) -> float | None:
    """Seconds for branching in a case: where only the whole has a limit, workers know no other end either."""
    if budget is not None and not 0 < budget < float("inf"):
        raise UsageError("reading --budget", "seconds are positive", budget)
    return float("inf") if budget is None and timeout is not None else budget


def _timed(
    make: Callable[[], VerifyJob], run: Carried | str | None, start: float, timeout: float | None
) -> Verified | None:
    """What came out in time; None where that is nothing at all."""
    from certrnn.errors import TimedOut
    from certrnn.vnnlib.answer import TIMED_OUT

    with contextlib.suppress(TimedOut), alarm(start, timeout):
        done, failure = carry_out(make(), run)
        if isinstance(failure, TimedOut):
            return replace(done, answer=replace(done.answer, verdict=TIMED_OUT))
        if failure is not None:
            raise failure
        return done
    return None


def _paired(files: list[str], networks: list[str]) -> tuple[str, str, str | None]:
    """Model, query, and the name that the model is given."""
    pairs = [text.partition("=") for text in networks]
    if len(files) == 2 and not pairs:
        return files[0], files[1], None
    if len(files) != 1 or len(pairs) != 1 or not all(pairs[0]):
        raise UsageError(
            "reading the arguments",
            "they are QUERY --network NAME=FILE, or MODEL QUERY",
            " ".join([*files, *(f"--network {text}" for text in networks)]),
            "A query of several networks is not supported.",
        )
    return pairs[0][2], files[0], pairs[0][0]


def _check_name(query: Query, name: str | None) -> None:
    if name is not None and query.network not in (None, name):
        raise UsageError("reading --network", f"the query declares a network {query.network!r}", repr(name))
