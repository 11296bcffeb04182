"""What certificates and attacks share as jobs: a query about regions around samples, posed to a network."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TypeVar

from certrnn.certification.posing import check_kind, notes_of, problem_of
from certrnn.certification.problem import FrameSet, Problem, parse_frames
from certrnn.certification.query import Query
from certrnn.certification.rounding import outward
from certrnn.certification.statement import question_of
from certrnn.datasets import Batch
from certrnn.datasets.files import network_for
from certrnn.datasets.sequences import SequenceShape
from certrnn.io.onnx import OnnxModel
from certrnn.results.question import Question
from certrnn.results.record import Record
from certrnn.results.row import spelled
from certrnn.runs.job import Job, Part
from certrnn.threats import Labels, Threshold

Q = TypeVar("Q")
R = TypeVar("R", bound=Record)
C = TypeVar("C")
Clip = tuple[float, float] | None


class RobustnessJob(Job[Q, R, C]):
    """Does something hold in the regions around some samples?"""

    @property
    @abstractmethod
    def posed(self) -> Query:
        """What may change and what must hold."""

    @cached_property
    def output_network(self) -> OnnxModel:
        """The network as the question takes its output: as numbers where a threshold is asked of it."""
        numbers = isinstance(self.posed.specification, Threshold)
        return self.network.as_numbers() if numbers else self.network

    @property
    def clip(self) -> Clip:
        """The valid range in the network's own numbers, rounded outward."""
        return outward(self.posed.clip, self.precision)

    def check(self) -> None:
        self.posed.threat.require(self.sequences.numbers)
        super().check()

    def check_kind(self, kind: SequenceShape) -> None:
        if isinstance(self.posed.specification, Labels):
            self.sequences.require_classes()
        check_kind(self.output_network, self.sequences, kind, self.posed, self.clip)

    def parts(self, kind: SequenceShape) -> list[Part]:
        return parts_of(self.posed, kind)

    @cached_property
    def fitted_network(self) -> OnnxModel:
        """The network on samples of the one kind that these are."""
        (kind,) = self.sequences.kinds
        return network_for(self.output_network, kind)

    @cached_property
    def problem(self) -> tuple[Batch, Problem]:
        """The samples, all of one kind, and what is asked of them."""
        (batch,) = self.sequences.batches(len(self.sequences))
        return batch, problem_of(self.fitted_network, batch, self.posed, self.clip)

    def question(self) -> Question:
        return question_of(self.output_network, self.precision, self.sequences, self.posed)

    def notes(self) -> list[str]:
        return notes_of(self.output_network, self.sequences)


def parts_of(query: Query, kind: SequenceShape) -> list[Part]:
    """Every set of frames with every eps.

    Raises:
        UsageError: frames that samples of this kind do not have.
    """
    first, stop = kind.span
    parts = []
    for frame_set in parse_frames(query.frames, stop, first):
        # the one frame of a sequence of one would be read as all of them
        frames = "each" if stop - first == 1 and not frame_set.whole else spelled(frame_set.name)
        parts += [Part(frames, frame_set.name, eps) for eps in query.eps or (None,)]
    return parts


def frame_set_of(part: Part, kind: SequenceShape) -> FrameSet:
    """The frames that a part disturbs, of samples of this kind."""
    (frame_set,) = parse_frames(part.frames, kind.span[1], kind.span[0])
    return frame_set
