"""Answers to VNN-LIB queries as the standard's solver interface prints them, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from certrnn.vnnlib.parse import Query, Tensor

SAT, UNSAT, UNKNOWN, TIMED_OUT = "sat", "unsat", "unknown", "timed-out"
"""What the standard lets a solver say."""

_CODES = {UNSAT: 0, SAT: 1}
UNDECIDED = 4


def decimal(value: float) -> str:
    """All the digits of a float, without an exponent: at any precision they are read as this number.

    >>> decimal(0.5), decimal(-2.0), decimal(2.0**-10)
    ('0.5', '-2.0', '0.0009765625')
    """
    text = format(Decimal(value), "f")
    return text if "." in text else f"{text}.0"


@dataclass(frozen=True, eq=False)
class Assignment:
    """Values of the input and the output tensor, flattened in row-major order."""

    inputs: np.ndarray
    outputs: np.ndarray


@dataclass(frozen=True, eq=False)
class Answer:
    """``sat``, ``unsat``, ``unknown`` or ``timed-out``.

    Args:
        assignment: of ``sat``.
        cases: how many boxes and specifications the query came to, and how many of them are ``refuted``.
    """

    verdict: str
    assignment: Assignment | None = None
    cases: int = 0
    refuted: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Verified:
    """An answer to a query about a model.

    Args:
        seconds: that it took.
        folder: the run folder that it was read from, or "".
        failed: steps on cases whose task came to no answer.
    """

    query: Query
    model: str
    sha256: str
    answer: Answer
    seconds: float
    folder: str = ""
    failed: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know, a line each."""
        return self.answer.notes

    def exit_code(self) -> int:
        """0 for ``unsat``, 1 for ``sat``; where nothing was decided 3 if a task ended in an error, else 4."""
        return _CODES.get(self.answer.verdict, 3 if self.failed else UNDECIDED)

    def text(self) -> str:
        """The verdict, and below it the assignment: in the standard's format, or that of VNN-COMP in version 1.0."""
        lines = [self.answer.verdict, *self._assigned()]
        return "\n".join(lines) + "\n"

    def _tensors(self) -> list[tuple[Tensor, np.ndarray]]:
        assignment = self.answer.assignment
        if assignment is None:
            return []
        return [(self.query.input, assignment.inputs), (self.query.output, assignment.outputs)]

    def _assigned(self) -> Iterator[str]:
        pairs = [
            (tensor.element(index), decimal(value))
            for tensor, values in self._tensors()
            for index, value in enumerate(values.tolist())
        ]
        if self.query.version == "1.0":
            for place, (name, value) in enumerate(pairs):
                before, after = "((" if place == 0 else " (", "))" if place == len(pairs) - 1 else ")"
                yield f"{before}{name} {value}{after}"
            return
        for tensor, values in self._tensors():
            yield f"{tensor.name} {tensor.type} [{','.join(str(length) for length in tensor.shape or ())}]"
            yield from map(decimal, values.tolist())

    def to_json(self) -> str:
        """One strict JSON document; values are numbers that float64 reads exactly."""
        answer = self.answer
        assignments = [
            {
                "name": tensor.name,
                "type": tensor.type,
                "shape": list(tensor.shape or (tensor.size,)) if tensor.shape != () else [],
                "values": values.astype(np.float64).tolist(),
            }
            for tensor, values in self._tensors()
        ]
        document = {
            "answer": answer.verdict,
            "query": {"path": str(self.query.source.path), "version": self.query.version},
            "model": {"path": self.model, "sha256": self.sha256},
            "semantics": "real",
            "assignments": assignments,
            "cases": answer.cases,
            "refuted": answer.refuted,
            "seconds": self.seconds,
            "notes": list(answer.notes),
        }
        return json.dumps(document, indent=1, allow_nan=False) + "\n"
