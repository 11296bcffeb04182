"""Coverage of a set of samples, as data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from certrnn.results.question import Question, written


@dataclass(frozen=True)
class Unreached:
    """Units of a layer that no sample covered at any step."""

    layer: str
    units: tuple[int, ...]


@dataclass(frozen=True)
class CoverageRow:
    """Coverage in one section of one metric.

    Args:
        metric: its name.
        section: such as ``[-0.2,0.2]``, or "" where the metric has none.
        pairs: pairs of step and unit that can be covered.
        coverage: share of them that some sample covers.
        curve: number of samples, and the coverage of the first so many; the last point is all of them.
        never: units that no sample covers at any step.
        units: how many units there are.
        beside: the coverage of the samples set beside, or None.
        together: that of both sets, or None.
    """

    metric: str
    section: str
    pairs: int
    coverage: float
    curve: tuple[tuple[int, float], ...]
    never: tuple[Unreached, ...]
    units: int
    beside: float | None = None
    together: float | None = None

    @property
    def unreached(self) -> int:
        """How many units were never covered."""
        return sum(len(one.units) for one in self.never)

    def as_json(self) -> dict[str, Any]:
        """The row as strict JSON takes it."""
        set_beside = {} if self.beside is None else {"beside": self.beside, "together": self.together}
        return {
            "metric": self.metric,
            "section": self.section or None,
            "coverage": self.coverage,
            **set_beside,
            "pairs": self.pairs,
            "units": self.units,
            "never": [{"layer": one.layer, "units": list(one.units)} for one in self.never],
            "curve": [list(point) for point in self.curve],
        }


@dataclass(frozen=True)
class CoverageResults:
    """What ``certrnn coverage`` measured.

    Args:
        path: the model as the user named it.
        sha256: of the model file.
        rows: one for each metric and section.
        samples: how many samples.
        options: how metrics are counted, by name.
        beside: the file set beside, or "", and how many samples it holds.
        notes: what a reader must know, a line each.
        question: everything else that the rows depend on.
    """

    path: str
    sha256: str
    rows: tuple[CoverageRow, ...]
    samples: int
    options: tuple[tuple[str, Any], ...] = ()
    beside: tuple[str, int] = ("", 0)
    notes: tuple[str, ...] = ()
    question: Question | None = None

    def of(self, metric: str) -> tuple[CoverageRow, ...]:
        """The rows of one metric, section by section."""
        return tuple(row for row in self.rows if row.metric == metric)

    def as_json(self) -> dict[str, Any]:
        """The document of ``certrnn coverage --json``."""
        name, count = self.beside
        return {
            "model": {"path": self.path, "sha256": self.sha256},
            **({} if self.question is None else {"question": written(self.question)}),
            "options": dict(self.options),
            "samples": self.samples,
            **({"beside": {"name": name, "samples": count}} if count else {}),
            "rows": [row.as_json() for row in self.rows],
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """The document as strict JSON text, ending in a newline."""
        return json.dumps(self.as_json(), indent=1, allow_nan=False) + "\n"
