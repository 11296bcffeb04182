"""How a run is carried out: who answers, within which limits, and which part of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from certrnn.errors import UsageError
from certrnn.runs.executors import Limits
from certrnn.runs.job import TOGETHER

IN_PROCESS, PROCESSES, DASK = "in-process", "processes", "dask://"


@dataclass(frozen=True)
class Settings:
    """How a run is carried out.

    Args:
        workers: worker processes; None for none, where nothing else asks for one.
        executor: ``in-process``, ``processes`` or ``dask://host:port``; None: processes where ``workers`` or a limit is
            given, else in process.
        limits: of a task.
        size: samples of a task.
        shard: (i, n) for every n-th task from the i-th.
        retry: answer anew what ended in an ``error`` or a ``timeout`` of its task.

    Raises:
        UsageError: settings that do not go together.

    >>> Settings(workers=2).kind, Settings().kind
    ('processes', 'in-process')
    """

    workers: int | None = None
    executor: str | None = None
    limits: Limits = field(default_factory=Limits)
    size: int = TOGETHER
    shard: tuple[int, int] | None = None
    retry: bool = False

    def __post_init__(self) -> None:
        known = self.executor in (None, IN_PROCESS, PROCESSES) or str(self.executor).startswith(DASK)
        _require(
            known, "--executor", f"it is {IN_PROCESS}, {PROCESSES} or {DASK}HOST:PORT", repr(self.executor)
        )
        _require(self.size > 0, "--task", "a task has at least one sample", self.size)
        _require(self.workers is None or self.workers > 0, "--workers", "there is at least one", self.workers)
        seconds, megabytes = self.limits.seconds, self.limits.megabytes
        _require(
            seconds is None or 0 < seconds < float("inf"), "--time-limit", "seconds are positive", seconds
        )
        _require(megabytes is None or megabytes > 0, "--memory-limit", "MiB are positive", megabytes)
        if self.kind == IN_PROCESS:
            _require(self.limits == Limits(), "--executor", "limits need processes of their own", IN_PROCESS)
            _require(self.workers in (None, 1), "--workers", f"{IN_PROCESS} is one worker", self.workers)
        if self.kind == DASK:
            _require(self.workers is None, "--workers", "a Dask cluster has its own workers", self.workers)

    @property
    def kind(self) -> str:
        """The executor's kind."""
        if self.executor is None:
            return IN_PROCESS if self.workers is None and self.limits == Limits() else PROCESSES
        return DASK if self.executor.startswith(DASK) else self.executor


def _require(holds: bool, option: str, requirement: str, received: object) -> None:
    if not holds:
        raise UsageError(f"reading {option}", requirement, received)
