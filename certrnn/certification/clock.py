"""When the budget of rows that are answered together is spent."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Clock:
    """Runs from when it is made.

    Args:
        budget: seconds for a row, or None for any.
        rows: how many are answered together.
    """

    budget: float | None
    rows: int
    start: float = field(default_factory=time.perf_counter)

    @property
    def spent(self) -> bool:
        """Whether the budget of all rows together is spent."""
        return self.budget is not None and time.perf_counter() - self.start > self.budget * max(self.rows, 1)

    @property
    def seconds_a_row(self) -> float:
        """What has passed, shared by the rows."""
        return (time.perf_counter() - self.start) / max(self.rows, 1)
