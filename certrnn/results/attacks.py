"""What an attack found, row by row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from typing import Any, Literal, get_args, overload

import numpy as np

from certrnn.results.changes import Change, spelled_changes
from certrnn.results.extent import Extent
from certrnn.results.figures import mean
from certrnn.results.question import Question, written
from certrnn.results.record import Record, frames_place
from certrnn.results.row import finite, spelled
from certrnn.results.tabular import Tabular
from certrnn.threats import Labels, NormBall, Specification, ThreatModel

AttackVerdict = Literal["falsified", "unknown", "timeout", "misclassified", "error"]
Replaced = tuple[int, int, int]
"""Frame, the word's number before and after."""


@dataclass(frozen=True, eq=False)
class Counterexample:
    """A sequence ``x`` (T, D) in the region of radius ``eps`` around ``center`` that breaks what must hold.

    Args:
        frames: the frames that may change.
        span: the frames that are no padding.
        label: the class that must be answered, as rows show it.
        target: the class that was wanted, or None for any but the label.
        answer: what onnxruntime answered, as rows show predictions.
        words: (T,) numbers of the words that the frames are, or None.
        told: the length that the network is told where that is not the end of the span, else 0.
        threat: what may change, of this sample, in the frames of the network's input.
        specification: what must hold.
        required: what it asks of this sample, (S,) a step each.
    """

    sample: int
    x: np.ndarray
    center: np.ndarray
    frames: tuple[int, ...]
    span: tuple[int, int]
    eps: float
    label: int
    target: int | None
    answer: int
    words: np.ndarray | None = None
    told: int = 0
    threat: ThreatModel = field(default_factory=NormBall)
    specification: Specification = field(default_factory=Labels)
    required: tuple[int, ...] = ()


