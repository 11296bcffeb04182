"""Every output stays between two numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from certrnn.errors import UsageError
from certrnn.specs import Spec, threshold_spec
from certrnn.threats.labels import Labels
from certrnn.threats.records import SpecificationRecord
from certrnn.threats.specification import Specification, Targets
from transformers_abs.decimals import at_least, at_most


@dataclass(frozen=True)
class Threshold(Specification):
    """Every output stays strictly between ``low`` and ``high``; an infinite end asks nothing.

    Data without labels knows no classes: its rows show 1 as label, and 1 or 0 as the answer, whether the undisturbed
    outputs lie there.

    Raises:
        UsageError: ends that leave nothing to hold.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        ends = self.low, self.high
        if not self._ends[0] < self._ends[1] or all(math.isinf(end) for end in ends):
            raise UsageError("reading --threshold", "LO lies below HI, and one of them is finite", ends)

    @property
    def name(self) -> str:
        low, high = (repr(end).removesuffix(".0") for end in (self.low, self.high))
        return f"{low} < output < {high}"

    @property
    def _ends(self) -> tuple[float, float]:
        """The ends rounded inward: what lies between these lies between the decimals that were asked."""
        return at_least(self.low), at_most(self.high)

    def targets(self, labels: torch.Tensor | None, scores: torch.Tensor, steps: int) -> Targets:
        low, high = self._ends
        inside = ((scores > low) & (scores < high)).all(dim=1).long()
        if labels is None:
            return Targets(inside, torch.ones_like(inside), inside, inside == 1)
        fitting = labels.shape[1:] == ((steps,) if steps > 1 else ())
        shown = Labels().targets(labels if fitting else None, scores, steps)
        return Targets(inside, shown.labels, shown.predictions, inside == 1)

    def spec(self, required: torch.Tensor, scores: int, steps: int) -> Spec:
        made = threshold_spec(len(required), *self._ends, scores)
        return Spec(made.rows.to(required.device), made.offset.to(required.device))

    def record(self) -> SpecificationRecord:
        low, high = (end if math.isfinite(end) else None for end in (self.low, self.high))
        return SpecificationRecord("threshold", low=low, high=high)

    @classmethod
    def restored(cls, record: SpecificationRecord) -> Threshold:
        low = -math.inf if record.low is None else record.low
        return Threshold(low, math.inf if record.high is None else record.high)

    def check(
        self, labels: Sequence[int | tuple[int, ...]] | None, numbers: Sequence[int], scores: int, steps: int
    ) -> None:
        """Any network with outputs."""
