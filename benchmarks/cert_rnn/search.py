"""Certified eps of networks and methods, a cell of Cert-RNN's tables at a time; what is finished is kept."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.cert_rnn.cases import Case
from benchmarks.cert_rnn.networks import Kept
from certrnn.certification import Query
from certrnn.datasets import Sequences
from certrnn.engine import engine_version
from certrnn.model import Model
from certrnn.results.certificates import Results
from certrnn.results.comparison import Comparison, Group, attack_beside, attacked_eps
from certrnn.results.from_json import read_results
from certrnn.results.row import Row
from certrnn.runs.job import silent
from certrnn.runs.plan import pieces
from certrnn.search import EpsGrid

ATTACK = "attack"
"""Among the methods: an upper bound beside the others'."""
EXPENSIVE = ("joint", "auto", "alpha-crown", "bab")
"""Methods that refine: they are bounded one sample at a time."""
SAMPLES = {"mnist": 20, "rotten": 8, "toxic": 8, "urls": 4, "har": 2}
"""Test samples of a cell unless told otherwise."""
TOGETHER = {"mnist": 5}
"""Samples that are bounded at once; of others one."""


@dataclass(frozen=True)
class Asked:
    """What a table is made of.

    Args:
        methods: analyses by name, and ``attack``; () for each table's own.
        samples: of each network; None for :data:`SAMPLES`.
        seconds: a cell begins no further sample after these.
        budget: seconds a row for auto, which begins with what the zonotope certifies. Others search from 0.5 down, and
            would have proved nothing yet when a budget ends.
        cache: folder where finished cells are kept.
    """

    methods: tuple[str, ...]
    samples: int | None
    seconds: float
    budget: float
    cache: Path

    def count(self, case: Case) -> int:
        """Samples of a case."""
        return self.samples or SAMPLES[case.data]

    def query(self, method: str, frames: str) -> Query:
        """The largest eps by Algorithm 1's grid, unclipped; of the attack the smallest it finds, and no analysis."""
        if method == ATTACK:
            return Query(None, frames, None, "interval", EpsGrid.including((0.0,)), attack=True)
        return Query(
            None, frames, None, method, attack=False, budget=self.budget if method == "auto" else None
        )


def compared(network: Kept, threats: Sequence[str], asked: Asked) -> Comparison:
    """Every method on one network, under every one of ``threats`` (``each``, ``all`` or a frame)."""
    model, data = network.asked(asked.count(network.case))
    found = {method: _cell(network, model, data, method, threats, asked) for method in asked.methods}
    upper = attacked_eps(found.pop(ATTACK)) if ATTACK in found else {}
    return Comparison(tuple(Group(attack_beside(rows, upper), method) for method, rows in found.items()))


def _cell(
    network: Kept, model: Model, data: Sequences, method: str, threats: Sequence[str], asked: Asked
) -> Results:
    """One method's rows, from the cache or anew."""
    name = f"{network.case.name}-{method}-{'all' if 'all' in threats else 'each'}"
    queries = [asked.query(method, frames) for frames in threats]
    told = [model.sha256, engine_version(), *map(repr, queries), asked.seconds, len(data)]
    key = hashlib.sha256(
        json.dumps(told).encode() + b"".join(np.ascontiguousarray(f).tobytes() for f in data.frames)
    )
    path = asked.cache / "rows" / f"{name}-{key.hexdigest()[:12]}.json"
    start, known = time.perf_counter(), path.is_file()
    if not known:
        found = _searched(model, data, queries, network.case, asked)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found.as_json(), allow_nan=False), encoding="utf-8")
    rows = replace(read_results(str(path)), path=network.case.name)
    finished = len({row.sample for row in rows})
    spent = "found finished" if known else f"{time.perf_counter() - start:.1f} s"
    print(f"{name}: {finished} of {len(data)} samples, {spent}", file=sys.stderr, flush=True)
    return rows


def answered(model: Model, data: Sequences, query: Query) -> Iterator[list[Row]]:
    """The rows of samples that were checked before."""
    job = model.job(data, query)
    for positions, parts in pieces(job, len(data)):
        some = job.about(data.take(positions))
        for part in parts:
            yield from some.answers(part, silent)


def _searched(model: Model, data: Sequences, queries: Sequence[Query], case: Case, asked: Asked) -> Results:
    for query in queries:
        model.job(data, query).check()
    if not queries[0].attack:  # compiling kernels is no part of a method's time
        once = replace(queries[0], schedule=EpsGrid.including((0.0,)), frames="0", budget=None)
        list(answered(model, data.take([0]), once))
    rows, start = [], time.perf_counter()
    size = 1 if queries[0].method in EXPENSIVE else TOGETHER.get(case.data, 1)
    for first in range(0, len(data), size):
        if rows and time.perf_counter() - start > asked.seconds:
            break
        some = data.take(range(first, min(first + size, len(data))))
        rows += [row for query in queries for found in answered(model, some, query) for row in found]
    return model.job(data, queries[0]).collect(rows)
