"""One case of a query: cheap proofs, attacks, then expensive proofs that come upon assignments as well."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from certrnn.analyses import Analysis, BranchAndBound
from certrnn.attacks import PGD
from certrnn.attacks.attack import worst_margin
from certrnn.certification.methods import METHODS
from certrnn.errors import TimedOut, Unsupported
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec
from certrnn.vnnlib.answer import Assignment
from certrnn.vnnlib.bisection import Halving
from certrnn.vnnlib.cases import Case
from certrnn.vnnlib.witness import Witnesses, representable

QUICK = ("interval", "zonotope")
EXPENSIVE = ("joint-output", "joint", "bab")
SECONDS = 60.0
"""What branching may take for a case where neither a time limit nor a budget is given."""
DEEPER = (0.0, 1e-4, 1e-2)
"""How far beyond the border an attack goes, in turn, as a share of its rows: at the border onnxruntime and real
arithmetic may disagree."""


@dataclass(frozen=True, eq=False)
class Search:
    """What is tried on a case.

    Args:
        witnesses: what makes assignments of points.
        deadline: of ``time.perf_counter``, looked at between steps, which then raise :class:`certrnn.errors.TimedOut`.
        budget: seconds that branching may take for a case, or None.
    """

    witnesses: Witnesses
    deadline: float = math.inf
    budget: float | None = None

    def quickly(self, case: Case) -> bool:
        """Whether the cheap methods refute it."""
        return any(self._proved(METHODS[name]().until(self.deadline), case) for name in QUICK)

    def attacked(self, case: Case) -> Assignment | None:
        """An assignment that an attack finds."""
        if representable(case.ranges, self.witnesses.precision) is None:
            return None
        for share in DEEPER:
            self._check_time()
            outcome = PGD()(case.graph, case.region, _deeper(case.spec, share))
            assignment = self.witnesses.confirm(case, outcome.x)
            if assignment is not None:
                return assignment
            if float(worst_margin(case.graph, case.spec, outcome.x)) > 0.0:
                return None  # no violation: asking for a clearer one finds none
        return None

    def thoroughly(self, case: Case) -> tuple[bool, Assignment | None]:
        """Whether the expensive methods refute it, and an assignment that they come upon."""
        assignments: list[Assignment] = []

        def falsify(graph: Graph, region: Region, spec: Spec, x: torch.Tensor) -> bool:
            del graph, region, spec
            hit = self.witnesses.confirm(case, x)
            assignments.extend([] if hit is None else [hit])
            return hit is not None

        for analysis in self._analyses(falsify):
            done = self._proved(analysis, case)
            if assignments or done:
                return done, assignments[0] if assignments else None
        self._check_time()
        return False, None

    def _analyses(self, falsify: Any) -> Iterator[Analysis]:
        for name in EXPENSIVE:
            analysis = METHODS[name]().until(self.deadline)
            if isinstance(analysis, BranchAndBound):
                unlimited = SECONDS if math.isinf(self.deadline) else math.inf
                seconds = unlimited if self.budget is None else self.budget
                yield Halving(METHODS["crown"](), falsify, min(self.deadline, time.perf_counter() + seconds))
                analysis = replace(analysis, falsify=falsify, seconds=seconds)
            yield analysis

    def _proved(self, analysis: Analysis, case: Case) -> bool:
        self._check_time()
        try:
            return case.refuted_by(analysis.margins(case.graph, case.region, case.spec))
        except Unsupported:
            return False

    def _check_time(self) -> None:
        if time.perf_counter() > self.deadline:
            raise TimedOut


def _deeper(spec: Spec, share: float) -> Spec:
    """The specification that is violated only where every row of a clause is violated by more."""
    size = spec.rows.abs().amax(dim=2)
    return Spec(spec.rows, spec.offset + share * size, spec.clause)
