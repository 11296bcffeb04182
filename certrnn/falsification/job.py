"""Attacks as a job: what ``certrnn attack`` asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import ClassVar, cast

from certrnn.certification.clock import Clock
from certrnn.certification.query import Query
from certrnn.certification.robustness import RobustnessJob, frame_set_of
from certrnn.falsification.query import AttackQuery
from certrnn.falsification.rows import Found, rows_of
from certrnn.falsification.search import falsified
from certrnn.results.attacks import AttackResults, AttackRow, AttackVerdict, ordered
from certrnn.results.question import Question, Way
from certrnn.results.subject import Expected, Subject, early, extent_of
from certrnn.runs.job import Part, Tick


class AttackJob(RobustnessJob[AttackQuery, AttackRow, AttackResults]):
    """Is there an input close by that breaks what must hold?"""

    record: ClassVar = AttackRow
    doing: ClassVar = "attacking"

    @property
    def posed(self) -> Query:
        return self.query.query

    def check(self) -> None:
        self.query.attack(self.network)
        super().check()

    def answers(self, part: Part, tick: Tick) -> Iterator[list[AttackRow]]:
        batch, problem = self.problem
        frame_set = frame_set_of(part, batch.kind)
        rows = problem.right.nonzero().flatten()
        clock = Clock(self.posed.budget, len(rows))
        side = falsified(
            self.fitted_network, self.precision, problem, rows, frame_set, self.query, part.eps, clock
        )
        context = Found(
            self.fitted_network, problem, batch, self.sequences, rows, self.query, frame_set, part.eps
        )
        yield rows_of(context, side, clock.seconds_a_row)

    def failure(self, part: Part, number: int, label: int, verdict: str, reason: str) -> AttackRow:
        wanted = (self.query.name, self.query.target, part.eps)
        return AttackRow.without(number, part.name, (label, -1), wanted, cast(AttackVerdict, verdict), reason)

    def question(self) -> Question:
        way = "" if self.posed.eps else "the closest counterexample"
        return replace(super().question(), way=Way(self.query.name, way, budget=self.posed.budget))

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