@dataclass(frozen=True)
class AttackRow(Record):
    """What an attack found for one sample, one set of frames and, where one was asked, one eps.

    Args:
        sample: position in the data, from 0.
        frames: the frames that may change together, or ``"all"``.
        label: the class that must be answered: the data's label, or the prediction where the data has none.
        prediction: the class that the network answers, undisturbed.
        target: the class that the attack wants, or None for any that breaks what must hold.
        verdict: ``falsified`` (a counterexample was replayed in onnxruntime), ``unknown`` (none was found: no
            statement), ``timeout`` (the budget was spent first), ``misclassified`` (what must hold does not hold
            undisturbed: nothing to attack), ``error`` (its task did not come to an end, see ``reason``).
        eps: the eps that was asked, or None where the smallest was searched.
        answer: what onnxruntime answers to the counterexample.
        radius: the smallest eps, as far as is known, whose region holds the counterexample.
        linf, l2, l0: the counterexample's distances: the largest change of a feature, the Euclidean norm of all
            changes, the number of features that change. None without a counterexample, as ``answer``.
        words: words that were replaced, where every frame of the counterexample is a word of the network's table.
        attack: name of the attack.
        seconds: wall time of the row: the time of its batch divided by the batch's rows.
        reason: why a violation found in float64 does not count, why its task ended without an answer, or "".
        changed: what the counterexample changes: words before and after, or the frames that move most.
        text: the text with the changed words marked, where the samples are texts; else "".
        counterexample: the sequence itself.
    """

    sample: int
    frames: str | list[int]
    label: int
    prediction: int
    target: int | None
    verdict: AttackVerdict
    eps: float | None
    answer: int | None
    radius: float | None
    linf: float | None
    l2: float | None
    l0: int | None
    words: tuple[Replaced, ...] | None
    attack: str
    seconds: float
    reason: str = ""
    changed: tuple[Change, ...] | None = None
    text: str = ""
    counterexample: Counterexample | None = field(default=None, compare=False, repr=False)

    @staticmethod
    def without(
        sample: int,
        frames: str | list[int],
        answers: tuple[int, int],
        wanted: tuple[str, int | None, float | None],
        verdict: AttackVerdict,
        reason: str = "",
    ) -> AttackRow:
        """A row without a counterexample.

        Args:
            answers: label and prediction.
            wanted: the attack's name, the target, and the eps that was asked.
        """
        return AttackRow(
            sample=sample,
            frames=frames,
            label=answers[0],
            prediction=answers[1],
            target=wanted[1],
            verdict=verdict,
            eps=wanted[2],
            answer=None,
            radius=None,
            linf=None,
            l2=None,
            l0=None,
            words=None,
            attack=wanted[0],
            seconds=0.0,
            reason=reason,
        )

    @property
    def failed(self) -> bool:
        return bool(self.reason) and self.verdict in ("error", "timeout")

    @property
    def place(self) -> tuple[int, float, list[int]]:
        return self.sample, self.eps or 0.0, frames_place(self.frames)

    def answers(self, frames: str | list[int], eps: float | None, method: str = "") -> bool:
        return (self.frames, self.eps) == (frames, eps)

    def as_json(self) -> dict[str, Any]:
        """The row as strict JSON takes it; without the sequence, which belongs in a file of its own."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "counterexample"}
        values["words"] = None if self.words is None else [list(change) for change in self.words]
        values["changed"] = None if self.changed is None else [one.as_json() for one in self.changed]
        return {name: finite(v) if isinstance(v, float) else v for name, v in values.items()}


@dataclass(frozen=True, repr=False)
class AttackResults(Sequence[AttackRow], Tabular):
    """Rows of an attack, with the model they are about.

    Args:
        path: the model as the user named it.
        sha256: of the model file.
        rows: what is finished, in order of sample, eps and frames.
        attack: name of the attack.
        notes: what a reader must know, a line each.
        external: file name to sha256 of the files that hold the model's weights beside it.
        question: everything else that the rows depend on.
        extent: how much of what was asked the rows are.
        folder: the run folder that the rows were read from, or "".
        threat: what may change.
        specification: what must hold; "" for the label.
    """

    path: str
    sha256: str
    rows: tuple[AttackRow, ...]
    attack: str
    notes: tuple[str, ...] = ()
    external: tuple[tuple[str, str], ...] = ()
    question: Question | None = None
    extent: Extent | None = None
    folder: str = ""
    threat: str = "l-inf"
    specification: str = ""

    @overload
    def __getitem__(self, index: int) -> AttackRow: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[AttackRow, ...]: ...
    def __getitem__(self, index: int | slice) -> AttackRow | tuple[AttackRow, ...]:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.counts().items())
        return (
            f"<AttackResults of {self.path}, {self.attack}: {len(self)} rows: {counts or 'nothing finished'}>"
        )

    def records(self) -> list[dict[str, Any]]:
        """A row each, its frames and changes spelled."""
        rows = []
        for row in self.rows:
            told = {name: value for name, value in row.as_json().items() if name != "words"}
            told.update(frames=spelled(row.frames), changed=spelled_changes(row.changed))
            rows.append(told)
        return rows

    def as_json(self) -> dict[str, Any]:
        """The document of ``certrnn attack --json``."""
        model: dict[str, Any] = {"path": self.path, "sha256": self.sha256}
        if self.external:
            model["external"] = dict(self.external)
        rows = [row.as_json() for row in self.rows]
        question = {} if self.question is None else {"question": written(self.question)}
        extent = {} if self.extent is None else {"extent": written(self.extent)}
        return {
            "model": model,
            "attack": self.attack,
            "threat": self.threat,
            "specification": self.specification,
            **question,
            **extent,
            "rows": rows,
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """The document as strict JSON text, ending in a newline."""
        return json.dumps(self.as_json(), indent=1, allow_nan=False) + "\n"

    def counts(self) -> dict[str, int]:
        """Number of rows by verdict."""
        verdicts = Counter(row.verdict for row in self.rows)
        return {verdict: verdicts[verdict] for verdict in get_args(AttackVerdict) if verdicts[verdict]}

    def means(self) -> tuple[Fraction, Fraction, Fraction] | None:
        """Mean l-inf, l2 and l0 distance of the counterexamples; None without any."""
        rows = [row for row in self.rows if row.verdict == "falsified"]
        if not rows:
            return None
        linf, l2, l0 = (mean(getattr(row, name) or 0 for row in rows) for name in ("linf", "l2", "l0"))
        assert linf is not None
        assert l2 is not None
        assert l0 is not None
        return linf, l2, l0

    def exit_code(self) -> int:
        """Where eps were asked: 1 with a counterexample, else 4. Where the smallest was searched: 0 where there is
        a counterexample for some row, else 4. Without a counterexample 3 where a task ended in an error."""
        falsified = [row for row in self.rows if row.verdict == "falsified"]
        if not falsified:
            return 3 if any(row.verdict == "error" for row in self.rows) else 4
        return 1 if any(row.eps is not None for row in falsified) else 0


def ordered(rows: Sequence[AttackRow]) -> tuple[AttackRow, ...]:
    """Rows by sample, eps and frames."""
    return tuple(sorted(rows, key=lambda row: row.place))


@dataclass(frozen=True)
class ReplayedRow:
    """What became of one written counterexample: ``reason`` is "" where it is confirmed."""

    sample: int
    frames: str | list[int]
    label: int
    target: int | None
    eps: float
    undisturbed: int
    answer: int
    reason: str

    @property
    def confirmed(self) -> bool:
        return not self.reason

    def as_json(self) -> dict[str, Any]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**values, "eps": finite(self.eps), "confirmed": self.confirmed}


@dataclass(frozen=True)
class ReplayResults:
    """A file of counterexamples, replayed."""

    path: str
    sha256: str
    file: str
    rows: tuple[ReplayedRow, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Strict JSON text, ending in a newline."""
        document = {
            "model": {"path": self.path, "sha256": self.sha256},
            "replay": self.file,
            "rows": [row.as_json() for row in self.rows],
            "notes": list(self.notes),
        }
        return json.dumps(document, indent=1, allow_nan=False) + "\n"

    def exit_code(self) -> int:
        """0 where every counterexample is confirmed, else 1."""
        return 0 if all(row.confirmed for row in self.rows) else 1
