"""What a run will do: every question by its key, and the tasks that answer them together."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from certrnn.certification import Query, parse_frames
from certrnn.certification.summary import Expected, Subject, expected_rows
from certrnn.datasets import Sequences
from certrnn.encode import digest, hashed, tree_digest
from certrnn.engine import engine_version
from certrnn.errors import UsageError
from certrnn.results.certificates import SEMANTICS
from certrnn.results.row import spelled

KEY_DIGITS = 32
TASK = 16
"""Samples of a task: most of what batching gives, while little is lost with a worker."""


@dataclass(frozen=True)
class Ask:
    """A task as it travels: samples of one kind, one set of frames and at most one eps. The rest of the question went
    before, with the model."""

    sequences: Sequences
    frames: str
    eps: float | None

    def query(self, whole: Query) -> Query:
        """The part of a question that is asked."""
        return replace(whole, frames=self.frames, eps=None if self.eps is None else (self.eps,))


@dataclass(frozen=True)
class Task:
    """Samples that are answered together.

    Args:
        positions: of the samples among the run's sequences.
        frames: the frames that are disturbed, spelled as ``--frames`` takes them.
        name: the frames as rows show them.
        eps: the eps to decide, or None to search the largest.
        keys: a key for each sample.
    """

    positions: tuple[int, ...]
    frames: str
    name: str | list[int]
    eps: float | None
    keys: tuple[str, ...]

    def ask(self, sequences: Sequences) -> Ask:
        """The task with its samples."""
        return Ask(sequences.take(self.positions).bare(), self.frames, self.eps)

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
    """What a run is about; everything but ``command`` and ``folder`` must agree where a run is taken up again.

    Args:
        subject: the model and the data.
        query: what is asked of every sample.
        samples, data: how many samples there are, and a digest of all of them.
        engine: version of the engine.
        semantics: what a certificate is about.
        size: samples of a task.
        shard: (i, n): only every n-th task, from the i-th; None for all.
        rows: number of rows of all shards together.
        expected: how many rows which samples have.
        command: options of the command that began the run, by name; None where it was begun from Python.
        folder: where the command was given; its file names may be relative to it.
    """

    subject: Subject
    query: Query
    samples: int
    data: str
    engine: str
    semantics: str
    size: int
    shard: tuple[int, int] | None
    rows: int
    expected: Expected = ()
    command: dict[str, Any] | None = None
    folder: str = ""

    @staticmethod
    def of(
        subject: Subject,
        sequences: Sequences,
        query: Query,
        size: int = TASK,
        shard: tuple[int, int] | None = None,
        command: dict[str, Any] | None = None,
        folder: str = "",
    ) -> Plan:
        """The plan of a question to some sequences.

        Raises:
            UsageError: a task without samples, a shard that is none, or a sample that is given twice.
        """
        if len(set(sequences.numbers)) < len(sequences):
            raise UsageError(
                "planning a run", "every sample is given once", f"{len(sequences)} with repetitions"
            )
        if size < 1:
            raise UsageError("reading --task", "a task has at least one sample", size)
        if shard is not None and not 1 <= shard[0] <= shard[1]:
            raise UsageError("reading --shard", "i/n with i from 1 to n", f"{shard[0]}/{shard[1]}")
        plan = Plan(
            subject,
            query,
            len(sequences),
            digest(sequences.bare()),
            engine_version(),
            SEMANTICS,
            size,
            shard,
            0,
            expected_rows(sequences, query),
            command,
            folder,
        )
        rows = sum(len(task.keys) for task in plan.every_task(sequences))
        return replace(plan, rows=rows)

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

    def tasks(self, sequences: Sequences) -> list[Task]:
        """The tasks of this plan's shard."""
        every = self.every_task(sequences)
        return every if self.shard is None else every[self.shard[0] - 1 :: self.shard[1]]

    def every_task(self, sequences: Sequences) -> list[Task]:
        """The tasks of all shards, in the order in which a run without a folder answers them."""
        place = {number: position for position, number in enumerate(sequences.numbers)}
        key = _Keys(self, sequences)
        found: list[Task] = []
        for batch in sequences.batches(self.size):
            positions = tuple(place[number] for number in batch.numbers)
            first, stop = batch.kind.span
            for frame_set in parse_frames(self.query.frames, stop, first):
                # the one frame of a sequence of one would be read as all of them
                frames = "each" if stop - first == 1 and not frame_set.whole else spelled(frame_set.name)
                for eps in self.query.eps or (None,):
                    keys = tuple(key.of(position, frames, eps) for position in positions)
                    found.append(Task(positions, frames, frame_set.name, eps, keys))
        return found


def _first_difference(mine: Any, others: Any) -> str | None:
    """The first field in which two values of one type differ, spelled with those inside of it."""
    for field in fields(mine):
        one, other = getattr(mine, field.name), getattr(others, field.name)
        if one != other:
            inner = _first_difference(one, other) if is_dataclass(one) and type(one) is type(other) else None
            return field.name if inner is None else f"{field.name}'s {inner}"
    return None


class _Keys:
    """Keys of questions: digests of engine, semantics, model, question and sample."""

    def __init__(self, plan: Plan, sequences: Sequences) -> None:
        free = {name: part for name, part in hashed(plan.query).items() if name not in ("frames", "eps")}
        model = (plan.subject.sha256, plan.subject.external)
        self._base = digest((plan.engine, plan.semantics, model, tree_digest(free)))
        self._samples = [digest(sequences.take([p]).bare()) for p in range(len(sequences))]

    def of(self, position: int, frames: str, eps: float | None) -> str:
        text = "|".join([self._base, self._samples[position], frames, repr(eps)])
        return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]
