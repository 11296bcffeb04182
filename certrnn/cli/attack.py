"""``certrnn attack``: counterexamples, found and written, or read and replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from certrnn.cli._guided import UNGUIDED, Guided, guided_search, with_guided
from certrnn.cli._options import Budget, Clip, Data, Debug, Frames, Json, Network, Samples
from certrnn.cli._reading import AS_IT_IS, Settled, with_reading
from certrnn.cli._runs import Carried, RunFolder, with_runs
from certrnn.cli._samples import read_whole, select
from certrnn.cli._stream import carry_out
from certrnn.cli._texts import with_texts
from certrnn.cli._threats import USUAL, Threatened, with_threats
from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.falsification.query import AttackQuery
    from certrnn.model import Model
    from certrnn.runs.job import Job

SMALLEST = "smallest"


@with_runs
@with_texts
@with_reading
@with_threats
@with_guided
def attack(
    model: Network,
    data: Data,
    attack: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="pgd (the default), fgsm, cw-l2, cw-linf, lbfgs, saliency (few features), mse, mse-noise, words "
            "(embedding neighbours), substitution (the default with --words and --edits), gradient-sign, fixed-point, "
            "dynamic-fixed-point, optimal-control or rnn-test.",
            show_default=False,
        ),
    ] = None,
    eps: Annotated[
        str | None,
        typer.Option(
            metavar="E[,E..]",
            help="Distances to attack; smallest (the default): the closest found.",
            show_default=False,
        ),
    ] = None,
    frames: Frames = "all",
    threat: Threatened = USUAL,
    clip: Clip = None,
    guided: Guided = UNGUIDED,
    samples: Samples = None,
    settled: Settled = AS_IT_IS,
    budget: Budget = None,
    run: RunFolder = None,
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
    """Look for inputs that break what must hold (else: that the label is answered), and replay each in onnxruntime.

    Exit codes: with --eps E, --words or --edits 1 where a counterexample was found, else 4; with --eps smallest 0
    where one was found, else 4; with --replay 0 where all are confirmed, else 1. 2 usage, 3 invalid or unsupported
    input, 130 interrupted.
    """
    options = dict(locals())
    if replay is not None:
        _check_alone(options)
        raise typer.Exit(_replayed(settled.load(model), replay, json))
    if guided.is_search(attack, eps, SMALLEST):
        _check_unguided(options)
        raise typer.Exit(guided_search(model, settled, data, samples, guided, clip, out, json))
    from certrnn.falsification.counterexamples import Counterexamples
    from certrnn.report.output import Output, write_file

    Output(json=False, file=out)
    job = _put(options)
    results, failure = carry_out(job, run)
    if out is not None:
        write_file(out, Counterexamples.of(results).content(job.precision))
    _print(results, json)
    if failure is not None:
        raise failure
    raise typer.Exit(results.exit_code())


def _check_alone(options: dict[str, Any]) -> None:
    """The file holds its own samples, what may change and what must hold."""
    plain = {"frames": "all", "guided": UNGUIDED}
    named = ("data", "out", "attack", "eps", *plain, "clip", "samples", "budget")
    extras = [name for name in named if options[name] != plain.get(name)] + options["threat"].named()
    if isinstance(options["run"], Carried) and options["run"].folder is not None:
        extras.append("run")
    if extras:
        option = "orientation and the like" if extras[0] == "guided" else extras[0]
        requirement = "the file holds its own samples and what is asked of them"
        raise UsageError("reading --replay", requirement, f"--{option} beside it")


def _check_unguided(options: dict[str, Any]) -> None:
    """A guided search draws one frame, wants any other answer, and counts coverage input after input."""
    run = options["run"]
    plain = {"frames": "all", "budget": None}
    extras = [name for name, default in plain.items() if options[name] != default] + options["threat"].named()
    if isinstance(run, Carried) and (run.folder is not None or run.settings.kind != "in-process"):
        extras.append("run" if run.folder is not None else "workers")
    if extras:
        requirement = "rnn-test changes one frame of one input after the other, to any other answer"
        raise UsageError(f"reading --{extras[0]}", requirement, "it beside --attack rnn-test")


def _put(options: dict[str, Any]) -> Job[Any, Any, Any]:
    """The question that the options put to the samples they name."""
    from certrnn.certification import Query, eps_numbers
    from certrnn.certification.options import among

    threat, eps = options["threat"], None if options["eps"] == SMALLEST else options["eps"]
    threat.check(eps, options["clip"])
    held = threat.specification
    query = Query(
        eps_numbers(eps), options["frames"], options["clip"], budget=options["budget"], specification=held
    )
    network = options["settled"].load(options["model"])
    every = read_whole(network, options["data"])
    query, every = threat.put(query, network, options["data"], every)
    query, chosen = among(query, every, select(every, options["samples"]))
    return network.job(chosen, _named(options["attack"], query))


def _named(attack: str | None, query: Any) -> AttackQuery:
    from certrnn.falsification.query import AttackQuery, usual

    return AttackQuery(attack or usual(query), query)


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
