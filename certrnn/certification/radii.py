"""Verdicts at given eps, and the largest certified eps, for one threat over all samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from certrnn.analyses import Analysis, proved
from certrnn.certification.clock import Clock
from certrnn.certification.problem import FrameSet, Problem
from certrnn.domains import evaluate
from certrnn.search import Schedule

Tick = Callable[[int], None]
"""Told how many rows have just been decided."""


def margins(problem: Problem, analysis: Analysis, frame_set: FrameSet, eps: Sequence[float]) -> torch.Tensor:
    """Certified lower bound on the smallest label margin, (N, E); -inf for samples that are misclassified."""
    samples = problem.right.nonzero().flatten()
    out = torch.full((len(problem.x), len(eps)), -torch.inf, dtype=torch.float64)
    if len(samples) and len(eps):
        rows = samples.repeat_interleave(len(eps))
        radii = torch.tensor(eps, dtype=torch.float64).repeat(len(samples))
        lower = analysis.margins(problem.graph, problem.ball(rows, radii, frame_set), problem.spec(rows))
        out[samples] = lower.amin(dim=1).reshape(len(samples), len(eps))
    return out


def radii(
    problem: Problem,
    analysis: Analysis,
    frame_set: FrameSet,
    schedule: Schedule,
    tick: Tick = lambda _: None,
    clock: Clock | None = None,
) -> torch.Tensor:
    """The largest certified eps, (N,); 0 where nothing was certified or the sample is misclassified.

    Args:
        clock: once it is spent nothing more counts as certified, so that the search ends.
    """
    samples = problem.right.nonzero().flatten()

    def certify(rows: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
        if clock is not None and clock.spent:
            return torch.zeros(len(rows), dtype=torch.float64)
        chosen = samples[rows]
        lower = analysis.margins(problem.graph, problem.ball(chosen, eps, frame_set), problem.spec(chosen))
        tick(len(rows))
        return proved(lower)

    out = torch.zeros(len(problem.x), dtype=torch.float64)
    if len(samples):
        out[samples] = schedule.informed(undisturbed(problem, samples)).largest(certify, len(samples))
    return out


def undisturbed(problem: Problem, samples: torch.Tensor) -> torch.Tensor:
    """Margins (R,) of the given samples as they are, in floating point: for guesses only."""
    with torch.no_grad():
        return problem.spec(samples).margins(evaluate(problem.graph, problem.x[samples])).amin(dim=1)
