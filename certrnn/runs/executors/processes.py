"""Worker processes on this machine: a task that crashes, hangs or eats memory takes only its worker with it."""

from __future__ import annotations

import os
import select
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType

from certrnn.errors import Unsupported, UsageError
from certrnn.runs.executors._child import WORKER, Child
from certrnn.runs.executors.executor import Executor, Failure, Limits, Reply

STILLBORN = 3
"""Workers in a row that die before they are ready: then none ever will."""


class Processes(Executor):
    """Keeps ``workers`` processes; one that ends is replaced.

    Args:
        workers: how many.
        job: what each must know before its first task.
        engine: the version that their engine must have.
        limits: of a task.
        command: what starts one.

    Raises:
        UsageError: fewer than one worker.
    """

    def __init__(
        self,
        workers: int,
        job: bytes,
        engine: str,
        limits: Limits | None = None,
        command: Sequence[str] = WORKER,
    ) -> None:
        if workers < 1:
            raise UsageError("reading --workers", "there is at least one worker", workers)
        self._workers = workers
        self._job, self._engine, self._command = job, engine, command
        self._limits = limits or Limits()
        self._queue: deque[tuple[int, bytes]] = deque()
        self._idle: list[Child] = []
        self._busy: dict[Child, int] = {}
        self._starting: list[Child] = []
        self._stillborn = 0

    def __enter__(self) -> Processes:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in [*self._idle, *self._busy, *self._starting]:
            child.stop()

    @property
    def slots(self) -> int:
        """Two a worker: the next task waits here while the last one's rows are written."""
        return 2 * self._workers

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the workers that there are now."""
        return tuple(child.pid for child in [*self._idle, *self._busy, *self._starting])

    def submit(self, ticket: int, task: bytes) -> None:
        self._queue.append((ticket, task))
        self._hand_out()

    def wait(self) -> Sequence[Reply]:
        replies: list[Reply] = []
        while not replies:
            children = [*self._busy, *self._starting]
            nearest = min(child.deadline for child in children) - time.monotonic()
            timeout = None if nearest == float("inf") else max(nearest, 0.0)
            readable, _, _ = select.select(children, [], [], timeout)
            for child in readable:
                replies += self._heard(child)
            now = time.monotonic()
            for child in [c for c in children if c.deadline < now and c not in readable]:
                replies += self._ended(child, child.overrun())
            self._start()
            self._hand_out()
        return replies

    def _heard(self, child: Child) -> list[Reply]:
        answer = child.receive()
        if child in self._starting:
            self._starting.remove(child)
            return self._begun(child, answer)
        if isinstance(answer, Failure) and answer.kind in ("died", "memory"):
            return self._ended(child, answer)  # what is left of a worker that ran out of memory is in pieces
        ticket = self._busy.pop(child)
        self._idle.append(child)
        return [Reply(ticket, answer or b"")]

    def _begun(self, child: Child, failure: bytes | Failure | None) -> list[Reply]:
        """A worker is ready, or has died too early; something may have killed it, but not many times in a row."""
        if not isinstance(failure, Failure):
            self._idle.append(child)
            self._stillborn = 0
            return []
        self._stillborn += 1
        if self._stillborn == STILLBORN:
            raise Unsupported("starting a worker", "it gets ready", failure.reason)
        return []

    def _ended(self, child: Child, failure: Failure) -> list[Reply]:
        child.stop()
        return [Reply(self._busy.pop(child), failure)]

    def _start(self) -> None:
        threads = max((os.cpu_count() or 1) // self._workers, 1)
        while len(self.pids) < self._workers:
            self._starting.append(Child(self._job, self._engine, self._limits, self._command, threads))

    def _hand_out(self) -> None:
        while self._queue and self._idle:
            ticket, task = self._queue.popleft()
            child = self._idle.pop()
            self._busy[child] = ticket
            child.give(task)
