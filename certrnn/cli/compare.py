"""``certrnn compare``: models and methods side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from certrnn.cli._app import self_check_failed
from certrnn.cli._options import (
    Budget,
    Clip,
    Data,
    Debug,
    Frames,
    Json,
    NoAttack,
    Outs,
    RelTol,
    Samples,
)
from certrnn.cli._reading import AS_IT_IS, Settled, with_reading
from certrnn.cli._runs import Carried, RunFolder, with_runs
from certrnn.cli._samples import read_data
from certrnn.cli._stream import carry_out
from certrnn.cli._texts import with_texts
from certrnn.cli._threats import USUAL, Threatened, with_balls
from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.results.comparison import Comparison
    from certrnn.runs.job import Job

Networks = Annotated[
    str,
    typer.Argument(
        metavar="MODEL[,MODEL..]", help="ONNX files, or example:NAME, between commas.", show_default=False
    ),
]


@with_runs
@with_texts
@with_reading
@with_balls
def compare(
    models: Networks,
    data: Data,
    methods: Annotated[
        str,
        typer.Option(metavar="NAME[,NAME..]", help="Methods, such as interval,zonotope,crown."),
    ] = "auto",
    frames: Frames = "all",
    eps: Annotated[
        str | None, typer.Option(metavar="AXIS", help="Also show the verified accuracy at these eps.")
    ] = None,
    threat: Threatened = USUAL,
    clip: Clip = None,
    rel_tol: RelTol = None,
    samples: Samples = None,
    settled: Settled = AS_IT_IS,
    no_attack: NoAttack = False,
    budget: Budget = None,
    run: RunFolder = None,
    out: Outs = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Certified eps of models and methods: mean, spread, time, violins, and Mann-Whitney's U between them.

    Exit codes: 0 done, 2 usage, 3 invalid or unsupported input or a failed self-check, 4 no sample is finished, 130
    interrupted.
    """
    from certrnn.certification import Query
    from certrnn.certification.comparing import CompareQuery
    from certrnn.cli._eps import eps_axis
    from certrnn.report.compare_table import CompareReport
    from certrnn.report.files import Files
    from certrnn.report.output import print_rich, print_text

    axis, files = eps_axis(eps) if eps is not None else (), Files.of(out)
    names = tuple(listed(methods, "--methods"))
    schedule = Query.search(rel_tol)
    query = Query(None, frames, clip, names[0], schedule, False, budget, specification=threat.specification)
    paths = [models] if Path(models).exists() else listed(models, "MODEL")
    jobs = []
    for path in paths:  # whatever is refused, is refused first
        network, chosen = read_data(path, settled, data, samples)
        posed, chosen = threat.put(query, network, data, chosen)
        jobs.append(network.job(chosen, CompareQuery(posed, names, not no_attack, axis)))
    comparison, failure = _compared(jobs, run)
    report = CompareReport(comparison)
    if comparison.groups:
        files.write(report.content)
    else:  # a picture needs something to show
        Files(tuple(name for name in files.names if name.endswith(".json"))).write(report.content)
    if json:
        print_text(comparison.to_json())
    else:
        print_rich(report.show)
    if comparison.broken:
        raise typer.Exit(self_check_failed("certrnn compare"))
    if failure is not None:
        raise failure
    raise typer.Exit(comparison.exit_code())


def listed(text: str, option: str) -> list[str]:
    """Names between commas, each once."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise UsageError(f"reading {option}", "names between commas, none of them empty", repr(text))
    return list(dict.fromkeys(names))


def _compared(
    jobs: list[Job[Any, Any, Any]], run: Carried | str | None
) -> tuple[Comparison, BaseException | None]:
    """The comparisons of all models together, and what ended the run early, if anything did.

    Of several models each has a folder in the run's folder, by its place on the command line from 1.
    """
    from dataclasses import replace

    from certrnn.results.comparison import Comparison

    assert isinstance(run, Carried)
    parts: list[Comparison] = []
    for place, job in enumerate(jobs, 1):
        alone = run.folder is None or len(jobs) == 1
        own = run if alone else replace(run, folder=str(Path(run.folder or "") / str(place)))
        try:
            part, failure = carry_out(job, own)
        except (Exception, KeyboardInterrupt) as error:
            if not parts:
                raise
            return Comparison.together(parts), error
        parts.append(part)
        if failure is not None:
            return Comparison.together(parts), failure
    return Comparison.together(parts), None
