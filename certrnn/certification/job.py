"""Certificates as a job: what ``certify`` and ``certrnn curve`` ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, cast

from certrnn.certification.batch import answer
from certrnn.certification.posing import falsifier_of
from certrnn.certification.query import Query
from certrnn.certification.robustness import RobustnessJob, frame_set_of
from certrnn.certification.summary import gathered
from certrnn.certification.witnesses import Naming
from certrnn.results.certificates import Results
from certrnn.results.row import Row, Verdict
from certrnn.results.subject import Expected, Subject
from certrnn.runs.job import Part, Tick


class CertifyJob(RobustnessJob[Query, Row, Results]):
    """May the answers to some samples change within eps, or up to which eps may they not?"""

    record: ClassVar = Row

    @property
    def posed(self) -> Query:
        return self.query

    def answers(self, part: Part, tick: Tick) -> Iterator[list[Row]]:
        batch, problem = self.problem
        falsifier = falsifier_of(self.fitted_network, self.precision) if self.query.attack else None
        frame_set, naming = frame_set_of(part, batch.kind), Naming(self.fitted_network, self.sequences)
        for some in answer(problem, self.query, frame_set, part.eps, falsifier, tick):
            if falsifier is None:
                yield some
            else:
                yield [falsifier.witnesses.told(row, naming, problem.threat) for row in some]

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

    @classmethod
    def collected(
        cls, subject: Subject, query: Query, rows: Iterable[Row], expected: Expected, part: str
    ) -> Results:
        return gathered(subject, query, rows, expected, part)
