"""Existence conditions as a job: layer by layer and sample by sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch

from certrnn.certification.clock import Clock
from certrnn.certification.query import Query
from certrnn.certification.robustness import frame_set_of, parts_of
from certrnn.certification.rounding import outward
from certrnn.certification.self_check import check_against_onnxruntime
from certrnn.certification.statement import of_conditions, question_of
from certrnn.datasets.files import network_for
from certrnn.datasets.sequences import SequenceShape
from certrnn.dynamics import examine, recurrences
from certrnn.errors import UsageError
from certrnn.regions import LinfBall
from certrnn.results.conditions import Conditions, Examined
from certrnn.results.question import Question
from certrnn.results.subject import Expected, Subject, early, extent_of
from certrnn.runs.job import Job, Part, Tick
from transformers_abs.decimals import at_least


@dataclass(frozen=True)
class ConditionsQuery:
    """What is asked of every sample.

    Args:
        eps: l-inf distances of the regions whose reachable tubes are asked.
        frames: ``all``, ``each`` or a list such as ``0,3-5``.
        clip: the valid range of inputs, or None.
        budget: seconds for a sample, or None for any; layers that it leaves out are named.

    Raises:
        UsageError: an eps that is no positive number.
    """

    eps: tuple[float, ...]
    frames: str = "all"
    clip: tuple[float, float] | None = None
    budget: float | None = None

    def __post_init__(self) -> None:
        if not self.eps or not all(0 < one < float("inf") for one in self.eps):
            raise UsageError("reading --eps", "every eps is a positive number", self.eps)
        assert self.query is not None

    @property
    def query(self) -> Query:
        """The regions, as certificates ask about them."""
        return Query(self.eps, self.frames, self.clip, budget=self.budget)


class ConditionsJob(Job[ConditionsQuery, Examined, Conditions]):
    """Does a disturbance exist that drives the states of recurrent layers apart?"""

    record: ClassVar = Examined
    doing: ClassVar = "examining"

    def check_kind(self, kind: SequenceShape) -> None:
        told = network_for(self.network, kind)
        recurrences(told, kind.shape)
        check_against_onnxruntime(told, kind.shape)

    def parts(self, kind: SequenceShape) -> list[Part]:
        return parts_of(self.query.query, kind)

    def answers(self, part: Part, tick: Tick) -> Iterator[list[Examined]]:
        valid = outward(self.query.clip, self.precision)
        for batch in self.sequences.batches(1):
            layers, graph = recurrences(network_for(self.network, batch.kind), batch.kind.shape)
            radius = torch.tensor([at_least(part.eps or 0.0)], dtype=torch.float64)
            region = LinfBall(batch.x, radius, frame_set_of(part, batch.kind).frames, valid)
            reports, left = [], []
            clock = Clock(self.query.budget, 1)
            for layer in layers:
                if clock.spent:
                    left.append(layer.name)
                else:
                    reports.append(examine(layer, graph, region))
            yield [Examined(batch.numbers[0], part.name, part.eps or 0.0, tuple(reports), tuple(left))]

    def failure(self, part: Part, number: int, label: int, verdict: str, reason: str) -> Examined:
        return Examined(number, part.name, part.eps or 0.0, reason=reason)

    def question(self) -> Question:
        return of_conditions(question_of(self.network, self.precision, self.sequences, self.query.query))

    def notes(self) -> list[str]:
        return [self.sequences.note] if self.sequences.note else []

    @classmethod
    def collected(
        cls, subject: Subject, query: ConditionsQuery, rows: Iterable[Examined], expected: Expected, part: str
    ) -> Conditions:
        done = tuple(sorted(rows, key=lambda row: row.place))
        extent = extent_of(expected, done)
        notes = [subject.note] if subject.note else []
        notes += [f"sample {row.sample} has no answer: {row.reason}" for row in done if row.reason]
        left = sum(len(row.left) for row in done)
        notes += [f"the budget was spent before {left} layers were examined"] if left else []
        notes += early(len(done), extent, part)
        return Conditions(subject.path, subject.sha256, done, tuple(notes), subject.question, extent)
