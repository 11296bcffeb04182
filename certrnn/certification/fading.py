"""How far a word may fade towards nothing before the answer can change."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from certrnn.analyses import Analysis, certified
from certrnn.certification.clock import Clock
from certrnn.certification.problem import FrameSet, Problem
from certrnn.certification.radii import Tick
from certrnn.certification.segments import Segments
from certrnn.errors import UsageError
from certrnn.regions import Fading
from certrnn.search import Certify, Schedule


@dataclass(frozen=True)
class Shares(Schedule):
    """Shares of a way: all of it first, then bisection of what is left, ``levels`` times.

    Raises:
        UsageError: fewer than one level.
    """

    levels: int = 9

    def __post_init__(self) -> None:
        if self.levels < 1:
            raise UsageError("searching a share", "there is at least one level", self.levels)

    def largest(self, certify: Certify, batch: int) -> torch.Tensor:
        best = torch.zeros(batch, dtype=torch.float64)
        every = torch.arange(batch)
        best = torch.where(certify(every, torch.ones_like(best)) > 0, 1.0, best)
        rest = (best < 1.0).nonzero().flatten()
        for level in range(1, self.levels + 1):
            if not len(rest):
                break
            share = best[rest] + 0.5**level
            best[rest] = torch.where(certify(rest, share) > 0, share, best[rest])
        return best


def fading_shares(
    problem: Problem,
    analysis: Analysis,
    frame_set: FrameSet,
    toward: torch.Tensor,
    schedule: Schedule | None = None,
    tick: Tick = lambda _: None,
    clock: Clock | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """How far the threat's frames may fade towards a vector.

    Returns:
        shares (N,): the largest certified share of the way; 0 where none is certified or the sample is misclassified.
        margins (N,): the margin that was proved there, in units of the scores; nan where nothing was.

    Args:
        toward: (features,) the vector that every frame fades to, such as that of the unknown word.
        clock: once it is spent nothing more counts as certified, so that the search ends.
    """
    samples = problem.right.nonzero().flatten()
    segments = None
    if len(frame_set.frames) == 1:
        segments = Segments.toward(problem.graph, problem.x, toward.to(problem.x), frame_set.frames[0])
    shares = torch.zeros(len(problem.x), dtype=torch.float64)
    margins = torch.full_like(shares, torch.nan)

    def certify(rows: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        if clock is not None and clock.spent:
            return torch.zeros(len(rows), dtype=torch.float64)
        chosen = samples[rows]
        x = problem.x[chosen]
        graph, region = (
            (problem.graph, Fading(x, share, toward.expand_as(x), frame_set.frames))
            if segments is None
            else (segments.graph, segments.region(chosen, share))
        )
        lower = analysis.margins(graph, region, problem.spec(chosen))
        tick(len(rows))
        good = certified(lower) & (share > shares[chosen])
        shares[chosen] = torch.where(good, share, shares[chosen])
        margins[chosen] = torch.where(good, lower.amin(dim=1), margins[chosen])
        return certified(lower)

    if len(samples):
        (schedule or Shares()).largest(certify, len(samples))
    return shares, margins
