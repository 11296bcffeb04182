"""The question that a run puts to every sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from certrnn.analyses import Analysis
from certrnn.analyses.enumeration import Enumeration
from certrnn.analyses.position_splitting import PositionSplitting
from certrnn.certification.methods import METHODS, STEPS
from certrnn.errors import UsageError
from certrnn.search import PaperGrid, RelativeTolerance, Schedule
from certrnn.threats import FULL, Edits, Labels, NormBall, Specification, ThreatModel

AUTO = "auto"
FIRST = "zonotope"
"""What ``auto`` begins with: no bound of it is looser than the interval analysis."""
AUTO_BUDGET = 2.0
"""Seconds that ``auto`` spends on a row's expensive methods unless told otherwise."""


@dataclass(frozen=True)
class Query:
    """What is asked of every sample.

    Args:
        eps: the eps to decide, or None to search the largest.
        frames: ``each``, ``all`` or a list such as ``0,3-5``.
        clip: the valid range of inputs, or None.
        method: name of an analysis, or ``auto``.
        schedule: order of the eps that a search tries.
        attack: also look for counterexamples.
        budget: seconds for a row, or None: for ``auto`` :data:`AUTO_BUDGET`, for others without end. The time of a row
            is its batch's time divided by the batch's rows, and each row's expensive methods of ``auto`` have as much
            again; the step that runs when it ends is finished first.
        threat: what may change: a norm's ball by default. Words are asked at the one eps of full substitution.
        specification: what must hold: by default that the label stays the answer.
        steps: what follows the first method of ``auto``, cheap to expensive.

    Raises:
        UsageError: an option that makes no sense.
    """

    eps: tuple[float, ...] | None = None
    frames: str = "each"
    clip: tuple[float, float] | None = None
    method: str = AUTO
    schedule: Schedule = field(default_factory=PaperGrid)
    attack: bool = True
    budget: float | None = None
    threat: ThreatModel = field(default_factory=NormBall)
    specification: Specification = field(default_factory=Labels)
    steps: tuple[str, ...] = STEPS

    def __post_init__(self) -> None:
        if self.threat.discrete:
            _require(self.eps == (FULL,), "--eps", "words are substituted whole, there is no eps", self.eps)
            _require(self.clip is None, "--clip", "words are substituted by vectors as they are", self.clip)
        for eps in self.eps or ():
            _require(math.isfinite(eps) and eps > 0, "--eps", "every eps is a positive number", eps)
        _require(self.eps is None or len(self.eps) > 0, "--eps", "at least one eps is given", "none")
        if self.clip is not None:
            low, high = self.clip
            sensible = math.isfinite(low) and math.isfinite(high) and low < high
            _require(sensible, "--clip", "LO and HI are numbers and LO is below HI", f"{low} {high}")
        names = (AUTO, *METHODS)
        _require(
            self.method in names, "--method", f"the method is one of {', '.join(names)}", repr(self.method)
        )
        budget = self.budget
        _require(
            budget is None or (budget > 0 and math.isfinite(budget)),
            "--budget",
            "seconds are positive",
            budget,
        )

    @staticmethod
    def search(rel_tol: float | None) -> Schedule:
        """The paper's grid, or one that stops at a relative tolerance."""
        return PaperGrid() if rel_tol is None else RelativeTolerance(rel_tol)

    @property
    def expensive(self) -> tuple[str, ...]:
        """The methods that follow the first one, row by row: all of ``auto``'s, or the one that was named where its
        search had better start from what the first proves in a moment (none of its bounds is looser)."""
        if self.method == AUTO:
            return self.steps
        return (self.method,) if self.method in STEPS and self.eps is None else ()

    @property
    def first(self) -> str:
        """The method that is put to all rows at once."""
        return FIRST if self.expensive else self.method

    def analysis(self) -> Analysis:
        """The first method's analysis."""
        return self.wrapped(METHODS[self.first]())

    def wrapped(self, analysis: Analysis) -> Analysis:
        """The analysis as the threat model needs it."""
        if isinstance(self.threat, Edits):
            return Enumeration(PositionSplitting(Enumeration(analysis, most=1 << 11)))
        return Enumeration(analysis) if self.threat.discrete else analysis


def spelled_frames(frames: str | Sequence[int]) -> str:
    """Frames as text: a list of numbers means these frames together.

    Raises:
        UsageError: anything but the numbers of frames, each once: a mask, fractions, numbers from the end.

    >>> spelled_frames([0, 3]), spelled_frames("each")
    ('0,3', 'each')
    """
    if isinstance(frames, str):
        return frames
    numbers = frames.tolist() if isinstance(frames, np.ndarray) else list(frames)
    whole = all(isinstance(frame, int | np.integer) and not isinstance(frame, bool) for frame in numbers)
    requirement = "they are each, all, or numbers of frames from 0, each once"
    if not whole or len({*numbers}) < len(numbers) or min(numbers, default=-1) < 0:
        remedy = "Of a mask pass np.flatnonzero(mask)."
        raise UsageError("reading frames", requirement, frames if whole else repr(frames), remedy)
    return ",".join(str(int(frame)) for frame in numbers)


def eps_values(eps: float | Sequence[float] | None) -> tuple[float, ...] | None:
    """One eps or several as a tuple, each once."""
    if eps is None:
        return None
    values = (eps,) if isinstance(eps, int | float) else eps
    return tuple(dict.fromkeys(float(value) for value in values))


def eps_numbers(text: str | None) -> tuple[float, ...] | None:
    """The numbers of ``--eps``.

    >>> eps_numbers("0.01,0.02")
    (0.01, 0.02)
    """
    if text is None:
        return None
    try:
        return eps_values([float(part) for part in text.split(",")])
    except ValueError:
        raise UsageError(
            "reading --eps", "numbers separated by commas, such as 0.01,0.02", repr(text)
        ) from None


def _require(holds: bool, option: str, requirement: str, received: object) -> None:
    if not holds:
        raise UsageError(f"reading {option}", requirement, received)
