"""A clock of a test's own: what a time limit does must not depend on how fast the machine is."""

from __future__ import annotations

from dataclasses import dataclass

LATE = 40
"""Readings that may follow a deadline: each loop that is still open looks at the clock once more and ends."""


@dataclass
class Clock:
    """Stands in for ``time.perf_counter``: time passes by ``step`` each time that somebody looks, and by hand."""

    step: float
    now: float = 0.0
    readings: int = 0

    def __call__(self) -> float:
        self.now += self.step
        self.readings += 1
        return self.now
