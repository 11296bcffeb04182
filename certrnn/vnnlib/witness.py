"""Satisfying assignments: an input that the network's number type holds, and why it counts.

An assignment is believed where the query, exactly as it is written, holds of the input and of what onnxruntime computes
from it, and where it is also proved of the network in exact real arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from certrnn.analyses import Forward
from certrnn.arrays import to_numpy
from certrnn.domains import Intervals
from certrnn.regions import Box
from certrnn.specs import Spec
from certrnn.vnnlib.answer import Assignment
from certrnn.vnnlib.binding import Binding
from certrnn.vnnlib.cases import Case, Rows
from certrnn.vnnlib.normal_form import Literal, Range
from certrnn.vnnlib.parse import Query, holds


@dataclass(frozen=True, eq=False)
class Witnesses:
    """Turns points near a violation into assignments.

    Args:
        precision: the number type of the network's input.
    """

    query: Query
    binding: Binding
    precision: Any

    def confirm(self, case: Case, points: torch.Tensor) -> Assignment | None:
        """An assignment at one of the points (N, frames, features), moved into the box and rounded; None without."""
        ends = representable(case.ranges, self.precision)
        if ends is None:
            return None
        for point in to_numpy(points):
            flat = point.reshape(-1)[self.binding.places]
            with np.errstate(over="ignore"):
                inputs = np.clip(flat.astype(self.precision), *ends)
            assignment = self._confirmed(case, inputs)
            if assignment is not None:
                return assignment
        return None

    def _confirmed(self, case: Case, inputs: np.ndarray) -> Assignment | None:
        outputs = self.binding.run(inputs).reshape(-1)
        if not (np.isfinite(inputs).all() and np.isfinite(outputs).all()):
            return None
        exact = fractions(inputs)
        if not holds(self.query.formula, exact, fractions(outputs)):
            return None
        return Assignment(inputs, outputs) if self._proved(case, inputs, exact) else None

    def _proved(self, case: Case, inputs: np.ndarray, exact: Sequence[Fraction]) -> bool:
        """Whether one of the case's conjunctions holds at the input in real arithmetic, by intervals around the
        network's values there."""
        point = torch.from_numpy(self.binding.sample(inputs).astype(np.float64))[None]
        rows = Rows(self.binding, case.graph, Box(point, point, point, tuple(range(point.shape[1]))))
        known: dict[int, bool] = {}

        def true(literal: Literal) -> bool:
            if id(literal) not in known:
                known[id(literal)] = _true(literal, rows, exact)
            return known[id(literal)]

        return any(all(map(true, conjunction)) for conjunction in case.conjunctions)


def _true(literal: Literal, rows: Rows, exact: Sequence[Fraction]) -> bool:
    form = literal.form
    if all(not variable.output for variable in form.coefficients):
        value = form.constant + sum(c * exact[v.index] for v, c in form.coefficients.items())
        return value < 0 or (value == 0 and not literal.strict)
    row, offset = rows.lower(-form)
    spec = Spec(torch.from_numpy(row)[None, None], torch.tensor([[offset]], dtype=torch.float64))
    margin = float(Forward(Intervals()).margins(rows.graph, rows.region, spec))
    return margin > 0.0 or (margin == 0.0 and not literal.strict)


def fractions(values: np.ndarray) -> list[Fraction]:
    """The numbers exactly."""
    return [Fraction(value) for value in values.astype(np.float64).tolist()]


def representable(ranges: Sequence[Range], precision: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """The smallest and the largest number of the type in each range; None where some range holds none.

    >>> ends = representable([Range(Fraction(1, 10), Fraction(1))], np.float32)
    >>> ends is not None and Fraction(float(ends[0][0])) >= Fraction(1, 10)
    True
    >>> representable([Range(Fraction(1, 10), Fraction(1, 10))], np.float32) is None
    True
    """
    low, high = np.empty(len(ranges), precision), np.empty(len(ranges), precision)
    for index, one in enumerate(ranges):
        if one.low is None or one.high is None:
            return None
        low[index] = _inside(one.low, one.low_open, precision)
        # the mirror image: a number at most ``high`` is minus one that is at least ``-high``
        high[index] = -_inside(-one.high, one.high_open, precision)
    return (low, high) if bool((low <= high).all()) else None


def _inside(end: Fraction, strict: bool, precision: Any) -> Any:
    """The smallest number of the type that is at least ``end``, or above it where ``strict``."""
    with np.errstate(over="ignore"):
        number = precision(float(end))
    while np.isfinite(number) and (
        Fraction(float(number)) < end or (strict and Fraction(float(number)) == end)
    ):
        number = np.nextafter(number, precision(np.inf))
    if number == -np.inf:
        number = np.finfo(precision).min
    return number
