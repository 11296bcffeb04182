"""What must hold of the answers: specifications of a whole data set, and what its rows show."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from certrnn.errors import InvalidInput
from certrnn.specs import UNASKED, Spec
from certrnn.threats.records import SpecificationRecord


def predict(scores: torch.Tensor) -> torch.Tensor:
    """Labels (N,) of scores (N, n): the largest, or for one score class 1 where it is positive."""
    return (scores[:, 0] > 0).long() if scores.shape[1] == 1 else scores.argmax(dim=1)


@dataclass(frozen=True, eq=False)
class Targets:
    """What is asked of N samples.

    ``required`` (N,) or (N, S) is what the specification is made of; ``labels`` and ``predictions`` (N,) are shown: the
    data's labels, or the predictions where it has none. ``right`` (N,) bool: whether the undisturbed answer meets the
    specification.
    """

    required: torch.Tensor
    labels: torch.Tensor
    predictions: torch.Tensor
    right: torch.Tensor


class Specification(ABC):
    """What the network's answers must keep to on a whole region.

    ``classes`` says that a violation is another predicted class than the label, and not only a margin that is broken.
    """

    classes: bool = False

    @property
    @abstractmethod
    def name(self) -> str:
        """As results show it; "" for what is asked where nothing is said."""

    @abstractmethod
    def targets(self, labels: torch.Tensor | None, scores: torch.Tensor, steps: int) -> Targets:
        """Of samples with these labels (N,) or (N, S), or none, whose undisturbed scores are (N, n)."""

    def met(self, required: torch.Tensor, scores: torch.Tensor, steps: int) -> Targets:
        """What scores (R, n) of samples of which ``required`` is wanted answer; ``right``: whether they keep to it."""
        return self.targets(required if self.classes else None, scores, steps)

    @abstractmethod
    def spec(self, required: torch.Tensor, scores: int, steps: int) -> Spec:
        """The specification of samples (R,) of which ``required`` is wanted."""

    @abstractmethod
    def record(self) -> SpecificationRecord:
        """As a document writes it down."""

    @classmethod
    @abstractmethod
    def restored(cls, record: SpecificationRecord) -> Specification:
        """The specification of a record."""

    @abstractmethod
    def check(
        self, labels: Sequence[int | tuple[int, ...]] | None, numbers: Sequence[int], scores: int, steps: int
    ) -> None:
        """Whether it can be asked of a network with so many scores.

        Raises:
            InvalidInput: a label that the network does not have.
            UsageError: a specification that makes no sense for the network.
        """


def check_label(label: int, number: int, classes: int, unasked: bool = False) -> None:
    """Refuse a label that is no class of the network; ``unasked`` allows the mark of a step without label."""
    if not (0 <= label < classes or (unasked and label == UNASKED)):
        where = f"reading the label of sample {number}"
        raise InvalidInput(where, f"labels lie in 0..{classes - 1}, the network's classes", label)
