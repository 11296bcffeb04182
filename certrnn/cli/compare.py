"""``certrnn compare``: models and methods side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from certrnn.cli._samples import read_data
from certrnn.cli._stream import stream_samples
from certrnn.cli._texts import with_texts
from certrnn.cli._threats import AcceptOption, Joint, NormOption, Radii, Target, ThresholdOption, asking
from certrnn.errors import UsageError

if TYPE_CHECKING:
    from certrnn.certification import Query
    from certrnn.datasets import Sequences
    from certrnn.model import Model
    from certrnn.results.comparison import AttackedEps, Group

Networks = Annotated[
    str,
    typer.Argument(
        metavar="MODEL[,MODEL..]", help="ONNX files, or example:NAME, between commas.", show_default=False
    ),
]


@with_texts
@with_reading
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
    norm: NormOption = "inf",
    joint: Joint = False,
    radii: Radii = None,
    target: Target = None,
    accept: AcceptOption = None,
    threshold: ThresholdOption = None,
    clip: Clip = None,
    rel_tol: RelTol = None,
    samples: Samples = None,
    settled: Settled = AS_IT_IS,
    no_attack: NoAttack = False,
    budget: Budget = None,
    out: Outs = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Certified eps of models and methods: mean, spread, time, violins, and Mann-Whitney's U between them."""
    from certrnn.certification import Query
    from certrnn.certification.options import numbers, specification
    from certrnn.cli._eps import eps_axis
    from certrnn.report.compare_table import CompareReport
    from certrnn.report.files import Files
    from certrnn.report.output import print_rich, print_text
    from certrnn.results.comparison import Comparison

    axis, files = eps_axis(eps) if eps is not None else (), Files.of(out)
    names, schedule = listed(methods, "--methods"), Query.search(rel_tol)
    held = specification(target, numbers(accept, "--accept"), threshold)
    queries = [Query(None, frames, clip, name, schedule, False, budget, specification=held) for name in names]
    paths = [models] if Path(models).exists() else listed(models, "MODEL")
    # whatever is refused, is refused first
    read = [read_data(path, settled, data, samples) for path in paths]
    questions = [
        (network, chosen, [asking(query, network, norm, joint, radii, None) for query in queries])
        for network, chosen in read
    ]
    groups: list[Group] = []
    failure = None
    for network, chosen, asked in questions:
        if failure is None:
            some, failure = _groups(network, chosen, asked, not no_attack)
            groups += some
    if groups:
        notes = dict.fromkeys(note for group in groups for note in group.results.notes)
        report = CompareReport(Comparison(tuple(groups), axis, tuple(notes)))
        files.write(report.content)
        if json:
            print_text(report.comparison.to_json())
        else:
            print_rich(report.show)
        if report.comparison.broken:
            raise typer.Exit(self_check_failed("certrnn compare"))
    if failure is not None:
        raise failure


def listed(text: str, option: str) -> list[str]:
    """Names between commas, each once."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise UsageError(f"reading {option}", "names between commas, none of them empty", repr(text))
    return list(dict.fromkeys(names))


def _groups(
    network: Model, sequences: Sequences, queries: list[Query], attack: bool
) -> tuple[list[Group], BaseException | None]:
    """One group for each question that was answered to its end; the attack runs once, and stands beside them all."""
    from certrnn.results.comparison import Group, attack_beside, attacked_eps

    groups: list[Group] = []
    attacked: AttackedEps = {}
    try:
        if attack:
            results, failure = stream_samples(network, sequences, _attack_only(queries[0]))
            if failure is not None:
                return [], failure
            attacked = attacked_eps(results)
        for query in queries:
            _warm_up(network, sequences, query)
            results, failure = stream_samples(network, sequences, query)
            if failure is not None:
                return groups, failure
            beside = attack_beside(results, attacked) if attack else results
            groups.append(Group(beside, query.method))
    except KeyboardInterrupt as interrupt:
        return groups, interrupt
    return groups, None


def _attack_only(query: Query) -> Query:
    """The same question put to the attack, with as little analysis as there can be."""
    from dataclasses import replace

    from certrnn.search import EpsGrid

    return replace(query, method="interval", schedule=EpsGrid.including((0.0,)), attack=True, budget=None)


def _warm_up(network: Model, sequences: Sequences, query: Query) -> None:
    """One bound of one sample: compiling kernels is no part of a method's time."""
    from dataclasses import replace

    from certrnn.search import EpsGrid

    once = replace(query, schedule=EpsGrid.including((0.0,)))
    for _ in network.stream(sequences.take([0]), once):
        pass
