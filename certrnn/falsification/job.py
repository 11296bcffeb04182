"""Attacks as a job: what ``certrnn attack`` asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import ClassVar, cast

from certrnn.certification.clock import Clock
from certrnn.certification.job import asked_of, frame_set_of, parts_of
from certrnn.certification.posing import check_kind, notes_of, problem_of
from certrnn.certification.problem import Problem
from certrnn.certification.rounding import outward
from certrnn.certification.statement import question_of
from certrnn.datasets import Batch
from certrnn.datasets.files import network_for
from certrnn.datasets.sequences import SequenceShape
from certrnn.falsification.query import AttackQuery
from certrnn.falsification.rows import Found, rows_of
from certrnn.falsification.search import falsified
from certrnn.io.onnx import OnnxModel
from certrnn.results.attacks import AttackResults, AttackRow, AttackVerdict, ordered
from certrnn.results.question import Question, Way
from certrnn.results.subject import Expected, Subject, early, extent_of
from certrnn.runs.job import Job, Part, Tick
from certrnn.threats import Labels


class AttackJob(Job[AttackQuery, AttackRow, AttackResults]):
    """Is there an input close by that breaks what must hold?"""

    record: ClassVar = AttackRow
    doing: ClassVar = "attacking"

    @cached_property
    def asked(self) -> OnnxModel:
        """The network as the question takes its output."""
        return asked_of(self.network, self.query.query)

    @property
    def clip(self) -> tuple[float, float] | None:
        """The valid range in the network's own numbers, rounded outward."""
        return outward(self.query.query.clip, self.precision)

    def check(self) -> None:
        self.query.attack(self.network)
        self.query.query.threat.require(self.sequences.numbers)
        super().check()

    def check_kind(self, kind: SequenceShape) -> None:
        if isinstance(self.query.query.specification, Labels):
            self.sequences.require_classes()
        check_kind(self.asked, self.sequences, kind, self.query.query, self.clip)

    def parts(self, kind: SequenceShape) -> list[Part]:
        return parts_of(self.query.query, kind)

    def answers(self, part: Part, tick: Tick) -> Iterator[list[AttackRow]]:
        batch, problem, told = self.problem
        frame_set = frame_set_of(part, batch.kind)
        rows = problem.right.nonzero().flatten()
        clock = Clock(self.query.query.budget, len(rows))
        side = falsified(told, self.precision, problem, rows, frame_set, self.query, part.eps, clock)
        found = Found(told, problem, batch, rows, self.query, frame_set, part.eps)
        yield rows_of(found, side, clock.seconds_a_row)

    @cached_property
    def problem(self) -> tuple[Batch, Problem, OnnxModel]:
        """The samples, all of one kind, what is asked of them, and the network on them."""
        (batch,) = self.sequences.batches(len(self.sequences))
        told = network_for(self.asked, batch.kind)
        return batch, problem_of(told, batch, self.query.query, self.clip), told

    def failure(self, part: Part, number: int, label: int, verdict: str, reason: str) -> AttackRow:
        wanted = (self.query.name, self.query.target, part.eps)
        return AttackRow.without(number, part.name, (label, -1), wanted, cast(AttackVerdict, verdict), reason)

    def question(self) -> Question:
        query = self.query.query
        way = Way(self.query.name, "" if query.eps else "the closest counterexample", budget=query.budget)
        return replace(question_of(self.asked, self.precision, self.sequences, query), way=way)

    def notes(self) -> list[str]:
        return notes_of(self.asked, self.sequences)

    @classmethod
    def collected(
        cls, subject: Subject, query: AttackQuery, rows: Iterable[AttackRow], expected: Expected, part: str
    ) -> AttackResults:
        done = ordered(list(rows))
        extent = extent_of(expected, done)
        notes = (subject.note,) if subject.note else ()
        idle = {row.sample for row in done if row.verdict == "misclassified"}
        if query.target is not None and idle:
            every = len({row.sample for row in done})
            notes += (
                f"not attacked, {len(idle)} of {every} samples: class {query.target} is their answer already",
            )
        return AttackResults(
            subject.path,
            subject.sha256,
            done,
            query.name,
            (*notes, *early(len(done), extent, part)),
            subject.external,
            subject.question,
            extent,
            threat=query.query.threat.name,
            specification=query.query.specification.name,
        )
