"""A small real run that the tests of runs share: one network, a cheap analysis, many short tasks."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import certrnn
from certrnn.certification import Query
from certrnn.datasets import Sequences
from certrnn.model import Model
from certrnn.results.row import Row
from certrnn.runs.plan import Plan

QUERY = Query((0.001, 0.5), "each", method="zonotope", attack=False)
"""Of the compiled pass, whose rows are identical wherever they are computed: it adds up each by itself, in the order of
its plan (``tests/laws/test_relations.py`` and ``tests/laws/test_lanes.py``). Tables can be compared as they are."""

POISON = (sys.executable, str(Path(__file__).with_name("poison_worker.py")))
"""Command of a worker that answers like any other, but for the samples it is told to choke on."""


def light(samples: int = 3) -> tuple[Model, Sequences]:
    """The network, and its first samples."""
    model = certrnn.load("example:digits_rnn")
    return model, model.read("example:digits").take(range(samples))


def plan_of(model: Model, sequences: Sequences, query: Query = QUERY, size: int = 2) -> Plan:
    return Plan.of(model.job(sequences, query), size)


def timeless(rows: Iterable[Row]) -> list[Row]:
    """Rows without what differs between two runs."""
    return [replace(row, seconds=0.0) for row in rows]


def plain(model: Model, sequences: Sequences, query: Query = QUERY) -> list[Row]:
    """What a run without a folder answers."""
    rows = [row for some in model.stream(sequences, query) for row in some]
    return timeless(model.job(sequences, query).collect(rows))
