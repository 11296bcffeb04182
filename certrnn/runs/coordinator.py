"""The coordinator: hands out tasks, keeps what comes back, and tells a spoiled sample from its neighbours."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from certrnn.encode import pack, unpack
from certrnn.errors import InvalidInput
from certrnn.results.record import Record
from certrnn.runs.executors import Executor, Failure
from certrnn.runs.job import Job
from certrnn.runs.journal import Entry
from certrnn.runs.plan import Task
from certrnn.runs.store import Keeping

ATTEMPTS = 2
"""How often a task whose worker died is tried: something else may have killed the worker."""

UNKNOWN = -1
"""Label and prediction of a sample of which the data and the worker say nothing."""


@dataclass(frozen=True)
class _Try:
    """A task, and how many workers have died of it."""

    task: Task
    deaths: int = 0


def execute(
    job: Job[Any, Any, Any], tasks: Sequence[Task], executor: Executor, store: Keeping
) -> Iterator[list[Any]]:
    """Answer what is not finished yet; rows come out once the store has them.

    A task that fails is cut in halves, until the samples that spoil it stand alone; these are recorded as ``error`` or
    ``timeout``, with the reason. Nothing that a task does ends the run.
    """
    queue = deque(_Try(piece) for task in tasks for piece in task.left(store.finished))
    flying: dict[int, _Try] = {}
    ticket = 0
    with executor:
        while queue or flying:
            while queue and len(flying) < executor.slots:
                flying[ticket] = queue.popleft()
                executor.submit(ticket, pack(flying[ticket].task.ask(job.sequences)))
                ticket += 1
            done: list[list[Entry]] = []
            for reply in executor.wait():
                attempt = flying.pop(reply.ticket)
                answer = _checked(job, attempt.task, reply.answer)
                if isinstance(answer, Failure):
                    again = _again(attempt, answer)
                    queue.extendleft(reversed(again))
                    answer = [] if again else [_failed(job, attempt.task, answer)]
                if answer:
                    done.append(list(zip(attempt.task.keys, answer, strict=True)))
            if done:
                store.record(done)
                rows = [row for entries in done for _, row in entries]
                yield rows
                if job.enough(rows):
                    return


def _checked(job: Job[Any, Any, Any], task: Task, answer: bytes | Failure) -> list[Record] | Failure:
    """The rows in the order of the task's keys: an answer to another question is a failure."""
    if isinstance(answer, Failure):
        return answer
    numbers = [job.sequences.numbers[position] for position in task.positions]
    try:
        content = unpack(answer)
    except (InvalidInput, ValueError, TypeError, KeyError):
        content = None
    if not (isinstance(content, tuple) and all(isinstance(row, job.record) for row in content)):
        return Failure("error", "the worker's answer is no list of rows")
    part = task.part
    rows = {row.sample: row for row in content if row.answers(part.name, part.eps, part.method)}
    if len(content) != len(numbers) or set(rows) != set(numbers):
        return Failure("error", "the worker answered another question")
    return [rows[number] for number in numbers]


def _again(attempt: _Try, failure: Failure) -> list[_Try]:
    """What to try next; nothing where the failure must be recorded."""
    deaths = attempt.deaths + (failure.kind == "died")
    alone = len(attempt.task.keys) == 1
    if failure.kind == "died" and deaths < ATTEMPTS:
        return [replace(attempt, deaths=deaths)]
    if alone:
        return []
    # a half is tried once more only when it is a sample alone: a sample must not be blamed for one kill from outside
    return [_Try(half, 0 if len(half.keys) == 1 else deaths) for half in attempt.task.halves()]


def _failed(job: Job[Any, Any, Any], task: Task, failure: Failure) -> Record:
    position, sequences = task.positions[0], job.sequences
    label = UNKNOWN if sequences.labels is None else sequences.labels[position]
    label = label if isinstance(label, int) else UNKNOWN  # a label a step
    verdict = "timeout" if failure.kind == "timeout" else "error"
    return job.failure(task.part, sequences.numbers[position], label, verdict, failure.reason)
