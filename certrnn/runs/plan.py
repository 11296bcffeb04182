"""What a run will do: every row by its key, and the tasks that answer them together."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from certrnn.datasets import Sequences
from certrnn.encode import class_named, digest, name_of
from certrnn.engine import engine_version
from certrnn.errors import UsageError
from certrnn.io.onnx import Choices
from certrnn.results.certificates import SEMANTICS
from certrnn.results.subject import Expected, Subject
from certrnn.runs.job import TOGETHER, Job, Part
from certrnn.runs.parcel import Ask

KEY_DIGITS = 32


@dataclass(frozen=True)
class Task:
    """Samples that are answered together.

    Args:
        positions: of the samples among the run's sequences.
        part: what is asked of them.
        keys: a key for each sample.
    """

    positions: tuple[int, ...]
    part: Part
    keys: tuple[str, ...]

    def ask(self, sequences: Sequences) -> Ask:
        """The task with its samples."""
        return Ask(sequences.take(self.positions).bare(), self.part)

    def halves(self) -> tuple[Task, Task]:
        """The task's first and second half; where one sample spoils the rest, they are told apart so."""
        middle = (len(self.positions) + 1) // 2
        return (
            replace(self, positions=self.positions[:middle], keys=self.keys[:middle]),
            replace(self, positions=self.positions[middle:], keys=self.keys[middle:]),
        )

    def left(self, finished: Collection[str]) -> Iterator[Task]:
        """What is left of it, in pieces that an uninterrupted run would also have cut: a bound's last digits depend on
        the samples that are bounded together, and no result may depend on where a run was interrupted."""
        open_keys = [key for key in self.keys if key not in finished]
        if len(open_keys) == len(self.keys):
            yield self
        elif open_keys:
            for half in self.halves():
                yield from half.left(finished)


@dataclass(frozen=True)
class Plan:
    """Everything that the rows of a run depend on, and how it is cut.

    Args:
        kind: the job's class, by name.
        subject: what the rows are about.
        choices: how the model's file is read.
        query: what is asked of every sample.
        samples: how many there are.
        data: digest of the samples.
        engine: of whatever computes the rows.
        semantics: what a certificate is about.
        size: samples of a task.
        shard: (i, n): this run does every n-th task, from the i-th; None for all.
        rows: number of rows of all shards together.
        expected: how many rows which samples have, all shards together.
        command: the command that began the run, with its options, or None.
        folder: the folder that its file names are relative to.
    """

    kind: str
    subject: Subject
    choices: Choices
    query: Any
    samples: int
    data: str
    engine: str
    semantics: str
    size: int = TOGETHER
    shard: tuple[int, int] | None = None
    rows: int = 0
    expected: Expected = ()
    command: dict[str, Any] | None = None
    folder: str = ""

    @staticmethod
    def of(
        job: Job[Any, Any, Any],
        size: int = TOGETHER,
        shard: tuple[int, int] | None = None,
        command: dict[str, Any] | None = None,
        folder: str = "",
    ) -> Plan:
        """The plan of a job.

        Raises:
            UsageError: a task without samples, a shard that is none, or a sample that is given twice.
        """
        sequences = job.sequences
        if len(set(sequences.numbers)) < len(sequences):
            received = f"{len(sequences)} with repetitions"
            raise UsageError("planning a run", "every sample is given once", received)
        if size < 1:
            raise UsageError("reading --task", "a task has at least one sample", size)
        if shard is not None and not 1 <= shard[0] <= shard[1]:
            raise UsageError("reading --shard", "i/n with i from 1 to n", f"{shard[0]}/{shard[1]}")
        return Plan(
            name_of(type(job)),
            job.subject,
            job.network.choices,
            job.query,
            len(sequences),
            digest(sequences.bare()),
            engine_version(),
            SEMANTICS,
            size,
            shard,
            job.total,
            job.expected,
            command,
            folder,
        )

    @property
    def job(self) -> type[Job[Any, Any, Any]]:
        """The class of the job that is carried out."""
        return class_named(self.kind, Job)

    def differs(self, other: Plan) -> str | None:
        """The first thing in which two plans ask for different results, or None."""
        free = {"command", "folder", "subject"}
        for field in fields(Plan):
            if field.name not in free and digest(getattr(self, field.name)) != digest(
                getattr(other, field.name)
            ):
                return field.name
        mine, others = (plan.subject.anywhere() for plan in (self, other))
        return _first_difference(mine, others)

    def tasks(self, job: Job[Any, Any, Any]) -> list[Task]:
        """The tasks of this plan's shard."""
        every = self.every_task(job)
        return every if self.shard is None else every[self.shard[0] - 1 :: self.shard[1]]

    def every_task(self, job: Job[Any, Any, Any]) -> list[Task]:
        """The tasks of all shards, in the order in which one process answers them."""
        keys = _Keys(self, job.sequences)
        return [
            Task(positions, part, keys.of(positions, part))
            for positions, parts in pieces(job, self.size)
            for part in parts
        ]


def pieces(job: Job[Any, Any, Any], size: int = TOGETHER) -> Iterator[tuple[tuple[int, ...], list[Part]]]:
    """Positions of at most ``size`` samples of one kind, and what is asked of them one after the other."""
    place = {number: position for position, number in enumerate(job.sequences.numbers)}
    batches = list(job.sequences.batches(size))
    groups = [(tuple(place[number] for number in one.numbers), job.parts(one.kind)) for one in batches]
    if not job.by_part:
        yield from groups
        return
    for step in range(max((len(parts) for _, parts in groups), default=0)):
        yield from ((positions, parts[step : step + 1]) for positions, parts in groups)


def _first_difference(mine: Any, others: Any) -> str | None:
    """The first field in which two values of one type differ, spelled with those inside of it."""
    for field in fields(mine):
        one, other = getattr(mine, field.name), getattr(others, field.name)
        if one != other:
            inner = _first_difference(one, other) if is_dataclass(one) and type(one) is type(other) else None
            return field.name if inner is None else f"{field.name}'s {inner}"
    return None


class _Keys:
    """Keys of rows: digests of engine, semantics, model, question and sample."""

    def __init__(self, plan: Plan, sequences: Sequences) -> None:
        model = (plan.subject.sha256, plan.subject.external)
        self._base = digest((plan.engine, plan.semantics, model, plan.kind, plan.choices, plan.query))
        self._samples = [digest(sequences.take([p]).bare()) for p in range(len(sequences))]

    def of(self, positions: Sequence[int], part: Part) -> tuple[str, ...]:
        part_digest = digest(part)
        texts = ["|".join([self._base, self._samples[position], part_digest]) for position in positions]
        return tuple(hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS] for text in texts)
