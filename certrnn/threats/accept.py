"""The answer stays one of some labels, or never becomes one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from certrnn.errors import UsageError
from certrnn.specs import Spec, accept_spec
from certrnn.threats.records import SpecificationRecord
from certrnn.threats.specification import Specification, Targets, check_label, predict


@dataclass(frozen=True)
class Accept(Specification):
    """The answer stays one of ``labels``, whichever. ``never`` turns it round: it never becomes one of them.

    Raises:
        UsageError: no label.
    """

    labels: tuple[int, ...]
    never: bool = False

    def __post_init__(self) -> None:
        if not self.labels or min(self.labels) < 0:
            raise UsageError(f"reading {self.option}", "at least one class, from 0", list(self.labels))

    @property
    def option(self) -> str:
        """The option of the command that asks this."""
        return "--target" if self.never else "--accept"

    @property
    def name(self) -> str:
        listed = ", ".join(str(label) for label in self.labels)
        return f"the answer {'never becomes' if self.never else 'stays'} {listed}"

    def _inside(self, classes: int) -> list[int]:
        return [label for label in range(classes) if (label in self.labels) != self.never]

    def targets(self, labels: torch.Tensor | None, scores: torch.Tensor, steps: int) -> Targets:
        predictions = predict(scores)
        inside = torch.tensor(self._inside(max(scores.shape[1], 2)), device=scores.device)
        own = predictions if labels is None else labels.reshape(len(scores))
        return Targets(predictions, own, predictions, torch.isin(predictions, inside))

    def spec(self, required: torch.Tensor, scores: int, steps: int) -> Spec:
        made = accept_spec(len(required), self._inside(max(scores, 2)), scores)
        return Spec(made.rows.to(required.device), made.offset.to(required.device), made.clause)

    def record(self) -> SpecificationRecord:
        return SpecificationRecord("target" if self.never else "accept", self.labels)

    @classmethod
    def restored(cls, record: SpecificationRecord) -> Accept:
        return Accept(record.classes, never=record.kind == "target")

    def check(
        self, labels: Sequence[int | tuple[int, ...]] | None, numbers: Sequence[int], scores: int, steps: int
    ) -> None:
        classes = max(scores, 2)
        where = f"reading {self.option}"
        if steps != 1:
            raise UsageError(
                where, "the network answers once a sample", f"an answer at each of {steps} steps"
            )
        if max(self.labels) >= classes or not 0 < len(self._inside(classes)) < classes:
            raise UsageError(where, f"some but not all of the classes 0..{classes - 1}", list(self.labels))
        for label, number in zip(labels or (), numbers if labels else (), strict=True):
            for one in (label,) if isinstance(label, int) else label:
                check_label(one, number, classes)
