"""Existence conditions that were examined, as data."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from certrnn.dynamics import LayerReport
from certrnn.results.question import Question, written


@dataclass(frozen=True)
class Examined:
    """One layer along one sample: ``frames`` as results show them, eps the l-inf distance."""

    sample: int
    frames: str | list[int]
    eps: float
    report: LayerReport


@dataclass(frozen=True)
class Conditions:
    """Everything that ``certrnn conditions`` found out about a model."""

    path: str
    sha256: str
    rows: tuple[Examined, ...]
    notes: tuple[str, ...] = ()
    question: Question | None = None

    def as_json(self) -> dict[str, Any]:
        """The document of ``--json``: a row for each condition, and one for each disturbance constructed."""
        return {
            "model": {"path": self.path, "sha256": self.sha256},
            "semantics": "real",
            **({} if self.question is None else {"question": written(self.question)}),
            "rows": [row for one in self.rows for row in _rows(one)],
            "layers": [_layer(one) for one in self.rows],
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        return json.dumps(self.as_json(), indent=1, allow_nan=False) + "\n"


def _rows(one: Examined) -> list[dict[str, Any]]:
    head = {"sample": one.sample, "frames": one.frames, "eps": one.eps, "layer": one.report.layer}
    return [{**head, **_strict(asdict(finding))} for finding in one.report.findings]


def _layer(one: Examined) -> dict[str, Any]:
    report = one.report
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
