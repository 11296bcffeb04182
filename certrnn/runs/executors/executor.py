"""What carries tasks to workers, and their answers back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol

FailureKind = Literal["error", "memory", "timeout", "died"]


@dataclass(frozen=True)
class Failure:
    """Why a task has no answer.

    Args:
        kind: ``error`` (an exception), ``memory`` (it ran out of it), ``timeout`` (over its time limit), ``died`` (its
            worker ended: perhaps the task's fault, perhaps not).
        reason: one line.
    """

    kind: FailureKind
    reason: str


@dataclass(frozen=True)
class Reply:
    """What became of the task that was submitted as ``ticket``: its rows as bytes, or a failure."""

    ticket: int
    answer: bytes | Failure


@dataclass(frozen=True)
class Limits:
    """What a task may take; None for any.

    Args:
        seconds: wall time, from when a worker that is ready gets it.
        megabytes: memory beyond what a worker needs before its first task, in 2^20 bytes.
    """

    seconds: float | None = None
    megabytes: int | None = None


class Executor(Protocol):
    """Answers tasks, several at a time, in any order; used as a context, which ends whatever it started."""

    def __enter__(self) -> Executor: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def slots(self) -> int:
        """How many tasks may be in flight at once."""
        ...

    def submit(self, ticket: int, task: bytes) -> None:
        """Hand over a task. A ticket is in flight until :meth:`wait` returns its reply."""
        ...

    def wait(self) -> Sequence[Reply]:
        """At least one reply, as soon as there is one."""
        ...
