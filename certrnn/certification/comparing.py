"""Methods side by side as a job: what ``certrnn compare`` asks of one model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

from certrnn.certification.job import CertifyJob
from certrnn.certification.query import Query
from certrnn.certification.robustness import parts_of
from certrnn.certification.statement import way_of
from certrnn.certification.summary import gathered
from certrnn.datasets.sequences import SequenceShape
from certrnn.errors import UsageError
from certrnn.results.comparison import Compared, Comparison, Group, attack_beside, attacked_eps
from certrnn.results.question import Question
from certrnn.results.row import Row
from certrnn.results.subject import Expected, Subject, early, extent_of
from certrnn.runs.job import Job, Part, Tick, silent
from certrnn.search import EpsGrid

ATTACK = ""
"""The method's name of the rows that the attack alone has."""


@dataclass(frozen=True)
class CompareQuery:
    """What is asked of every sample.

    Args:
        query: what all methods are asked: the largest eps.
        methods: their names.
        attack: also look for counterexamples, once, to stand beside them all.
        eps: where verified accuracy is shown as well.

    Raises:
        UsageError: no method, or one that does not exist.
    """

    query: Query
    methods: tuple[str, ...]
    attack: bool = True
    eps: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.methods or self.query.eps is not None:
            raise UsageError("comparing", "methods are given, and each searches its eps", self.methods)
        for name in self.methods:
            self.query_of(name)

    def query_of(self, method: str) -> Query:
        """The query to one method; to the attack with as little analysis as there can be."""
        if method == ATTACK:
            least = EpsGrid.including((0.0,))
            return replace(self.query, method="interval", schedule=least, attack=True, budget=None)
        return replace(self.query, method=method, attack=False)


@dataclass(frozen=True, eq=False)
class CompareJob(Job[CompareQuery, Compared, Comparison]):
    """How much do several methods certify of a model, and how fast?

    Args:
        warm: methods and kinds of samples whose kernels were compiled in this process.
    """

    warm: set[tuple[str, SequenceShape]] = field(default_factory=set)

    record: ClassVar = Compared
    doing: ClassVar = "comparing"

    def job_of(self, method: str) -> CertifyJob:
        """The job of one method."""
        return CertifyJob(self.path, self.network, self.sequences, self.query.query_of(method))

    def check(self) -> None:
        self.query.query.threat.require(self.sequences.numbers)
        super().check()

    def check_kind(self, kind: SequenceShape) -> None:
        self.job_of(self.query.methods[0]).check_kind(kind)

    def parts(self, kind: SequenceShape) -> list[Part]:
        names = (*((ATTACK,) if self.query.attack else ()), *self.query.methods)
        return [replace(part, method=name) for name in names for part in parts_of(self.query.query, kind)]

    def answers(self, part: Part, tick: Tick) -> Iterator[list[Compared]]:
        job = self.job_of(part.method)
        if part.method != ATTACK:
            self._warm_up(job, part)
        for rows in job.answers(part, tick):
            yield [Compared(row.sample, part.method, row) for row in rows]

    def _warm_up(self, job: CertifyJob, part: Part) -> None:
        """One bound of one sample: compiling kernels is no part of a method's time."""
        (kind,) = self.sequences.kinds
        if (part.method, kind) not in self.warm:
            self.warm.add((part.method, kind))
            query = replace(job.query, schedule=EpsGrid.including((0.0,)))
            once = replace(job, sequences=self.sequences.take([0]), query=query)
            for _ in once.answers(part, silent):
                pass

    def failure(self, part: Part, number: int, label: int, verdict: str, reason: str) -> Compared:
        row = self.job_of(part.method).failure(part, number, label, verdict, reason)
        return Compared(number, part.method, row, reason)

    def question(self) -> Question:
        return self.job_of(self.query.methods[0]).question()

    def notes(self) -> list[str]:
        return self.job_of(self.query.methods[0]).notes()

    @classmethod
    def collected(
        cls, subject: Subject, query: CompareQuery, rows: Iterable[Compared], expected: Expected, part: str
    ) -> Comparison:
        done = tuple(rows)
        extent = extent_of(expected, done)
        held: dict[str, list[Row]] = {name: [] for name in (ATTACK, *query.methods)}
        for one in done:
            if one.sample not in extent.unfinished:  # of the others some method is still to come
                held[one.method].append(one.row)
        each = len(query.methods) + query.attack
        own = tuple((rows // each, samples) for rows, samples in expected)
        groups = [_group(subject, query, name, held, own) for name in query.methods if held[name]]
        spoken = dict.fromkeys(note for group in groups for note in group.results.notes)
        notes = [note for note in spoken if not note.startswith("stopped early")]
        notes += early(len(done), extent, part)
        return Comparison(tuple(groups), query.eps, tuple(notes))


def _group(
    subject: Subject, query: CompareQuery, name: str, held: dict[str, list[Row]], expected: Expected
) -> Group:
    """One method's rows, with the attack's findings beside them."""
    own_query = query.query_of(name)
    question = subject.question and replace(subject.question, way=way_of(own_query))
    results = gathered(replace(subject, question=question), own_query, held[name], expected)
    return Group(attack_beside(results, attacked_eps(held[ATTACK])) if query.attack else results, name)
