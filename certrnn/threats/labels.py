"""The label stays the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from certrnn.errors import InvalidInput
from certrnn.specs import UNASKED, Spec, label_spec, steps_spec
from certrnn.threats.records import SpecificationRecord
from certrnn.threats.specification import Specification, Targets, check_label, predict


@dataclass(frozen=True)
class Labels(Specification):
    """The label's score stays the largest; of a network that answers at every step, at every step that has a label.

    Rows of such a network show the number of labelled steps as the label, and how many of them are answered so.
    """

    classes: bool = True

    @property
    def name(self) -> str:
        return ""

    def targets(self, labels: torch.Tensor | None, scores: torch.Tensor, steps: int) -> Targets:
        if steps == 1:
            predictions = predict(scores)
            required = predictions if labels is None else labels.reshape(len(scores))
            return Targets(required, required, predictions, required == predictions)
        each = predict(scores.reshape(len(scores) * steps, -1)).reshape(len(scores), steps)
        required = each if labels is None else labels
        labelled = required != UNASKED
        count, right = labelled.sum(dim=1), ((required == each) & labelled).sum(dim=1)
        return Targets(required, count, right, count == right)

    def spec(self, required: torch.Tensor, scores: int, steps: int) -> Spec:
        return label_spec(required, scores) if steps == 1 else steps_spec(required, scores)

    def record(self) -> SpecificationRecord:
        return SpecificationRecord("label")

    @classmethod
    def restored(cls, record: SpecificationRecord) -> Labels:
        return Labels()

    def check(
        self, labels: Sequence[int | tuple[int, ...]] | None, numbers: Sequence[int], scores: int, steps: int
    ) -> None:
        classes = max(scores // steps, 2)
        for label, number in zip(labels or (), numbers if labels else (), strict=True):
            each = (label,) if isinstance(label, int) else label
            if len(each) != steps:
                raise InvalidInput(
                    f"reading the label of sample {number}",
                    f"there is a label for each of the network's {steps} answers",
                    f"{len(each)} of them",
                )
            for one in each:
                check_label(one, number, classes, unasked=steps > 1)
            if all(one == UNASKED for one in each):
                raise InvalidInput(f"reading the label of sample {number}", "some step has a label", "none")
