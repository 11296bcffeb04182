"""``certrnn conditions``: when a disturbance must drive the states of a network apart."""

from __future__ import annotations

from typing import Annotated

import typer

from certrnn.cli._options import Budget, Clip, Data, Debug, Json, Network, Samples
from certrnn.cli._reading import AS_IT_IS, Settled, with_reading
from certrnn.cli._runs import RunFolder, with_runs
from certrnn.cli._samples import read_data
from certrnn.cli._stream import carry_out


@with_runs
@with_reading
def conditions(
    model: Network,
    data: Data,
    eps: Annotated[
        str,
        typer.Option(
            metavar="E[,E..]", help="l-inf distances of the regions whose reachable tubes are asked."
        ),
    ],
    frames: Annotated[
        str,
        typer.Option(
            metavar="WHICH", help="all (together), each (one after the other), or a set such as 0,3-5."
        ),
    ] = "all",
    clip: Clip = None,
    samples: Samples = None,
    settled: Settled = AS_IT_IS,
    budget: Budget = None,
    run: RunFolder = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Does a disturbance exist that drives the states apart (Deka et al.)? Theorems 1 and 3, Example 1.

    Each condition is decided over the whole cube of states and over the certified reachable tube of the region: holds,
    fails, or cannot tell, with proved bounds on its number. Where it holds over the tube, the disturbance is
    constructed and its divergence measured.

    Exit codes: 0 done, 2 usage, 3 invalid or unsupported input, 4 the budget left layers out, 130 interrupted.
    """
    from certrnn.certification import eps_numbers
    from certrnn.certification.conditions import ConditionsQuery
    from certrnn.report.conditions_table import show
    from certrnn.report.output import print_rich, print_text

    query = ConditionsQuery(eps_numbers(eps) or (), frames, clip, budget)
    network, chosen = read_data(model, settled, data, samples)
    results, failure = carry_out(network.job(chosen, query), run)
    if json:
        print_text(results.to_json())
    else:
        print_rich(lambda console: show(results, console))
    if failure is not None:
        raise failure
    raise typer.Exit(results.exit_code())
