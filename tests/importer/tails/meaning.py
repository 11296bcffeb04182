"""What a person understands an output to say, told while the file is made and never read back from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from tests.importer.tails.writing import Part

CLEAR, ODD, AMBIGUOUS = "clear", "odd", "ambiguous"
"""To be read, may be refused, must be refused."""
_WORSE = (CLEAR, ODD, AMBIGUOUS)


@dataclass(frozen=True)
class End:
    """A tensor that answers.

    Args:
        low, high: how far each of its numbers can reach.
        together: axes of one softmax; "" where there is none.
        function: ``Softmax``, ``LogSoftmax`` or "".
        whole: scores on the axis that was normalised.
        factor, shift: what its values were multiplied by and moved by; not finite where each was by itself.
        label: whether it is the number of a class.
        clarity: how far it can be understood.
    """

    part: Part
    low: float = -math.inf
    high: float = math.inf
    together: str = ""
    function: str = ""
    whole: int = 0
    factor: float = 1.0
    shift: float = 0.0
    label: bool = False
    clarity: str = CLEAR

    def to(self, part: Part) -> End:
        return replace(self, part=part)

    def worse(self, clarity: str) -> End:
        return replace(self, clarity=max(self.clarity, clarity, key=_WORSE.index))

    @property
    def scaled(self) -> bool:
        """Whether something followed the softmax."""
        return (self.factor, self.shift) != (1.0, 0.0)

    @property
    def classes(self) -> int:
        return self.part.length("m" if "m" in self.part.axes else "c")

    def ranged(self, *ends: float) -> End:
        return replace(self, low=min(ends), high=max(ends))

    def meaning(self, multi_label: bool = False) -> Meaning:
        """What the numbers of this tensor say, as the last one of the file."""
        end = self
        if end.label:
            end = end.worse(AMBIGUOUS) if end.classes > 1 else end  # several labels of a frame
            return Meaning(end.part.axes, "label", None, end.clarity)
        if end.together and end.classes > 1 and "c" not in end.together:
            end = end.worse(AMBIGUOUS)  # values that were never normalised together
        if end.together and end.classes == 1 and (end.scaled or "c" not in end.together):
            end = end.worse(ODD)
        if end.classes > 1 and not multi_label:
            return Meaning(end.part.axes, "classes", None, end.clarity)
        cut = end.cut()
        return Meaning(end.part.axes, "lone", cut, AMBIGUOUS if cut is None else end.clarity)

    def cut(self) -> float | None:
        """Where class 1 begins for a number of its own; None where nobody can know.

        Of a softmax one of two values says what both do, one of more says nothing.
        """
        if self.together and (self.whole != 2 or self.function == "LogSoftmax"):
            return math.log(0.5) if self.whole == 2 and not self.scaled else None
        if abs(self.low) < 1e-6 and abs(self.high - 1.0) < 1e-6:
            return 0.5
        if self.low == -math.inf and self.high == math.inf:
            return 0.0
        finite = self.low < 0.0 < self.high and math.isfinite(self.high - self.low)
        return 0.0 if finite and abs(self.low + self.high) <= 1e-6 * (self.high - self.low) else None


@dataclass(frozen=True)
class Meaning:
    """How to read the numbers of an output.

    Args:
        axes: letters of the output's axes.
        kind: ``classes``, ``lone`` or ``label``.
        cut: of a lone number.
    """

    axes: str
    kind: str
    cut: float | None
    clarity: str

    def table(self, output: np.ndarray) -> np.ndarray:
        """The output (of a batch of one) as (steps, numbers)."""
        letters = [letter for letter in self.axes if letter in "tcm"]
        long = output.reshape([n for n, a in zip(output.shape, self.axes, strict=True) if a in "tcm"])
        order = sorted(range(len(letters)), key=lambda k: "tcm".index(letters[k]))
        steps = output.shape[self.axes.index("t")] if "t" in self.axes else 1
        return long.transpose(order).reshape(steps, -1).astype(np.float64)

    def answers(self, output: np.ndarray) -> np.ndarray:
        """The class at each step, or for each label whether it is given."""
        table = self.table(output)
        if self.kind == "classes":
            return table.argmax(axis=1)
        if self.kind == "label":
            return table.astype(np.int64).reshape(-1)
        return (table > self.cut).astype(np.int64).reshape(-1)

    def tied(self, output: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """Where the numbers of the file do not tell these answers from its own, but for rounding."""
        table = self.table(output)
        rounding = 8.0 * float(np.finfo(output.dtype).eps) if output.dtype.kind == "f" else 0.0
        if self.kind == "label":
            return table.reshape(-1) == answers
        if self.kind == "lone":
            flat = table.reshape(-1)
            near = np.abs(flat - self.cut) <= rounding * np.maximum(np.abs(flat), abs(self.cut or 0.0))
            return near | ((flat > self.cut) == (answers > 0))
        if bool((answers >= table.shape[1]).any()):
            return np.zeros(len(table), dtype=bool)
        top, named = table.max(axis=1), table[np.arange(len(table)), answers]
        return top - named <= rounding * np.maximum(np.abs(top), np.abs(named))
