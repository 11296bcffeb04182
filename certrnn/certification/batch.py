"""Rows of one batch: the analysis from below, the attack from above, and the verdict between them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from certrnn.analyses import Analysis, Forward, certified, proved
from certrnn.analyses.enumeration import NAME as ENUMERATION
from certrnn.certification.clock import Clock
from certrnn.certification.portfolio import Bound, Portfolio
from certrnn.certification.problem import FrameSet, Problem
from certrnn.certification.query import AUTO, AUTO_BUDGET, Query
from certrnn.certification.radii import undisturbed
from certrnn.certification.rounding import as_written
from certrnn.regions import Region
from certrnn.results.row import Row, Verdict, finite, ratio

Tick = Callable[[int], None]
"""Told how many rows of an analysis step have just been bounded."""


class Falsifier(Protocol):
    """Looks for counterexamples; whatever it reports was replayed in onnxruntime."""

    def within(
        self, problem: Problem, samples: torch.Tensor, frame_set: FrameSet, eps: float
    ) -> torch.Tensor:
        """Distance (R,) of a counterexample strictly inside the region of radius ``eps`` of each of ``samples`` (R,);
        inf where none was found."""
        ...

    def smallest(self, problem: Problem, samples: torch.Tensor, frame_set: FrameSet) -> torch.Tensor:
        """The smallest distance (R,) at which a counterexample was found; inf where none was."""
        ...

    def near(
        self, problem: Problem, sample: torch.Tensor, frame_set: FrameSet, eps: float, x: torch.Tensor
    ) -> float:
        """Like :meth:`within` for one ``sample`` (1,), told sequences ``x`` (S, frames, features) to start from."""
        ...


@dataclass(frozen=True, eq=False)
class _Side:
    """What is known of the right samples (R,): certified eps (0 where none), proved margin, the method behind it,
    whether the budget cut the search, and the distance of a counterexample (inf where none)."""

    eps: torch.Tensor
    margin: torch.Tensor
    methods: Sequence[str]
    cut: bool
    attacked: torch.Tensor


@dataclass(frozen=True)
class _Found:
    """What is known of one right sample."""

    eps: float
    margin: float
    method: str
    cut: bool
    attacked: float
    seconds: float


@dataclass(frozen=True, eq=False)
class _Question:
    """One set of frames, and one eps or None, put to the right samples of a batch."""

    problem: Problem
    samples: torch.Tensor
    frame_set: FrameSet
    eps: float | None
    query: Query
    falsifier: Falsifier | None
    tick: Tick

    def ball(self, rows: torch.Tensor, eps: torch.Tensor) -> Region:
        """Regions that hold everything within ``eps`` as it is written."""
        return self.problem.ball(self.samples[rows], as_written(eps), self.frame_set)

    def attack(self) -> torch.Tensor:
        """Distances (R,) of counterexamples, inf where none was found."""
        none = torch.full((len(self.samples),), torch.inf, dtype=torch.float64)
        if self.falsifier is None or not len(self.samples):
            return none
        if self.eps is None:
            return self.falsifier.smallest(self.problem, self.samples, self.frame_set)
        return self.falsifier.within(self.problem, self.samples, self.frame_set, self.eps)


def answer(
    problem: Problem,
    query: Query,
    frame_set: FrameSet,
    eps: float | None,
    falsifier: Falsifier | None,
    tick: Tick = lambda _: None,
) -> Iterator[list[Row]]:
    """Rows of one batch, of frames that are disturbed together, at one eps or, for None, at the largest.

    Rows are handed out as soon as they are decided, so that an interruption keeps what is finished.
    """
    samples = problem.right.nonzero().flatten()
    question = _Question(problem, samples, frame_set, eps, query, falsifier, tick)
    wrong = [k for k in range(len(problem.x)) if not bool(problem.right[k])]
    if wrong:
        yield [_row(question, k, None) for k in wrong]
    for some in _found(question):
        yield [_row(question, int(samples[k]), outcome) for k, outcome in some]


def _found(question: _Question) -> Iterator[list[tuple[int, _Found]]]:
    """The right samples, by their row, as they are decided."""
    if question.query.budget is not None:
        _warm(question)
    clock = Clock(question.query.budget, len(question.samples))
    side = _first(question, clock)
    shared = clock.seconds_a_row
    query = question.query
    budget = query.budget or (AUTO_BUDGET if query.method == AUTO else math.inf)
    portfolio = Portfolio(
        question.problem, question.frame_set, budget, query.expensive, wrapped=query.wrapped
    )
    done = []
    for k in range(len(question.samples)):
        first = Bound(float(side.eps[k]), float(side.margin[k]), side.methods[k])
        attacked, start = float(side.attacked[k]), time.perf_counter()
        if query.expensive and first.method != ENUMERATION:
            first, attacked = _climbed(question, portfolio, k, first, attacked)
        took = time.perf_counter() - start
        cut = side.cut or (query.budget is not None and took > budget)
        entry = (k, _Found(first.eps, first.margin, first.method, cut, attacked, shared + took))
        if query.expensive:
            yield [entry]
        done.append(entry)
    if done and not query.expensive:
        yield done


def _warm(question: _Question) -> None:
    """One region, so that kernels that compile or load at their first use take nothing of anybody's budget. Of analyses
    in one pass only: a region of a more expensive one takes as long as it may."""
    analysis = question.query.analysis()
    if isinstance(analysis, Forward) and len(question.samples):
        problem, one = question.problem, question.samples[:1]
        eps = torch.full((1,), question.eps or 2.0**-20, dtype=torch.float64)
        analysis.margins(problem.graph, problem.ball(one, eps, question.frame_set), problem.spec(one))


def _first(question: _Question, clock: Clock) -> _Side:
    """The first method on all rows at once, and the attack."""
    return _searched(question, clock) if question.eps is None else _asked(question, clock)


def _climbed(
    question: _Question, portfolio: Portfolio, row: int, first: Bound, attacked: float
) -> tuple[Bound, float]:
    """One row after the more expensive methods, and the distance of a counterexample that they may have come upon."""
    sample, eps, hit = question.samples[row : row + 1], question.eps, [attacked]
    if eps is None:
        question.tick(1)
        bound = portfolio.search(sample, first, attacked)
        return bound, _checked(question, sample, first, bound, attacked)
    if first.eps > 0.0 or attacked <= eps:
        return first, attacked

    def near(x: torch.Tensor) -> bool:
        falsifier = question.falsifier
        if falsifier is not None:
            hit[0] = falsifier.near(question.problem, sample, question.frame_set, eps, x)
        return hit[0] <= eps

    return portfolio.decide(sample, eps, near) or first, hit[0]


def _checked(question: _Question, sample: torch.Tensor, first: Bound, bound: Bound, attacked: float) -> float:
    """The smaller of ``attacked`` and the distance of a counterexample inside what a more expensive method certified:
    the self-check, in one batch of attacks."""
    falsifier = question.falsifier
    if falsifier is None or bound.eps <= first.eps:
        return attacked
    distance = falsifier.within(question.problem, sample, question.frame_set, bound.eps)
    return min(attacked, float(distance))


def _searched(question: _Question, clock: Clock) -> _Side:
    """The largest certified eps; once the budget is spent nothing more counts as certified, so that the search ends."""
    analysis, problem, samples = question.query.analysis(), question.problem, question.samples
    best = torch.zeros(len(samples), dtype=torch.float64)
    margin = torch.full_like(best, -torch.inf)
    cut = False

    def certify(rows: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
        nonlocal cut
        if clock.spent:
            cut = True
            return torch.zeros(len(rows), dtype=torch.bool)
        lower = analysis.margins(problem.graph, question.ball(rows, eps), problem.spec(samples[rows]))
        better = certified(lower) & (eps > best[rows])
        best[rows] = torch.where(better, eps, best[rows])
        margin[rows] = torch.where(better, lower.amin(dim=1), margin[rows])
        question.tick(len(rows))
        return proved(lower)

    if len(samples):
        schedule = question.query.schedule.informed(undisturbed(problem, samples))
        schedule.largest(certify, len(samples))
    attacked = torch.full_like(best, torch.inf) if clock.spent else question.attack()
    return _Side(best, margin, _methods(question, analysis), cut, attacked)


def _asked(question: _Question, clock: Clock) -> _Side:
    """Certified at the eps or not. The attack also runs where the proof succeeded: it is the self-check."""
    analysis, samples = question.query.analysis(), question.samples
    radius = torch.full((len(samples),), question.eps or 0.0, dtype=torch.float64)
    best, margin = torch.zeros_like(radius), torch.full_like(radius, -torch.inf)
    if len(samples):
        ball = question.ball(torch.arange(len(samples)), radius)
        lower = analysis.margins(question.problem.graph, ball, question.problem.spec(samples))
        best, margin = torch.where(certified(lower), radius, 0.0), lower.amin(dim=1)
        question.tick(len(samples))
    cut = clock.spent
    attacked = torch.full_like(best, torch.inf) if cut else question.attack()
    return _Side(best, margin, _methods(question, analysis), cut, attacked)


def _methods(question: _Question, analysis: Analysis) -> Sequence[str]:
    count = len(question.samples)
    return analysis.methods(question.ball(torch.arange(count), torch.ones(count, dtype=torch.float64)))


def _row(question: _Question, sample: int, outcome: _Found | None) -> Row:
    """The row of one sample; without ``outcome`` it is misclassified."""
    eps, problem = question.eps, question.problem
    number = sample if problem.numbers is None else problem.numbers[sample]
    verdict: Verdict = "misclassified"
    lower = upper = margin = None
    if outcome is not None:
        lower, upper, margin = outcome.eps, finite(outcome.attacked), finite(outcome.margin)
        verdict = judge(lower, outcome.attacked, outcome.cut)
        lower = None if verdict == "error" or (eps is not None and lower == 0.0) else lower
        if eps is not None and verdict == "unknown" and upper is not None:
            verdict = "falsified"
    return Row(
        sample=number,
        frames=question.frame_set.name,
        label=int(problem.labels[sample]),
        prediction=int(problem.predictions[sample]),
        verdict=verdict,
        eps=eps,
        eps_certified=lower,
        eps_attacked=upper,
        ratio=ratio(lower, upper),
        margin=margin,
        method=outcome.method if outcome is not None else question.query.analysis().name,
        seconds=outcome.seconds if outcome is not None else 0.0,
    )


def judge(certified_eps: float, attacked_eps: float, cut: bool) -> Verdict:
    """The verdict of a certified eps (0: none) and a counterexample's distance (inf: none).

    >>> judge(0.1, 0.2, False), judge(0.0, 0.2, False), judge(0.0, torch.inf, True), judge(0.2, 0.1, False)
    ('certified', 'unknown', 'timeout', 'error')
    """
    if certified_eps > 0.0:
        return "error" if attacked_eps <= certified_eps else "certified"
    return "timeout" if cut else "unknown"
