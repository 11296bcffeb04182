"""Existence conditions that were examined, as data."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from certrnn.dynamics import LayerReport
from certrnn.results.extent import Extent
from certrnn.results.question import Question, written
from certrnn.results.record import Record, frames_place


@dataclass(frozen=True)
class Examined(Record):
    """The recurrent layers along one sample.

    Args:
        sample: position in the data, from 0.
        frames: the frames that are disturbed together, or ``"all"``.
        eps: the l-inf distance.
        reports: what was found of each layer.
        left: names of the layers that the budget left out.
        reason: why its task came to no answer; "" else.
    """

    sample: int
    frames: str | list[int]
    eps: float
    reports: tuple[LayerReport, ...] = ()
    left: tuple[str, ...] = ()
    reason: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.reason)

    @property
    def place(self) -> tuple[int, list[int], float]:
        return self.sample, frames_place(self.frames), self.eps

    def answers(self, frames: str | list[int], eps: float | None, method: str = "") -> bool:
        return (self.frames, self.eps) == (frames, eps)


@dataclass(frozen=True)
class Conditions:
    """Everything that ``certrnn conditions`` found out about a model."""

    path: str
    sha256: str
    rows: tuple[Examined, ...]
    notes: tuple[str, ...] = ()
    question: Question | None = None
    extent: Extent | None = None
    folder: str = ""

    def as_json(self) -> dict[str, Any]:
        """The document of ``--json``: a row for each condition, and one for each disturbance constructed."""
        return {
            "model": {"path": self.path, "sha256": self.sha256},
            "semantics": "real",
            **({} if self.question is None else {"question": written(self.question)}),
            **({} if self.extent is None else {"extent": written(self.extent)}),
            "rows": [row for one in self.rows for report in one.reports for row in _rows(one, report)],
            "layers": [_layer(one, report) for one in self.rows for report in one.reports],
            "notes": list(self.notes),
        }

    def exit_code(self) -> int:
        """3 where a task ended in an error, 4 where the budget left something out; else 0."""
        if any(row.reason for row in self.rows):
            return 3
        return 4 if any(row.left for row in self.rows) else 0

    def to_json(self) -> str:
        return json.dumps(self.as_json(), indent=1, allow_nan=False) + "\n"


def _rows(one: Examined, report: LayerReport) -> list[dict[str, Any]]:
    head = {"sample": one.sample, "frames": one.frames, "eps": one.eps, "layer": report.layer}
    return [{**head, **_strict(asdict(finding))} for finding in report.findings]


def _layer(one: Examined, report: LayerReport) -> dict[str, Any]:
    names = ("norm", "at_least", "at_most", "verdict")
    return _strict(
        {
            "sample": one.sample,
            "frames": one.frames,
            "eps": one.eps,
            "layer": report.layer,
            "kind": report.kind,
            "states": report.states,
            "features": report.features,
            "steps": list(report.steps),
            "theorem_1_over_tube": [dict(zip(names, norm, strict=True)) for norm in report.norms],
            "error_bound": report.error_bound,
            "divergence": None if report.divergence is None else asdict(report.divergence),
        }
    )


def _strict(value: Any) -> Any:
    """The same with null for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _strict(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_strict(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
