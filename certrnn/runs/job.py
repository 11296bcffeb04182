"""What every command that answers row by row is made of: a question, put to samples of a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from certrnn.datasets import Sequences
from certrnn.datasets.sequences import SequenceShape
from certrnn.io.data import spelled_samples
from certrnn.io.onnx import OnnxModel
from certrnn.results.question import Question
from certrnn.results.record import Record
from certrnn.results.subject import Expected, Subject

Q = TypeVar("Q")
R = TypeVar("R", bound=Record)
C = TypeVar("C")
Tick = Callable[[int], None]
"""Told how many regions have just been bounded."""

TOGETHER = 16
"""Samples that are answered together: most of what batching gives, while little is lost with an interruption."""


def silent(regions: int) -> None:
    """A tick that says nothing."""


@dataclass(frozen=True)
class Part:
    """What a task asks of its samples: each has one row for it.

    Args:
        frames: the frames that are disturbed, spelled as ``--frames`` takes them; "" where none are told apart.
        name: the frames as rows show them.
        eps: the eps to decide, or None.
        method: which of several methods, or "".
    """

    frames: str = ""
    name: str | list[int] = "all"
    eps: float | None = None
    method: str = ""


@dataclass(frozen=True, eq=False)
class Job(ABC, Generic[Q, R, C]):
    """A question put to samples of a network: one class for each command, in the room that answers it.

    To add one, derive from this class, and say what is refused (:meth:`check_kind`), which rows a sample has
    (:meth:`parts`), how they are answered (:meth:`answers`) and what they come to (:meth:`collected`). ``query`` and
    the rows are dataclasses of plain values: they travel to workers and lie in run folders.

    Args:
        path: the network as the user named it.
        network: what was read from its file.
        sequences: the samples, as the network gets them.
        query: what is asked of each.
    """

    path: str
    network: OnnxModel
    sequences: Sequences
    query: Q

    record: ClassVar[type[Record]]
    """The type of its rows."""
    doing: ClassVar[str] = "certifying"
    """What the progress says is being done."""
    by_part: ClassVar[bool] = False
    """Whether all samples are asked the first part before any is asked the next."""

    @property
    def precision(self) -> type[np.floating[Any]]:
        """The number type that the network reads; word vectors count as float32."""
        return self.network.input.precision

    # ---- for each command

    @abstractmethod
    def check_kind(self, kind: SequenceShape) -> None:
        """Refuse what makes no sense of the samples of one kind, and hold the network against onnxruntime.

        Raises:
            InvalidInput, UsageError, Unsupported: what no row could be trusted on.
        """

    @abstractmethod
    def parts(self, kind: SequenceShape) -> list[Part]:
        """The rows that a sample of this kind has."""

    @abstractmethod
    def answers(self, part: Part, tick: Tick) -> Iterator[Sequence[R]]:
        """The row of every sample for one part, as they are decided; the samples are of one kind."""

    @abstractmethod
    def failure(self, part: Part, number: int, label: int, verdict: str, reason: str) -> R:
        """The row of a sample whose task came to no answer: ``verdict`` is ``error`` or ``timeout``."""

    @abstractmethod
    def question(self) -> Question | None:
        """Everything that the rows depend on, besides the model's own files; None where the query says it all."""

    @abstractmethod
    def notes(self) -> list[str]:
        """What was done to the data, and what a reader must know of how the network was read."""

    @classmethod
    @abstractmethod
    def collected(cls, subject: Subject, query: Q, rows: Iterable[R], expected: Expected, part: str) -> C:
        """Results of the rows that are finished, of those that are expected.

        Args:
            part: what part of the run they are meant to be, such as ``shard 1/4``; "" for all of it.
        """

    def enough(self, rows: Sequence[R]) -> bool:
        """Whether these rows alone decide what is asked: then no other is asked for."""
        return False

    # ---- the same for all

    def check(self) -> None:
        """Everything that can be refused, before the first row."""
        for kind in self.sequences.kinds:
            self.check_kind(kind)

    @property
    def total(self) -> int:
        """Number of rows.

        Raises:
            UsageError: frames that some sequence does not have.
        """
        sequences = self.sequences
        each = {kind: len(self.parts(kind)) for kind in sequences.kinds}
        return sum(each[sequences.kind(position)] for position in range(len(sequences)))

    @property
    def expected(self) -> Expected:
        """How many rows which samples have."""
        groups: dict[int, list[int]] = {}
        for position, number in enumerate(self.sequences.numbers):
            groups.setdefault(len(self.parts(self.sequences.kind(position))), []).append(number)
        return tuple((rows, spelled_samples(numbers)) for rows, numbers in groups.items())

    @property
    def subject(self) -> Subject:
        """What the rows are about."""
        network, labelled = self.network, self.sequences.labels is not None
        note = "; ".join(self.notes())
        return Subject(self.path, network.sha256, network.external, labelled, note, self.question())

    def collect(self, rows: Iterable[R]) -> C:
        """Results of rows, in order, with what a reader of them must know."""
        return self.collected(self.subject, self.query, rows, self.expected, "")

    def about(self, sequences: Sequences) -> Job[Q, R, C]:
        """The same question to other samples."""
        return replace(self, sequences=sequences)
