"""``certrnn attack``: counterexamples, found and written, or read and replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from certrnn.cli._options import (
    Clip,
    Data,
    Debug,
    Frames,
    Json,
    Network,
    Samples,
)
from certrnn.cli._reading import AS_IT_IS, Settled, with_reading
from certrnn.cli._samples import read_data
from certrnn.cli._texts import with_texts
from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.datasets import Sequences
    from certrnn.falsification.campaign import AttackQuery
    from certrnn.falsification.rows import Found
    from certrnn.model import Model

SMALLEST = "smallest"


@with_texts
@with_reading
def attack(
    model: Network,
    data: Data,
    attack: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="fgsm, pgd, cw-l2, cw-linf, lbfgs, saliency (few features), mse, mse-noise, words (embedding "
            "neighbours), substitution, gradient-sign, fixed-point, dynamic-fixed-point or optimal-control.",
        ),
    ] = "pgd",
    eps: Annotated[
        str,
        typer.Option(metavar="E[,E..]", help="l-inf distances to attack, or smallest: the closest found."),
    ] = SMALLEST,
    frames: Frames = "all",
    clip: Clip = None,
    target: Annotated[
        int | None,
        typer.Option(metavar="LABEL", help="The class that must come out; else any but the label."),
    ] = None,
    samples: Samples = None,
    settled: Settled = AS_IT_IS,
    json: Json = False,
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write the counterexamples here (npz).", show_default=False),
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Replay the counterexamples of a written file instead.", show_default=False
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Look for inputs that the network answers wrongly, and replay each in onnxruntime.

    Exit codes: with --eps E 1 where a counterexample was found, else 4; with --eps smallest 0 where one was found, else
    4; with --replay 0 where all are confirmed, else 1. 2 usage, 3 invalid or unsupported input, 130 interrupted.
    """
    if replay is not None:
        _check_alone(data, out)
        raise typer.Exit(_replayed(settled.load(model), replay, json))
    from dataclasses import replace

    from certrnn.certification import eps_numbers
    from certrnn.falsification.campaign import AttackQuery, attack_named
    from certrnn.report.output import Output, write_file

    numbers = None if eps == SMALLEST else eps_numbers(eps)
    Output(json=False, file=out)
    network, chosen = read_data(model, settled, data, samples)
    query = AttackQuery(attack, attack_named(attack, network.network), numbers, frames, clip, target)
    found, failure = _stream(network, chosen, query)
    results, counterexamples = network.attack_results(found, chosen, query)
    if failure is not None:
        early = f"stopped early: {len(results.rows)} rows are finished, others are not"
        results = replace(results, notes=(*results.notes, early))
    if results.rows or failure is None:
        if out is not None:
            write_file(out, counterexamples.content(network.precision))
        _print(results, json)
    if failure is not None:
        raise failure
    raise typer.Exit(results.exit_code())


def _check_alone(data: object, out: str | None) -> None:
    for option, value in (("--data", data), ("--out", out)):
        if value is not None:
            raise UsageError("reading --replay", "the file holds its own samples", f"{option} beside it")


def _stream(
    network: Model, sequences: Sequences, query: AttackQuery
) -> tuple[list[Found], BaseException | None]:
    """What was found, and what ended the run early (Ctrl-C, an error), if anything did."""
    from certrnn.certification import Query
    from certrnn.report.progress import progress

    total = network.count(sequences, Query(query.eps, query.frames, query.clip))
    found, failure = [], None
    with progress(total, "attacking") as bar:
        try:
            for some in network.stream_attacks(sequences, query):
                found.extend(some)
                bar.finished(len(some))
        except (Exception, KeyboardInterrupt) as error:
            failure = error
    return found, failure


def _print(results: object, json: bool) -> None:
    from certrnn.report.attack_table import show_attack
    from certrnn.report.output import print_rich, print_text
    from certrnn.results.attacks import AttackResults

    assert isinstance(results, AttackResults)
    if json:
        print_text(results.to_json())
    else:
        print_rich(lambda console: show_attack(results, console))


def _replayed(network: Model, file: str, json: bool) -> int:
    from certrnn.report.attack_table import show_replay
    from certrnn.report.output import print_rich, print_text

    results = network.replay(file)
    if json:
        print_text(results.to_json())
    else:
        print_rich(lambda console: show_replay(results, console))
    return results.exit_code()
