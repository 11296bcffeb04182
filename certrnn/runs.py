"""Runs in a folder: begin one, go on with one, and choose who answers its tasks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from certrnn.errors import UsageError
from certrnn.model import Model
from certrnn.report.results import Results
from certrnn.report.rows import Row
from certrnn.run import Query, Sequences
from certrnn.run.execute import execute
from certrnn.run.executors import Executor, InProcess, Limits, Processes
from certrnn.run.job import Job
from certrnn.run.plan import TASK, Plan
from certrnn.run.store import Store, read_results, writing
from certrnn.worker import Answerer

IN_PROCESS, PROCESSES, DASK = "in-process", "processes", "dask://"


@dataclass(frozen=True)
class Settings:
    """How a run is carried out.

    Parameters
    ----------
    workers: worker processes; None for none, where nothing else asks for one.
    executor: ``in-process``, ``processes`` or ``dask://host:port``; None: processes where ``workers`` or a limit is
        given, else in process.
    limits: of a task.
    size: samples of a task.
    shard: (i, n) for every n-th task from the i-th.
    retry: answer anew what ended in an ``error`` or a ``timeout`` of its task.

    Raises
    ------
    UsageError: settings that do not go together.

    >>> Settings(workers=2).kind, Settings().kind
    ('processes', 'in-process')
    """

    workers: int | None = None
    executor: str | None = None
    limits: Limits = field(default_factory=Limits)
    size: int = TASK
    shard: tuple[int, int] | None = None
    retry: bool = False

    def __post_init__(self) -> None:
        known = self.executor in (None, IN_PROCESS, PROCESSES) or str(self.executor).startswith(DASK)
        _require(
            known, "--executor", f"it is {IN_PROCESS}, {PROCESSES} or {DASK}HOST:PORT", repr(self.executor)
        )
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


def run(
    model: Model,
    sequences: Sequences,
    query: Query,
    folder: str | os.PathLike[str],
    settings: Settings | None = None,
    command: dict[str, Any] | None = None,
) -> Results:
    """Answer a question in a run folder, or go on where the same question's run stopped.

    >>> import tempfile, certrnn
    >>> from certrnn.run import Query
    >>> model = certrnn.load("example:digits_rnn")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = run(model, model.read("example:digits").take([0]), Query((0.001,), "all"), folder + "/run")
    >>> found[0].verdict
    'certified'
    """
    for _ in stream(model, sequences, query, folder, settings, command):
        pass
    return read_results(Path(folder))


def stream(
    model: Model,
    sequences: Sequences,
    query: Query,
    folder: str | os.PathLike[str],
    settings: Settings | None = None,
    command: dict[str, Any] | None = None,
) -> Iterator[list[Row]]:
    """The rows of :func:`run`: first those that the folder holds already, then the others as they are finished.

    Whoever stops in the middle can call this again: what came out of it once is kept.

    Raises
    ------
    UsageError: the folder holds another run, or somebody else writes it.
    """
    settings = settings or Settings()
    plan = Plan.of(
        model.subject(sequences), sequences, query, settings.size, settings.shard, command, os.getcwd()
    )
    with writing(Path(folder), plan) as store:
        tasks = plan.tasks(sequences)
        asked = {key for task in tasks for key in task.keys}
        held = {key: row for key, row in store.finished.items() if key in asked}
        if settings.retry:
            held = {key: row for key, row in held.items() if not row.reason}
        store = Store(store.folder, plan, held, store.disk)
        if held:
            yield list(held.values())
        if len(held) < len(asked):
            model.check(sequences, query)
            yield from execute(store, tasks, sequences, executor_for(settings, model, sequences, query))
        if not store.complete:
            store.compact()


def executor_for(settings: Settings, model: Model, sequences: Sequences, query: Query) -> Executor:
    """Whoever answers, as the settings say."""
    if settings.kind == IN_PROCESS:
        return InProcess(Answerer(model, query, sequences.kinds))
    from certrnn.run.engine import engine_version

    network = model.network
    job = Job.of(model.path, network.path, model.sha256, network.external, query).packed()
    if settings.kind == PROCESSES:
        return Processes(settings.workers or 1, job, engine_version(), settings.limits)
    from certrnn.run.executors.dask import Dask

    return Dask(settings.executor or "", job, engine_version(), settings.limits)


def _require(holds: bool, option: str, requirement: str, received: object) -> None:
    if not holds:
        raise UsageError(f"reading {option}", requirement, received)
