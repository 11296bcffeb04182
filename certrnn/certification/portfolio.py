"""``auto``: cheap methods first, expensive ones only for rows that are still open, each row within its budget."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch

from certrnn.analyses import Analysis, BranchAndBound, proved
from certrnn.analyses.memory import Memory
from certrnn.certification.methods import METHODS, STEPS
from certrnn.certification.problem import FrameSet, Problem
from certrnn.certification.radii import undisturbed
from certrnn.certification.rounding import as_written
from certrnn.errors import Unsupported
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.search import Interpolation, Schedule, Steps
from certrnn.specs import Spec

TOLERANCE = 0.02
"""Relative distance to the end of what a method certifies at which its search stops."""

FIRST_STEP = {"joint": 1.15}
"""How far beyond what is known a method tries first, 1.1 by default: far enough to gain, near enough to succeed in a
short budget."""

_LEFT_FOR = {"joint-output": "joint"}
"""Methods that are left after one evaluation where time is short for them but enough for the one that follows."""

_DEARER, _PRECIOUS = 9.0, 1.0 / 25.0
"""How much longer an evaluation of the following method takes (5 to 12 times, measured on RNNs and LSTMs), and the
share of the budget from which on an evaluation is too expensive to search with."""

_BOLD_STEP = 1.2
"""The first step beyond where a method that was left early may end: there is time for little more than one."""

Near = Callable[[torch.Tensor], bool]
"""Told sequences near which a counterexample may lie: whether one was found, verified and replayed."""


class _LateError(Exception):
    """The row's time is over."""


class _LeftError(Exception):
    """A method is left early; its margin at ``eps``."""

    def __init__(self, eps: float, margin: float) -> None:
        super().__init__()
        self.eps, self.margin = eps, margin

    def end(self, clean: float) -> float:
        """Where the method's margin may vanish. It falls from the ``clean`` one ever more steeply: here, at about two
        and a half times its mean slope."""
        fallen = 2.5 * (clean - self.margin)
        return self.eps * (1.0 + min(max(self.margin / fallen if fallen > 0.0 else 0.0, -0.1), 0.1))


@dataclass(eq=False)
class Bound:
    """One row on its way up: the largest certified ``eps``, its ``margin``, and the ``method`` that proved it."""

    eps: float
    margin: float
    method: str


