"""Certificates as a job: what ``certify`` and ``certrnn curve`` ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import ClassVar, cast

from certrnn.certification.batch import answer
from certrnn.certification.posing import check_kind, falsifier_of, notes_of, problem_of
from certrnn.certification.problem import FrameSet, Problem, parse_frames
from certrnn.certification.query import Query
from certrnn.certification.rounding import outward
from certrnn.certification.statement import question_of
from certrnn.certification.summary import gathered
from certrnn.datasets import Batch
from certrnn.datasets.files import network_for
from certrnn.datasets.sequences import SequenceShape
from certrnn.io.onnx import OnnxModel
from certrnn.results.certificates import Results
from certrnn.results.question import Question
from certrnn.results.row import Row, Verdict, spelled
from certrnn.results.subject import Expected, Subject
from certrnn.runs.job import Job, Part, Tick
from certrnn.threats import Labels, Threshold

Clip = tuple[float, float] | None


class CertifyJob(Job[Query, Row, Results]):
    """May the answers to some samples change within eps, or up to which eps may they not?"""

    record: ClassVar = Row

    @cached_property
    def asked(self) -> OnnxModel:
        """The network as the question takes its output: as numbers where a threshold is asked of it."""
        return asked_of(self.network, self.query)

    @property
    def clip(self) -> Clip:
        """The valid range in the network's own numbers, rounded outward."""
        return outward(self.query.clip, self.precision)

    def check(self) -> None:
        self.query.threat.require(self.sequences.numbers)
        super().check()

    def check_kind(self, kind: SequenceShape) -> None:
        if isinstance(self.query.specification, Labels):
            self.sequences.require_classes()
        check_kind(self.asked, self.sequences, kind, self.query, self.clip)

    def parts(self, kind: SequenceShape) -> list[Part]:
        return parts_of(self.query, kind)

    def answers(self, part: Part, tick: Tick) -> Iterator[list[Row]]:
        batch, problem = self.problem
        falsifier = falsifier_of(self.told, self.precision) if self.query.attack else None
        yield from answer(problem, self.query, frame_set_of(part, batch.kind), part.eps, falsifier, tick)

    @cached_property
    def told(self) -> OnnxModel:
        """The network on samples of the one kind that these are."""
        (kind,) = self.sequences.kinds
        return network_for(self.asked, kind)

    @cached_property
    def problem(self) -> tuple[Batch, Problem]:
        """The samples, all of one kind, and what is asked of them."""
        (batch,) = self.sequences.batches(len(self.sequences))
        return batch, problem_of(self.told, batch, self.query, self.clip)

    def failure(self, part: Part, number: int, label: int, verdict: str, reason: str) -> Row:
        return Row(
            sample=number,
            frames=part.name,
            label=label,
            prediction=-1,
            verdict=cast(Verdict, verdict),
            eps=part.eps,
            eps_certified=None,
            eps_attacked=None,
            ratio=None,
            margin=None,
            method=self.query.method,
            seconds=0.0,
            reason=reason,
        )

    def question(self) -> Question:
        return question_of(self.asked, self.precision, self.sequences, self.query)

    def notes(self) -> list[str]:
        return notes_of(self.asked, self.sequences)

    @classmethod
    def collected(
        cls, subject: Subject, query: Query, rows: Iterable[Row], expected: Expected, part: str
    ) -> Results:
        return gathered(subject, query, rows, expected, part)


def asked_of(network: OnnxModel, query: Query) -> OnnxModel:
    """The network as a question takes its output: as numbers where a threshold is asked of it."""
    return network.as_numbers() if isinstance(query.specification, Threshold) else network


def parts_of(query: Query, kind: SequenceShape) -> list[Part]:
    """Every set of frames with every eps.

    Raises:
        UsageError: frames that samples of this kind do not have.
    """
    first, stop = kind.span
    found = []
    for frame_set in parse_frames(query.frames, stop, first):
        # the one frame of a sequence of one would be read as all of them
        frames = "each" if stop - first == 1 and not frame_set.whole else spelled(frame_set.name)
        found += [Part(frames, frame_set.name, eps) for eps in query.eps or (None,)]
    return found


def frame_set_of(part: Part, kind: SequenceShape) -> FrameSet:
    """The frames that a part disturbs, of samples of this kind."""
    (frame_set,) = parse_frames(part.frames, kind.span[1], kind.span[0])
    return frame_set
