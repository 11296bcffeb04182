"""VNN-LIB queries as a job: a query's cases are its samples, and each is asked in three steps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from certrnn.arrays import to_numpy
from certrnn.datasets import Sequences
from certrnn.datasets.sequences import SequenceShape
from certrnn.errors import UsageError
from certrnn.io.onnx import OnnxModel
from certrnn.results.record import Record
from certrnn.results.subject import Expected, Subject, early, extent_of
from certrnn.runs.job import Job, Part, Tick
from certrnn.vnnlib.answer import SAT, UNKNOWN, UNSAT, Answer, Assignment, Verified
from certrnn.vnnlib.binding import Binding, bind
from certrnn.vnnlib.cases import Case, cases_of
from certrnn.vnnlib.parse import Query, parse
from certrnn.vnnlib.parse.source import Source
from certrnn.vnnlib.search import Search
from certrnn.vnnlib.witness import Witnesses, representable

QUICK, ATTACK, THOROUGH = "quick", "attack", "thorough"
STEPS = (QUICK, ATTACK, THOROUGH)
"""What is tried on every case in turn: all cases take a step before any takes the next."""
REFUTED, OPEN = "refuted", "open"


@dataclass(frozen=True)
class VerifyQuery:
    """A query as it is written.

    Args:
        name: of its file.
        text: what the file holds.
        budget: seconds that branching may take for a case; inf for as many as a time limit leaves; None for those of
            :data:`certrnn.vnnlib.search.SECONDS`, or of the time limit where it is known.

    Raises:
        UsageError: a budget that is not positive.
    """

    name: str
    text: str
    budget: float | None = None

    def __post_init__(self) -> None:
        if self.budget is not None and not self.budget > 0:
            raise UsageError("reading --budget", "seconds are positive", self.budget)

    @property
    def parsed(self) -> Query:
        """What it says."""
        return parse(Source(Path(self.name), self.text))


@dataclass(frozen=True, eq=False)
class CaseAnswer(Record):
    """What a step came to on a case.

    Args:
        sample: the case's number, from 0.
        step: of :data:`STEPS`.
        verdict: ``refuted``, ``sat`` or ``open``.
        assignment: of ``sat``.
        reason: why its task came to no answer; "" else.
    """

    sample: int
    step: str
    verdict: str
    assignment: Assignment | None = None
    reason: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.reason)

    @property
    def place(self) -> tuple[Any, ...]:
        return self.sample, STEPS.index(self.step)

    def contradicts(self, other: CaseAnswer) -> str:
        false = {self.verdict, other.verdict} == {REFUTED, SAT}
        return f"both for case {self.sample}" if false else ""

    def answers(self, frames: str | list[int], eps: float | None, method: str = "") -> bool:
        return self.step == method


@dataclass(eq=False)
class Known:
    """What is known in this process, whichever of the job's tasks found it out.

    Args:
        binding, cases: of the query; None until they are needed.
        refuted: numbers of cases.
        found: assignments by the number of their case: once there is one, nothing else needs an answer.
    """

    binding: Binding | None = None
    cases: list[Case] | None = None
    refuted: set[int] = field(default_factory=set)
    found: dict[int, Assignment] = field(default_factory=dict)

    @property
    def satisfied(self) -> bool:
        """Whether some assignment is known."""
        return bool(self.found)


@dataclass(frozen=True, eq=False)
class VerifyJob(Job[VerifyQuery, CaseAnswer, Verified]):
    """Is there an input that satisfies a query?

    Args:
        deadline: of ``time.perf_counter``, in this process; looked at between steps.
        known: shared by all tasks of a process.
    """

    deadline: float = math.inf
    known: Known = field(default_factory=Known)

    record: ClassVar = CaseAnswer
    doing: ClassVar = "verifying"
    by_part: ClassVar = True

    @staticmethod
    def of(path: str, network: OnnxModel, query: VerifyQuery, deadline: float = math.inf) -> VerifyJob:
        """The job of a query.

        Raises:
            InvalidInput: the query does not fit the network.
            Unsupported: it asks, or the network does, what is not interpreted.
        """
        known = Known(binding=bind(network, query.parsed))
        assert known.binding is not None
        known.cases = cases_of(query.parsed, known.binding)
        centers = [to_numpy(case.region.center)[0] for case in known.cases]
        samples = Sequences(tuple(centers), None, tuple(range(len(centers))))
        return VerifyJob(path, network, samples, query, deadline, known)

    @cached_property
    def search(self) -> tuple[Search, list[Case]]:
        """What is tried, and on which cases."""
        query, known = self.query.parsed, self.known
        if known.binding is None:
            known.binding = bind(self.network, query)
        if known.cases is None:
            known.cases = cases_of(query, known.binding)
        witnesses = Witnesses(query, known.binding, self.precision)
        return Search(witnesses, self.deadline, self.query.budget), known.cases

    def check_kind(self, kind: SequenceShape) -> None:
        """Nothing: the query was bound to the network, which was held against onnxruntime."""

    def parts(self, kind: SequenceShape) -> list[Part]:
        return [Part(method=step) for step in STEPS]

    def answers(self, part: Part, tick: Tick) -> Iterator[list[CaseAnswer]]:
        for number in self.sequences.numbers:
            yield [self._answer(number, part.method)]

    def _answer(self, number: int, step: str) -> CaseAnswer:
        known, (search, cases) = self.known, self.search
        if number in known.refuted:
            return CaseAnswer(number, step, REFUTED)
        if number in known.found:
            return CaseAnswer(number, step, SAT, known.found[number])
        if known.satisfied:
            return CaseAnswer(number, step, OPEN)
        case, refuted, assignment = cases[number], False, None
        if step == QUICK:
            refuted = search.quickly(case)
        elif step == ATTACK:
            assignment = search.attacked(case)
        else:
            refuted, assignment = search.thoroughly(case)
        known.found |= {number: assignment} if assignment else {}
        known.refuted |= {number} if refuted else set()
        return CaseAnswer(number, step, SAT if assignment else REFUTED if refuted else OPEN, assignment)

    def failure(self, part: Part, number: int, label: int, verdict: str, reason: str) -> CaseAnswer:
        return CaseAnswer(number, part.method, OPEN, None, reason)

    def question(self) -> None:
        """The query's text is all that is asked."""

    def notes(self) -> list[str]:
        _, cases = self.search
        empty = sum(representable(case.ranges, self.precision) is None for case in cases)
        name = np.dtype(self.precision).name
        text = f"some input can be no {name} number: no assignment can be replayed in {empty} of {len(cases)} cases"
        return [text] if empty else []

    def enough(self, rows: Sequence[CaseAnswer]) -> bool:
        return any(row.assignment is not None for row in rows)

    @classmethod
    def collected(
        cls, subject: Subject, query: VerifyQuery, rows: Iterable[CaseAnswer], expected: Expected, part: str
    ) -> Verified:
        done = sorted(rows, key=lambda row: row.place)
        refuted = {row.sample for row in done if row.verdict == REFUTED}
        assignment = next((row.assignment for row in done if row.assignment is not None), None)
        extent = extent_of(expected, done)
        cases = extent.samples
        verdict = SAT if assignment is not None else UNSAT if len(refuted) == cases else UNKNOWN
        notes = [subject.note] if subject.note else []
        failed = {row.reason: row for row in done if row.reason and verdict == UNKNOWN}
        notes += [f"a step on case {row.sample} has no answer: {reason}" for reason, row in failed.items()]
        notes += early(len(done), extent, part, "steps on cases") if verdict == UNKNOWN or part else ()
        answer = Answer(verdict, assignment, cases, len(refuted), tuple(notes))
        return Verified(query.parsed, subject.path, subject.sha256, answer, 0.0, failed=len(failed))
