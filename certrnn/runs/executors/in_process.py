"""One task after another in this process: nothing to start, and nothing that could be limited."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType

from certrnn.runs.executors.executor import Executor, Reply
from certrnn.runs.executors.serving import guarded


class InProcess(Executor):
    """Answers by calling ``answer``; an exception becomes the reply, a crash ends the run (which can be resumed)."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._queue: deque[tuple[int, bytes]] = deque()

    def __enter__(self) -> InProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.clear()

    @property
    def slots(self) -> int:
        return 1

    def submit(self, ticket: int, task: bytes) -> None:
        self._queue.append((ticket, task))

    def wait(self) -> Sequence[Reply]:
        ticket, task = self._queue.popleft()
        return [Reply(ticket, guarded(self._answer, task))]
