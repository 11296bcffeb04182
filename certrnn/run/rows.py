"""Rows of one batch: the analysis from below, the attack from above, and the verdict between them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch

from certrnn.analyses import Analysis, certified
from certrnn.report.rows import Row, Verdict, finite, ratio
from certrnn.run.query import Query
from certrnn.search import Problem, Threat

Tick = Callable[[int], None]
"""Told how many rows of an analysis step have just been bounded."""


class Adversary(Protocol):
    """Looks for counterexamples; whatever it reports was replayed in onnxruntime."""

    def within(self, problem: Problem, samples: torch.Tensor, threat: Threat, eps: float) -> torch.Tensor:
        """Distance (R,) of a counterexample strictly inside the region of radius ``eps`` of each of ``samples`` (R,);
        inf where none was found."""
        ...

    def smallest(self, problem: Problem, samples: torch.Tensor, threat: Threat) -> torch.Tensor:
        """The smallest distance (R,) at which a counterexample was found; inf where none was."""
        ...


@dataclass
class _Clock:
    """When the budget of a batch ends."""

    budget: float | None
    rows: int
    start: float = field(default_factory=time.perf_counter)

    @property
    def spent(self) -> bool:
        return self.budget is not None and time.perf_counter() - self.start > self.budget * max(self.rows, 1)

    @property
    def seconds_a_row(self) -> float:
        return (time.perf_counter() - self.start) / max(self.rows, 1)


@dataclass(frozen=True, eq=False)
class _Side:
    """What is known of the right samples (R,): certified eps (0 where none), proved margin, whether the budget cut the
    search, and the distance of a counterexample (inf where none)."""

    eps: torch.Tensor
    margin: torch.Tensor
    cut: bool
    attacked: torch.Tensor


def answer(
    problem: Problem, numbers: Sequence[int], query: Query, adversary: Adversary | None, tick: Tick
) -> Iterator[list[Row]]:
    """Rows of one batch, threat by threat and eps by eps; ``numbers`` are the samples' positions in the data.

    A row is handed out as soon as it is decided, so that whoever is interrupted keeps what is finished.
    """
    analysis = query.analysis()
    samples = problem.right.nonzero().flatten()
    for threat in problem.threats(query.frames):
        for eps in query.eps or (None,):
            clock = _Clock(query.budget, len(samples))
            if eps is None:
                side = _searched(problem, samples, threat, analysis, query, adversary, clock, tick)
            else:
                side = _asked(problem, samples, threat, eps, analysis, adversary, clock, tick)
            methods = analysis.methods(problem.ball(samples, torch.ones(len(samples)).double(), threat))
            yield _rows(
                problem, numbers, samples, threat, eps, side, (methods, analysis.name), clock.seconds_a_row
            )


def _searched(
    problem: Problem,
    samples: torch.Tensor,
    threat: Threat,
    analysis: Analysis,
    query: Query,
    adversary: Adversary | None,
    clock: _Clock,
    tick: Tick,
) -> _Side:
    """The largest certified eps; once the budget is spent nothing more counts as certified, so that the search ends."""
    best = torch.zeros(len(samples), dtype=torch.float64)
    margin = torch.full_like(best, -torch.inf)
    cut = False

    def certify(rows: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
        nonlocal cut
        if clock.spent:
            cut = True
            return torch.zeros(len(rows), dtype=torch.bool)
        chosen = samples[rows]
        lower = analysis.margins(problem.graph, problem.ball(chosen, eps, threat), problem.spec(chosen))
        better = certified(lower) & (eps > best[rows])
        best[rows] = torch.where(better, eps, best[rows])
        margin[rows] = torch.where(better, lower.amin(dim=1), margin[rows])
        tick(len(rows))
        return certified(lower)

    if len(samples):
        query.schedule.largest(certify, len(samples))
    attacked = torch.full_like(best, torch.inf)
    if adversary is not None and len(samples) and not clock.spent:
        attacked = adversary.smallest(problem, samples, threat)
    return _Side(best, margin, cut, attacked)


def _asked(
    problem: Problem,
    samples: torch.Tensor,
    threat: Threat,
    eps: float,
    analysis: Analysis,
    adversary: Adversary | None,
    clock: _Clock,
    tick: Tick,
) -> _Side:
    """Certified at ``eps`` or not. The attack also runs where the proof succeeded: it is the self-check."""
    radius = torch.full((len(samples),), eps, dtype=torch.float64)
    margin = torch.full_like(radius, -torch.inf)
    attacked = torch.full_like(radius, torch.inf)
    proved = torch.zeros(len(samples), dtype=torch.bool)
    if len(samples):
        lower = analysis.margins(problem.graph, problem.ball(samples, radius, threat), problem.spec(samples))
        proved, margin = certified(lower), lower.amin(dim=1)
        tick(len(samples))
    cut = clock.spent
    if adversary is not None and len(samples) and not cut:
        attacked = adversary.within(problem, samples, threat, eps)
    return _Side(torch.where(proved, radius, 0.0), margin, cut, attacked)


def _rows(
    problem: Problem,
    numbers: Sequence[int],
    samples: torch.Tensor,
    threat: Threat,
    eps: float | None,
    side: _Side,
    method: tuple[Sequence[str], str],
    seconds: float,
) -> list[Row]:
    place = {int(sample): row for row, sample in enumerate(samples)}
    rows: list[Row] = []
    for sample, number in enumerate(numbers):
        verdict: Verdict = "misclassified"
        lower = upper = margin = None
        if sample in place:
            row = place[sample]
            lower, upper = float(side.eps[row]), finite(float(side.attacked[row]))
            verdict = judge(lower, math.inf if upper is None else upper, side.cut)
            margin = finite(float(side.margin[row]))
            lower = None if verdict == "error" or (eps is not None and lower == 0.0) else lower
            if eps is not None and verdict == "unknown" and upper is not None:
                verdict = "falsified"
        rows.append(
            Row(
                sample=number,
                frames=threat.name,
                label=int(problem.labels[sample]),
                prediction=int(problem.predictions[sample]),
                verdict=verdict,
                eps=eps,
                eps_certified=lower,
                eps_attacked=upper,
                ratio=ratio(lower, upper),
                margin=margin,
                method=method[0][place[sample]] if sample in place else method[1],
                seconds=seconds if sample in place else 0.0,
            )
        )
    return rows


def judge(certified_eps: float, attacked_eps: float, cut: bool) -> Verdict:
    """The verdict of a certified eps (0: none) and a counterexample's distance (inf: none).

    >>> judge(0.1, 0.2, False), judge(0.0, 0.2, False), judge(0.0, math.inf, True), judge(0.2, 0.1, False)
    ('certified', 'unknown', 'timeout', 'error')
    """
    if certified_eps > 0.0:
        return "error" if attacked_eps <= certified_eps else "certified"
    return "timeout" if cut else "unknown"
