"""A Dask cluster: many machines. Each thread of a Dask worker keeps a process of its own that answers, so that a task
that crashes or hangs costs that process and not the Dask worker."""

from __future__ import annotations

import contextlib
import hashlib
import queue
import time
import uuid
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from certrnn.errors import Unsupported, UsageError
from certrnn.runs.executors._child import WORKER, Child
from certrnn.runs.executors.executor import Executor, Failure, Limits, Reply
from certrnn.runs.executors.processes import STILLBORN

SCHEME = "dask://"
CONNECT = 30
"""Seconds until a scheduler must have answered."""

PATIENCE = 5.0
"""Seconds between two looks at whether the scheduler is still there, and how many workers it has."""

try:
    from distributed import Client, Future, KilledWorker, get_worker
    from distributed.diagnostics.plugin import WorkerPlugin
except ImportError:
    raise Unsupported(
        "connecting to Dask", "the package distributed is installed", "none", "pip install 'certrnn[dask]'"
    ) from None


class Answering(WorkerPlugin):
    """On each Dask worker, also one that joins later: the job, and the processes that answer its tasks."""

    def __init__(
        self, name: str, job: bytes, engine: str, limits: Limits, command: Sequence[str] | None
    ) -> None:
        self.name = name
        self._given = job, engine, limits
        self._command = command

    def setup(self, worker: Any) -> None:
        self._idle: queue.SimpleQueue[Child] = queue.SimpleQueue()

    def teardown(self, worker: Any) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().stop()

    def answer(self, task: bytes) -> bytes | tuple[str, str]:
        """The answer, or kind and reason of a failure."""
        answer: bytes | Failure = Failure("died", "")
        for _ in range(STILLBORN):
            child = self._child()
            answer = child.ask(task)
            spoiled = isinstance(answer, Failure) and answer.kind != "error"
            if spoiled:
                child.stop()
            else:
                self._idle.put(child)
            if child.ready:
                break
        return (answer.kind, answer.reason) if isinstance(answer, Failure) else answer

    def _child(self) -> Child:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return Child(*self._given, self._command or WORKER)


def answer_task(name: str, task: bytes) -> bytes | tuple[str, str]:
    """What runs on a Dask worker."""
    plugin: Any = get_worker().plugins[name]
    return plugin.answer(task)


class Dask(Executor):
    """Answers on the cluster of a scheduler.

    Args:
        address: of the scheduler, ``dask://host:port``, or whatever Dask itself takes behind ``dask://``.
        job, engine, limits, command: as for worker processes; the command, where it is not the usual one, is started on
            the Dask workers' machines.

    Raises:
        UsageError: no scheduler answers there.
    """

    def __init__(
        self,
        address: str,
        job: bytes,
        engine: str,
        limits: Limits | None = None,
        command: Sequence[str] | None = None,
    ) -> None:
        place = address.removeprefix(SCHEME)
        try:
            self._client = Client(
                place if "://" in place else f"tcp://{place}", timeout=CONNECT, set_as_default=False
            )
        except (OSError, ValueError) as error:
            raise UsageError(
                "reading --executor",
                f"a Dask scheduler answers at {SCHEME}HOST:PORT ({type(error).__name__})",
                repr(address),
            ) from None
        name = f"certrnn-{hashlib.sha256(job).hexdigest()[:12]}-{uuid.uuid4().hex[:8]}"
        self._plugin = Answering(name, job, engine, limits or Limits(), command)
        self._slots, self._asked = 1, float("-inf")
        self._flying: dict[Future, int] = {}
        self._done: queue.SimpleQueue[Future] = queue.SimpleQueue()

    def __enter__(self) -> Dask:
        self._client.register_plugin(self._plugin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(Exception):  # the cluster may be gone, and the results are safe
            self._client.cancel(list(self._flying))
            self._client.unregister_worker_plugin(self._plugin.name)
        self._client.close()

    @property
    def slots(self) -> int:
        """Two a thread of the cluster as it is now, at least one: workers may still be on their way."""
        now = time.monotonic()
        if now - self._asked > PATIENCE:
            threads: Any = self._client.nthreads()
            self._slots, self._asked = max(2 * sum(threads.values()), 1), now
        return self._slots

    def submit(self, ticket: int, task: bytes) -> None:
        future = self._client.submit(
            answer_task, self._plugin.name, task, pure=False, key=f"{self._plugin.name}-{ticket}"
        )
        self._flying[future] = ticket
        future.add_done_callback(self._done.put)

    def wait(self) -> Sequence[Reply]:
        futures = [self._first()]
        with contextlib.suppress(queue.Empty):
            while True:
                futures.append(self._done.get_nowait())
        try:
            results: Any = self._client.gather(futures)  # all in one message
        except Exception:  # one of them says why; which, is found one by one
            results = [self._settled(future) for future in futures]
        answers = [answer if isinstance(answer, bytes | Failure) else Failure(*answer) for answer in results]
        return [Reply(self._flying.pop(f), answer) for f, answer in zip(futures, answers, strict=True)]

    def _first(self) -> Future:
        while True:
            with contextlib.suppress(queue.Empty):
                return self._done.get(timeout=PATIENCE)
            if self._client.status not in ("running", "connecting", "newly-created"):
                raise _gone()

    def _settled(self, future: Future) -> Any:
        """What a task came back with, or why there is nothing."""
        try:
            return future.result()
        except Unsupported:
            raise
        except Exception as error:
            if future.status in ("cancelled", "lost"):
                raise _gone() from None
            kind = "died" if isinstance(error, KilledWorker) else "error"
            return Failure(kind, " ".join(f"{type(error).__name__}: {error}".split())[:300])


def _gone() -> Unsupported:
    return Unsupported(
        "waiting for Dask",
        "the scheduler goes on answering",
        "it has gone",
        "What is finished is kept; resume the run.",
    )
