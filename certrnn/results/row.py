"""One row of results: what was asked of one sample, and both sides of the answer."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from certrnn.results.changes import Change
from certrnn.results.record import Record, frames_place

Verdict = Literal["certified", "falsified", "unknown", "timeout", "misclassified", "error"]
VERDICTS: tuple[str, ...] = get_args(Verdict)


@dataclass(frozen=True)
class Row(Record):
    """The answer for one sample, one set of frames and, where one was asked, one eps.

    An eps is a distance in the norm of the run, in the units of the model's input; 1 for word substitution, where every
    word stands in whole or not at all.

    Args:
        sample: position in the data, from 0.
        frames: the frames that are disturbed together, from 0, or ``"all"``.
        label: the class that must be answered: the data's label, or the prediction where the data has none.
        prediction: the class that the network answers, undisturbed.
        verdict: ``certified`` (proved), ``falsified`` (a replayed counterexample exists), ``unknown`` (neither),
            ``timeout`` (the budget was spent first), ``misclassified`` (nothing to certify), ``error`` (the self-check
            failed: nothing about this row may be believed; or, with a ``reason``, its task did not come to an end).
        eps: the eps that was asked, or None where the largest was searched.
        eps_certified: proved to be safe. Asked: ``eps`` or None. Searched: the largest eps that was itself certified,
            0.0 where none was; None for ``misclassified`` and ``error``.
        eps_attacked: distance of a counterexample, replayed in onnxruntime, or None where the attack found none or did
            not run.
        ratio: ``eps_certified / eps_attacked``, at most 1: how much of the attack's eps is proved; None without both.
        margin: proved lower bound on the score of the label minus the best other score, in units of the scores
            (logits), at ``eps``, or at ``eps_certified`` where it was searched; None where there is no finite one.
        method: name of the analysis.
        seconds: wall time of the row: the time of its batch divided by the batch's rows.
        changed: what the counterexample of a falsified row changes: words before and after, or the frames that move
            most; else None.
        reason: why a task of a run ended in ``error`` or ``timeout`` without an answer (then prediction, and a label
            that the data does not give, are -1); "" for every row that was answered.

    >>> Row(0, "all", 3, 3, "certified", None, 0.1, 0.2, 0.5, 0.01, "zonotope", 0.5).as_json()["verdict"]
    'certified'
    """

    sample: int
    frames: str | list[int]
    label: int
    prediction: int
    verdict: Verdict
    eps: float | None
    eps_certified: float | None
    eps_attacked: float | None
    ratio: float | None
    margin: float | None
    method: str
    seconds: float
    reason: str = ""
    changed: tuple[Change, ...] | None = None

    @property
    def failed(self) -> bool:
        return bool(self.reason)

    @property
    def place(self) -> tuple[int, float, list[int]]:
        return self.sample, self.eps or 0.0, frames_place(self.frames)

    def answers(self, frames: str | list[int], eps: float | None, method: str = "") -> bool:
        return (self.frames, self.eps) == (frames, eps)

    def contradicts(self, other: Row) -> str:
        proved, broken = self.eps_certified or 0.0, other.eps_attacked
        false = proved > 0.0 and broken is not None and broken <= proved
        return f"both for sample {self.sample} at eps {broken:g}" if false else ""

    def as_json(self) -> dict[str, Any]:
        """The row as strict JSON takes it: no nan and no infinity."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if not self.reason:
            del values["reason"]
        del values["changed"]
        if self.changed is not None:
            values["changed"] = [one.as_json() for one in self.changed]
        return {name: finite(v) if isinstance(v, float) else v for name, v in values.items()}


def finite(value: float | None) -> float | None:
    """The value, or None for nan and the infinities: JSON has no words for them."""
    return value if value is not None and math.isfinite(value) else None


def ratio(certified: float | None, attacked: float | None) -> float | None:
    """The share of the attack's eps that is certified; None without both sides.

    >>> ratio(0.1, 0.4), ratio(0.1, None), ratio(0.0, 0.0)
    (0.25, None, None)
    """
    return None if certified is None or not attacked else finite(certified / attacked)


def spelled(value: str | list[int]) -> str:
    """Frames as ``--frames`` takes them.

    >>> spelled([0, 3, 4, 5]), spelled("all")
    ('0,3-5', 'all')
    """
    if isinstance(value, str):
        return value
    runs: list[list[int]] = []
    for frame in value:
        if runs and frame == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], frame]
        else:
            runs.append([frame])
    return ",".join("-".join(str(end) for end in run) for run in runs)
