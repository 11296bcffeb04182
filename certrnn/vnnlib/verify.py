"""Answers to VNN-LIB queries: ``unsat`` is proved on every case, ``sat`` comes with an assignment that was replayed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from certrnn.analyses import Analysis, BranchAndBound, proved
from certrnn.attacks import PGD
from certrnn.attacks.attack import worst_margin
from certrnn.certification.methods import METHODS
from certrnn.errors import Unsupported
from certrnn.io.onnx import OnnxModel
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec
from certrnn.vnnlib.answer import SAT, TIMED_OUT, UNKNOWN, UNSAT, Answer, Assignment
from certrnn.vnnlib.binding import bind
from certrnn.vnnlib.bisection import Halving
from certrnn.vnnlib.cases import Case, cases_of
from certrnn.vnnlib.parse import Query
from certrnn.vnnlib.witness import Witnesses, representable

QUICK = ("interval", "zonotope")
EXPENSIVE = ("joint-output", "joint", "bab")
SECONDS = 60.0
"""What branching may take for a case where no time limit is given."""
DEEPER = (0.0, 1e-4, 1e-2)
"""How far beyond the border an attack goes, in turn, as a share of its rows: at the border onnxruntime and real
arithmetic may disagree."""


class TimedOutError(Exception):
    """The time is over."""


def verify(network: OnnxModel, query: Query, precision: Any, deadline: float = math.inf) -> Answer:
    """Is there an input that satisfies the query?

    Args:
        precision: number type of the network's input.
        deadline: of ``time.perf_counter``; looked at between steps.

    Raises:
        InvalidInput: the query does not fit the network.
        Unsupported: it asks, or the network does, what is not interpreted.
    """
    binding = bind(network, query)
    cases = cases_of(query, binding)
    search = Search(Witnesses(query, binding, precision), deadline, list(range(len(cases))))
    notes = _notes(cases, precision)
    assignment = None
    try:
        assignment = next(search.steps(cases), None)
        verdict = SAT if assignment is not None else UNKNOWN if search.open else UNSAT
    except TimedOutError:
        verdict = TIMED_OUT
    return Answer(verdict, assignment, len(cases), len(cases) - len(search.open), notes)


@dataclass(eq=False)
class Search:
    """Cheap proofs for all cases, then attacks, then expensive proofs; ``open`` are the cases not refuted yet."""

    witnesses: Witnesses
    deadline: float
    open: list[int] = field(default_factory=list)

    def steps(self, cases: Sequence[Case]) -> Iterator[Assignment]:
        """Assignments, as they are found; ends where nothing is left to try.

        Raises:
            TimedOutError: at the deadline.
        """
        for name in QUICK:
            self._refute(cases, name)
        for number in self.open:
            self._check_time()
            yield from self._attacked(cases[number])
        for number in list(self.open):
            yield from self._dear(cases[number], number)

    def _refute(self, cases: Sequence[Case], name: str) -> None:
        for number in list(self.open):
            self._check_time()
            if self._proved(METHODS[name]().until(self.deadline), cases[number]):
                self.open.remove(number)

    def _proved(self, analysis: Analysis, case: Case) -> bool:
        try:
            return bool(proved(analysis.margins(case.graph, case.region, case.spec)) > 0.0)
        except Unsupported:
            return False

    def _attacked(self, case: Case) -> Iterator[Assignment]:
        if representable(case.ranges, self.witnesses.precision) is None:
            return
        for share in DEEPER:
            spec = _deeper(case.spec, share)
            outcome = PGD()(case.graph, case.region, spec)
            found = self.witnesses.confirm(case, outcome.x)
            if found is not None:
                yield found
            if float(worst_margin(case.graph, case.spec, outcome.x)) > 0.0:
                return  # no violation: asking for a clearer one finds none

    def _dear(self, case: Case, number: int) -> Iterator[Assignment]:
        found: list[Assignment] = []

        def falsify(graph: Graph, region: Region, spec: Spec, x: torch.Tensor) -> bool:
            del graph, region, spec
            hit = self.witnesses.confirm(case, x)
            found.extend([] if hit is None else [hit])
            return hit is not None

        for analysis in self._analyses(case, falsify):
            self._check_time()
            done = self._proved(analysis, case)
            yield from found
            if done:
                self.open.remove(number)
                return
        self._check_time()

    def _analyses(self, case: Case, falsify: Any) -> Iterator[Analysis]:
        for name in EXPENSIVE:
            analysis = METHODS[name]().until(self.deadline)
            if isinstance(analysis, BranchAndBound):
                seconds = SECONDS if math.isinf(self.deadline) else math.inf
                yield Halving(METHODS["crown"](), falsify, min(self.deadline, time.perf_counter() + seconds))
                analysis = replace(analysis, falsify=falsify, seconds=seconds)
            yield analysis

    def _check_time(self) -> None:
        if time.perf_counter() > self.deadline:
            raise TimedOutError


def _deeper(spec: Spec, share: float) -> Spec:
    """The specification that is violated only where every row of a clause is violated by more."""
    size = spec.rows.abs().amax(dim=2)
    return Spec(spec.rows, spec.offset + share * size, spec.clause)


def _notes(cases: Sequence[Case], precision: Any) -> tuple[str, ...]:
    empty = sum(representable(case.ranges, precision) is None for case in cases)
    name = np.dtype(precision).name
    text = (
        f"some input can be no {name} number: no assignment can be replayed in {empty} of {len(cases)} cases"
    )
    return (text,) if empty else ()
