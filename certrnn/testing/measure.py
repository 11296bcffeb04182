"""Coverage of whole sets of samples: table, curve over the number of samples, and what was never reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
import torch

from certrnn.cells import Recurrence
from certrnn.certification import Query
from certrnn.certification.posing import notes_of
from certrnn.certification.self_check import check_against_onnxruntime, check_points
from certrnn.certification.statement import question_of
from certrnn.coverage import Metric, MetricOptions, Record, Tracer, chosen
from certrnn.datasets import Sequences
from certrnn.datasets.files import network_for
from certrnn.datasets.sequences import SequenceShape
from certrnn.errors import UsageError
from certrnn.io.onnx import OnnxModel
from certrnn.model import Data, Model
from certrnn.results.coverage import CoverageResults, CoverageRow, Unreached
from certrnn.results.question import Question, Way
from certrnn.threats import SpecificationRecord

BATCH = 64
"""Samples that are traced together."""
POINTS = 100
"""Points of a curve, at most, besides the last."""

Records = dict[str, Record]
Tick = Callable[[int], None]


def measure_coverage(
    model: Model,
    x: Data,
    metrics: Sequence[str] | None = None,
    options: MetricOptions | None = None,
    beside: Data | None = None,
    name: str = "the other samples",
    tick: Tick = lambda _: None,
) -> CoverageResults:
    """How much of a network's states and gates a set of samples covers.

    Args:
        model: with at least one recurrent node.
        x: samples, as :meth:`certrnn.Model.certify` takes them; their labels do not matter.
        metrics: names, such as ``hs``, ``cs``, ``gate``, ``gate-f``, ``dx``; None for all that the network has.
        options: how they are counted.
        beside: other samples, whose coverage is set beside it.
        name: what ``beside`` is called.
        tick: told how many samples were finished.

    Raises:
        UsageError: there is no such metric, or the network has nothing that it counts.
        Unsupported: the network has no recurrent node, or disagrees with onnxruntime.
    """
    sequences = model.sequences(x)
    others = None if beside is None else model.sequences(beside)
    selection = chosen(metrics, options)
    sets = [sequences] if others is None else [sequences, others]
    steps = longest(model.network, sets)
    records = recorded(model.network, sequences, selection, steps, tick)
    missing = [one for one, counted in records.items() if not counted.layers]
    if len(missing) == len(records) or (metrics and set(missing) & set(metrics)):
        has = sorted({layer.kind for layer in _recurrences(model.network, sequences.kinds[0])})
        raise UsageError(
            "reading --metrics", f"the network's {' and '.join(has)} layers have what is counted", missing[0]
        )
    counted = {key: one for key, one in records.items() if one.layers}
    second = None if others is None else recorded(model.network, others, _metrics(counted), steps, tick)
    return CoverageResults(
        model.path,
        model.sha256,
        tuple(
            row
            for key in counted
            for row in _rows(key, counted[key], None if second is None else second[key])
        ),
        len(sequences),
        tuple(asdict(options or MetricOptions()).items()),
        ("", 0) if others is None else (name, len(others)),
        tuple(note for note in notes_of(model.network, sequences) if note),
        _question(model, sequences),
    )


def longest(network: OnnxModel, sets: Sequence[Sequences]) -> dict[str, int]:
    """By layer the number of steps that it takes on the longest of the samples."""
    steps: dict[str, int] = {}
    for kind in {kind for sequences in sets for kind in sequences.kinds}:
        for layer in _recurrences(network, kind):
            steps[layer.name] = max(steps.get(layer.name, 0), len(layer.states))
    return steps


def recorded(
    network: OnnxModel,
    sequences: Sequences,
    metrics: Mapping[str, Metric],
    steps: Mapping[str, int],
    tick: Tick = lambda _: None,
) -> Records:
    """The records of every sample, metric by metric; the network is held against onnxruntime first."""
    for kind in sequences.kinds:
        check_against_onnxruntime(network_for(network, kind), kind.shape)
    place = {number: rank for rank, number in enumerate(sorted(sequences.numbers))}
    records = {name: Record(metric, steps) for name, metric in metrics.items()}
    for batch in sequences.batches(BATCH):
        own = network_for(network, batch.kind)
        check_points(own, batch.x.numpy())
        with torch.no_grad():
            seen = Tracer.of(own, batch.kind.shape)(batch.x)
        numbers = [place[number] for number in batch.numbers]
        records = {name: one.after(seen, numbers) for name, one in records.items()}
        tick(len(numbers))
    return records


def _recurrences(network: OnnxModel, kind: SequenceShape) -> tuple[Recurrence, ...]:
    return Tracer.of(network_for(network, kind), kind.shape).recurrences


def _metrics(records: Records) -> dict[str, Metric]:
    return {name: one.metric for name, one in records.items()}


def _rows(name: str, own: Record, other: Record | None) -> list[CoverageRow]:
    coverage, curve, never = own.coverage(), own.curve(), own.never()
    count = len(curve) - 1
    points = sorted({*np.linspace(1, count, min(count, POINTS)).round().astype(int).tolist(), count})
    rows = []
    for k, section in enumerate(own.metric.names):
        missed = tuple(Unreached(layer, tuple(np.flatnonzero(units[k]).tolist())) for layer, units in never)
        row = CoverageRow(
            metric=name,
            section=section,
            pairs=own.total,
            coverage=float(coverage[k]),
            curve=tuple((n, float(curve[n, k])) for n in points),
            never=tuple(one for one in missed if one.units),
            units=sum(units.shape[1] for _, units in never),
        )
        if other is not None:
            both = float(own.merged(other).coverage()[k])
            row = replace(row, beside=float(other.coverage()[k]), together=both)
        rows.append(row)
    return rows


def _question(model: Model, sequences: Sequences) -> Question:
    question = question_of(model.network, model.precision, sequences, Query())
    way = Way("coverage", attack=False)
    return replace(question, specification=SpecificationRecord("coverage"), way=way)
