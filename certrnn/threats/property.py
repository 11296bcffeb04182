"""What must hold of the answers: specifications of a whole data set, and what its rows show."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from certrnn.errors import InvalidInput, UsageError
from certrnn.specs import UNASKED, Spec, accept_spec, label_spec, steps_spec, threshold_spec
from transformers_abs.decimals import at_least, at_most


def predict(scores: torch.Tensor) -> torch.Tensor:
    """Labels (N,) of scores (N, n): the largest, or for one score class 1 where it is positive."""
    return (scores[:, 0] > 0).long() if scores.shape[1] == 1 else scores.argmax(dim=1)


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked of N samples.

    ``wanted`` (N,) or (N, S) is what the specification is made of; ``labels`` and ``predictions`` (N,) are shown: the
    data's labels, or the predictions where it has none. ``right`` (N,) bool: whether the undisturbed answer meets the
    demand.
    """

    wanted: torch.Tensor
    labels: torch.Tensor
    predictions: torch.Tensor
    right: torch.Tensor


class Demand(ABC):
    """What the network's answers must keep to on a whole region.

    ``classes`` says that a violation is another predicted class than the label, and not only a margin that is broken.
    """

    classes: bool = False

    @property
    @abstractmethod
    def name(self) -> str:
        """As results show it; "" for what is asked where nothing is said."""

    @abstractmethod
    def ask(self, labels: torch.Tensor | None, scores: torch.Tensor, steps: int) -> Asked:
        """Of samples with these labels (N,) or (N, S), or none, whose undisturbed scores are (N, n)."""

    @abstractmethod
    def spec(self, wanted: torch.Tensor, scores: int, steps: int) -> Spec:
        """The specification of samples (R,) of which ``wanted`` is wanted."""

    @abstractmethod
    def check(
        self, labels: Sequence[int | tuple[int, ...]] | None, numbers: Sequence[int], scores: int, steps: int
    ) -> None:
        """Whether it can be asked of a network with so many scores.

        Raises:
            InvalidInput: a label that the network does not have.
            UsageError: a demand that makes no sense for the network.
        """


def _check_label(label: int, number: int, classes: int, unasked: bool = False) -> None:
    if not (0 <= label < classes or (unasked and label == UNASKED)):
        where = f"reading the label of sample {number}"
        raise InvalidInput(where, f"labels lie in 0..{classes - 1}, the network's classes", label)


@dataclass(frozen=True)
class Labels(Demand):
    """The label's score stays the largest; of a network that answers at every step, at every step that has a label.

    Rows of such a network show the number of labelled steps as the label, and how many of them are answered so.
    """

    classes: bool = True

    @property
    def name(self) -> str:
        return ""

    def ask(self, labels: torch.Tensor | None, scores: torch.Tensor, steps: int) -> Asked:
        if steps == 1:
            predictions = predict(scores)
            wanted = predictions if labels is None else labels.reshape(len(scores))
            return Asked(wanted, wanted, predictions, wanted == predictions)
        each = predict(scores.reshape(len(scores) * steps, -1)).reshape(len(scores), steps)
        wanted = each if labels is None else labels
        asked = wanted != UNASKED
        labelled, right = asked.sum(dim=1), ((wanted == each) & asked).sum(dim=1)
        return Asked(wanted, labelled, right, labelled == right)

    def spec(self, wanted: torch.Tensor, scores: int, steps: int) -> Spec:
        return label_spec(wanted, scores) if steps == 1 else steps_spec(wanted, scores)

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
                _check_label(one, number, classes, unasked=steps > 1)
            if all(one == UNASKED for one in each):
                raise InvalidInput(f"reading the label of sample {number}", "some step has a label", "none")


@dataclass(frozen=True)
class Accept(Demand):
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

    def ask(self, labels: torch.Tensor | None, scores: torch.Tensor, steps: int) -> Asked:
        predictions = predict(scores)
        inside = torch.tensor(self._inside(max(scores.shape[1], 2)), device=scores.device)
        own = predictions if labels is None else labels.reshape(len(scores))
        return Asked(predictions, own, predictions, torch.isin(predictions, inside))

    def spec(self, wanted: torch.Tensor, scores: int, steps: int) -> Spec:
        made = accept_spec(len(wanted), self._inside(max(scores, 2)), scores)
        return Spec(made.rows.to(wanted.device), made.offset.to(wanted.device), made.clause)

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
                _check_label(one, number, classes)


@dataclass(frozen=True)
class Threshold(Demand):
    """Every output stays strictly between ``low`` and ``high``; an infinite end asks nothing.

    A network with one output and data without labels know no classes: the rows of these show 1 as label, and 1 or 0 as
    the answer, whether the undisturbed output lies there.

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

    def ask(self, labels: torch.Tensor | None, scores: torch.Tensor, steps: int) -> Asked:
        low, high = self._ends
        inside = ((scores > low) & (scores < high)).all(dim=1).long()
        if labels is None and scores.shape[1] == 1:
            return Asked(inside, torch.ones_like(inside), inside, inside == 1)
        fitting = labels is None or labels.shape[1:] == ((steps,) if steps > 1 else ())
        shown = Labels().ask(labels if fitting else None, scores, steps)
        return Asked(inside, shown.labels, shown.predictions, inside == 1)

    def spec(self, wanted: torch.Tensor, scores: int, steps: int) -> Spec:
        made = threshold_spec(len(wanted), *self._ends, scores)
        return Spec(made.rows.to(wanted.device), made.offset.to(wanted.device))

    def check(
        self, labels: Sequence[int | tuple[int, ...]] | None, numbers: Sequence[int], scores: int, steps: int
    ) -> None:
        """Any network with outputs."""
