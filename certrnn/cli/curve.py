"""``certrnn curve``: verified, attacked and clean accuracy over eps."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from certrnn.cli._app import self_check_failed
from certrnn.cli._gates import Accuracy
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
    Outs,
    Samples,
)
from certrnn.cli._reading import AS_IT_IS, Settled, with_reading
from certrnn.cli._runs import RunFolder, with_runs
from certrnn.cli._samples import read_data
from certrnn.cli._stream import carry_out
from certrnn.cli._texts import with_texts
from certrnn.cli._threats import USUAL, Threatened, with_balls


@with_runs
@with_texts
@with_reading
@with_balls
def curve(
    model: Network,
    data: Data,
    eps: Annotated[
        str, typer.Option(metavar="AXIS", help="Eps as LOW:HIGH:COUNT, or E,E,..", show_default=False)
    ],
    frames: Frames = "all",
    threat: Threatened = USUAL,
    clip: Clip = None,
    method: Method = "zonotope",
    samples: Samples = None,
    settled: Settled = AS_IT_IS,
    no_attack: NoAttack = False,
    budget: Budget = None,
    fail_under_accuracy: Accuracy = None,
    run: RunFolder = None,
    out: Outs = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Verified, attacked and clean accuracy over eps, with 95 % Wilson intervals.

    A sample is verified at an eps where it is answered right, and certified at this eps or a larger one.
    """
    from dataclasses import replace

    from certrnn.certification import Query
    from certrnn.cli._eps import eps_axis
    from certrnn.report.curve_table import CurveReport
    from certrnn.report.files import Files
    from certrnn.report.output import print_rich, print_text
    from certrnn.results.curve import Wording, nothing_certified
    from certrnn.results.curve import curve as count
    from certrnn.results.figures import exact
    from certrnn.results.gates import Gate
    from certrnn.results.samples import finished
    from certrnn.search import EpsGrid

    axis, files, gate = eps_axis(eps), Files.of(out), Gate(None, fail_under_accuracy)
    grid = EpsGrid.including(axis)
    query = Query(None, frames, clip, method, grid, not no_attack, budget, specification=threat.specification)
    network, chosen = read_data(model, settled, data, samples)
    query, chosen = threat.put(query, network, data, chosen)
    results, failure = carry_out(network.job(chosen, query), run)
    zero = (f"eps 0 was decided at {exact(grid.eps[0])}, which holds it",) if axis[0] == 0.0 else ()
    results = replace(results, rows=results.finished(), grid=axis, notes=(*results.notes, *zero))
    outcomes = finished(results)
    if outcomes:
        report = CurveReport(results, count(outcomes, axis, query.attack, Wording.of(results)))
        files.write(report.content)
        if json:
            print_text(report.to_json())
        else:
            print_rich(report.show)
    if failure is not None:
        raise failure
    if any(sample.broken for sample in outcomes):
        raise typer.Exit(self_check_failed("certrnn curve"))
    short = [gate.share_short(e, sum(one.verified(e) for one in outcomes), len(outcomes)) for e in axis]
    if fail_under_accuracy is not None:
        for line in filter(None, short):
            print(f"certrnn curve: {line}", file=sys.stderr)
        raise typer.Exit(1 if any(short) else 0)
    raise typer.Exit(4 if nothing_certified(outcomes) else 0)
