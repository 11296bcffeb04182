"""Backward substitution through planes fitted on interval bounds (CROWN-IBP, Zhang et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from certrnn.training.bounds.domain import Box, Domain, Propagation, midpoint
from certrnn.training.bounds.interval import Interval, IntervalRun
from certrnn.training.bounds.planes import relaxed

Pull = Callable[[Tensor], tuple[list[Tensor], Tensor | None]]


@dataclass(frozen=True, eq=False)
class Step:
    """A value on the tape.

    Args:
        box: its interval bounds.
        sources: positions of the values that it is computed from.
        pull: of coefficients (B, K, n) of this value those of its sources, and what is left over (B, K).
    """

    box: Interval
    sources: tuple[int, ...]
    pull: Pull


@dataclass
class BackwardRun(Propagation[int]):
    """One propagation: intervals forward, which the tape remembers with how each value came about."""

    _tape: list[Step] = field(default_factory=list)
    _intervals: IntervalRun = field(default_factory=IntervalRun)

    def _new(self, box: Interval, sources: Sequence[int], pull: Pull) -> int:
        self._tape.append(Step(box, tuple(sources), pull))
        return len(self._tape) - 1

    def _boxes(self, values: Sequence[int]) -> list[Interval]:
        return [self._tape[value].box for value in values]

    def frames(self, box: Box) -> list[int]:
        return [self._leaf(one) for one in self._intervals.frames(box)]

    def _leaf(self, box: Interval) -> int:
        middle, radius = midpoint(box.lower, box.upper)
        return self._new(box, (), lambda rows: ([], _contract(rows, middle) - _contract(rows.abs(), radius)))

    def zeros(self, like: int, size: int) -> int:
        return self._new(self._intervals.zeros(self._tape[like].box, size), (), lambda rows: ([], None))

    def affine(self, value: int, weight: Tensor, bias: Tensor | None) -> int:
        box = self._intervals.affine(self._tape[value].box, weight, bias)
        return self._new(box, (value,), lambda rows: ([rows @ weight], None if bias is None else rows @ bias))

    def scale(self, value: int, factor: Tensor) -> int:
        box = self._intervals.scale(self._tape[value].box, factor)
        return self._new(box, (value,), lambda rows: ([rows * factor[:, None]], None))

    def add(self, left: int, right: int) -> int:
        box = self._intervals.add(*self._boxes((left, right)))
        return self._new(box, (left, right), lambda rows: ([rows, rows], None))

    def split(self, value: int, parts: int) -> list[int]:
        boxes = self._intervals.split(self._tape[value].box, parts)
        size = boxes[0].lower.shape[-1]

        def pull(place: int) -> Pull:
            pads = (place * size, (parts - 1 - place) * size)
            return lambda rows: ([torch.nn.functional.pad(rows, pads)], None)

        return [self._new(box, (value,), pull(place)) for place, box in enumerate(boxes)]

    def join(self, values: Sequence[int]) -> int:
        boxes = self._boxes(values)
        sizes = [box.lower.shape[-1] for box in boxes]
        return self._new(
            self._intervals.join(boxes), values, lambda rows: (list(rows.split(sizes, dim=-1)), None)
        )

    def apply(self, name: str, values: Sequence[int]) -> int:
        boxes = self._boxes(values)
        box = self._intervals.apply(name, boxes)
        if name == "negative":
            return self._new(box, values, lambda rows: ([-rows], None))
        fitted = relaxed(name, [(one.lower, one.upper) for one in boxes])

        def pull(rows: Tensor) -> tuple[list[Tensor], Tensor]:
            left = _contract(rows, fitted.center) - _contract(rows.abs(), fitted.radius)
            return [rows * slope[:, None] for slope in fitted.slopes], left

        return self._new(box, values, pull)

    def bounds(self, value: int) -> tuple[Tensor, Tensor]:
        box = self._tape[value].box
        batch, size = box.lower.shape
        rows = torch.eye(size, dtype=box.lower.dtype, device=box.lower.device).expand(batch, -1, -1)
        zero = box.lower.new_zeros(batch, size)
        return self.lower(value, rows, zero), -self.lower(value, -rows, zero)

    def lower(self, value: int, rows: Tensor, offset: Tensor) -> Tensor:
        waiting, result = {value: rows}, offset
        for place in range(value, -1, -1):
            if place not in waiting:
                continue
            step = self._tape[place]
            pulled, left = step.pull(waiting.pop(place))
            if left is not None:
                result = result + left
            for source, part in zip(step.sources, pulled, strict=True):
                waiting[source] = waiting[source] + part if source in waiting else part
        return result


def _contract(rows: Tensor, value: Tensor) -> Tensor:
    return torch.einsum("bkn,bn->bk", rows, value)


@dataclass(frozen=True)
class Backward(Domain):
    """Interval bounds forward, and from the scores backward through parallel planes."""

    name: str = "backward"

    def start(self) -> BackwardRun:
        return BackwardRun()