@dataclass(eq=False)
class Portfolio:
    """The expensive methods for the rows of one set of frames.

    Args:
        budget: seconds for each row.
        steps: names of methods, cheap to expensive.
        growth: by method, how far beyond what was known the last row's eps went: where the next row's search starts.
    """

    problem: Problem
    frame_set: FrameSet
    budget: float
    steps: Sequence[str] = STEPS
    growth: dict[str, float] = field(default_factory=dict)
    wrapped: Callable[[Analysis], Analysis] = lambda analysis: analysis

    def search(self, sample: torch.Tensor, start: Bound, attacked: float) -> Bound:
        """The largest eps (one ``sample``, (1,)) that some method certifies within the budget.

        ``attacked`` is the distance of a counterexample: nothing beyond it is tried.
        """
        deadline, bound, memory = time.perf_counter() + self.budget, replace(start), Memory()
        clean, hoped = undisturbed(self.problem, sample), 0.0
        for name in self.steps:
            if time.perf_counter() > deadline or bound.eps * (1.0 + TOLERANCE) >= attacked:
                break
            analysis = self._analysis(name, deadline, memory)
            try:
                for stage in self._stages(analysis):
                    known, certify = bound.eps, self._certify(sample, stage, name, bound, deadline, attacked)
                    base, hoped = max(known, hoped), 0.0
                    self._schedule(stage, known, base, clean, attacked).largest(certify, 1)
                    if known > 0.0:
                        self.growth[stage.name] = min(max(bound.eps / base, 1.0 + 2 * TOLERANCE), 2.0)
            except _LeftError as left:
                hoped = left.end(float(clean))
            except _LateError:
                break
            except Unsupported:
                break
        return bound

    def _leaves(self, name: str, took: float, left: float) -> bool:
        """Whether the method that follows makes better use of the time that is left."""
        follows = _LEFT_FOR.get(name) in self.steps
        return follows and took > _PRECIOUS * self.budget and left > _DEARER * took

    def _stages(self, analysis: Analysis) -> list[Analysis]:
        """What a method searches with, in turn. What the root of branching proves, branching proves: its margins lead
        to the end of that far sooner than steps do, unless an earlier method has been there."""
        if isinstance(analysis, BranchAndBound) and analysis.root.name not in self.steps:
            return [analysis.root, analysis]
        return [analysis]

    def _schedule(
        self, analysis: Analysis, known: float, base: float, clean: torch.Tensor, attacked: float
    ) -> Schedule:
        """How one method searches beyond a certified eps, guided by a ``base`` that may be out of its reach.
        What branching proves is no smooth function of eps: it stops as soon as it succeeds, and where it fails the
        bound tells the time it had."""
        start = torch.tensor([known], dtype=torch.float64)
        if isinstance(analysis, BranchAndBound):
            return Steps(start, self.growth.get(analysis.name, 1.06), TOLERANCE)
        usual = FIRST_STEP.get(analysis.name, 1.1) if base == known else _BOLD_STEP
        first = min(base * self.growth.get(analysis.name, usual) or 2.0**-5, 0.97 * attacked)
        return Interpolation(TOLERANCE, first, clean, start, ceiling=min(attacked, 2.0**20))

    def _certify(
        self,
        sample: torch.Tensor,
        analysis: Analysis,
        name: str,
        bound: Bound,
        deadline: float,
        attacked: float,
    ) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        def certify(_: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
            if time.perf_counter() > deadline:
                raise _LateError
            if float(eps) >= attacked:
                return torch.full_like(eps, -torch.inf)
            begun = time.perf_counter()
            margin = self._margin(self._timed(analysis, deadline), sample, eps)
            if margin > 0.0 and float(eps) > bound.eps:
                bound.eps, bound.margin, bound.method = float(eps), margin, name
            ended = time.perf_counter()
            if self._leaves(name, ended - begun, deadline - ended) and math.isfinite(margin):
                raise _LeftError(float(eps), margin)
            return torch.tensor([margin], dtype=torch.float64)

        return certify

    def decide(self, sample: torch.Tensor, eps: float, near: Near | None) -> Bound | None:
        """The first method that certifies one sample at ``eps``, or None."""
        deadline, memory = time.perf_counter() + self.budget, Memory()
        radius = torch.tensor([eps], dtype=torch.float64)
        for name in self.steps:
            if time.perf_counter() > deadline:
                return None
            analysis, hit = self._analysis(name, deadline, memory), [False]
            if isinstance(analysis, BranchAndBound) and near is not None:
                analysis = replace(analysis, falsify=_noting(near, hit), seconds=math.inf)
            try:
                margin = self._margin(analysis, sample, radius)
            except Unsupported:
                return None
            if margin > 0.0:
                return Bound(eps, margin, analysis.name)
            if hit[0]:
                return None
        return None

    def _analysis(self, name: str, deadline: float, memory: Memory) -> Analysis:
        return self.wrapped(METHODS[name]().remembering(memory).until(deadline))

    def _timed(self, analysis: Analysis, deadline: float) -> Analysis:
        """Branching takes at most a third of what is left for one eps: a hopeless one would take everything."""
        if not isinstance(analysis, BranchAndBound):
            return analysis
        left = max(deadline - time.perf_counter(), 0.0)
        return replace(analysis, seconds=min(analysis.seconds, left / 3.0))

    def _margin(self, analysis: Analysis, sample: torch.Tensor, eps: torch.Tensor) -> float:
        problem = self.problem
        ball = problem.ball(sample, as_written(eps), self.frame_set)
        return float(proved(analysis.margins(problem.graph, ball, problem.spec(sample))))


def _noting(near: Near, hit: list[bool]) -> Callable[[Graph, Region, Spec, torch.Tensor], bool]:
    def falsify(graph: Graph, region: Region, spec: Spec, x: torch.Tensor) -> bool:
        del graph, region, spec
        hit[0] = near(x)
        return hit[0]

    return falsify
