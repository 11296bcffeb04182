"""Analyses that hand on to another one what they do not bound themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from certrnn.analyses.analysis import Analysis
from certrnn.analyses.memory import Memory
from certrnn.regions import Region


@dataclass(frozen=True)
class Wrapping(Analysis):
    """An analysis around another one, whose name, memory and deadline it has.

    Args:
        otherwise: the other one.
        deadline: of ``time.perf_counter``; infinite for none.
    """

    otherwise: Analysis
    deadline: float = math.inf

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.otherwise.name

    def remembering(self, memory: Memory | None = None) -> Analysis:
        return replace(self, otherwise=self.otherwise.remembering(memory))

    def until(self, deadline: float) -> Analysis:
        return replace(self, otherwise=self.otherwise.until(deadline), deadline=deadline)

    def methods(self, region: Region) -> tuple[str, ...]:
        return self.otherwise.methods(region)
