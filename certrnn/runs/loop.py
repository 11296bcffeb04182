"""The one loop of every command: rows of a job, wherever they are answered and kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from certrnn.runs.answerer import Answerer
from certrnn.runs.coordinator import execute
from certrnn.runs.executors import Executor, InProcess, Processes
from certrnn.runs.job import TOGETHER, Job, Tick, silent
from certrnn.runs.parcel import Parcel
from certrnn.runs.plan import Plan, pieces
from certrnn.runs.settings import IN_PROCESS, PROCESSES, Settings
from certrnn.runs.store import Keeping, Memory, Store, read_results, writing


def answer(job: Job[Any, Any, Any], start: Callable[[], Executor], store: Keeping) -> Iterator[list[Any]]:
    """The rows of a job: first those that the store holds, then the others as they are finished.

    Args:
        start: makes the executor; called once something is left to answer.
        store: keeps the rows.

    Raises:
        InvalidInput, UsageError, Unsupported: what makes no sense is refused before the first row.
    """
    tasks = store.plan.tasks(job)
    keys = {key for task in tasks for key in task.keys}
    held = [row for key, row in store.finished.items() if key in keys]
    if held:
        yield held
    left = len(keys) - len(held)
    if left and not job.enough(held):
        job.check()
        for rows in execute(job, tasks, start(), store):
            yield rows
            left -= len(rows)
    if not left:
        store.finish()


def answer_here(job: Job[Any, Any, Any], tick: Tick = silent, size: int = TOGETHER) -> Iterator[list[Any]]:
    """The rows of a job, in the same tasks, by this process alone: nothing is kept, and an error ends it.

    Args:
        tick: told of regions that were bounded.
    """
    job.check()
    for positions, parts in pieces(job, size):
        some = job.about(job.sequences.take(positions))
        for part in parts:
            for rows in some.answers(part, tick):
                yield list(rows)
                if job.enough(rows):
                    return


def carry_out(
    job: Job[Any, Any, Any],
    settings: Settings | None = None,
    folder: str | os.PathLike[str] | None = None,
    command: dict[str, Any] | None = None,
    tick: Tick = silent,
) -> Iterator[list[Any]]:
    """:func:`answer` with the executor and the store that are named.

    After a stop in the middle this can be called again: what a folder once held is kept.

    Args:
        folder: the run folder; None keeps the rows in memory only.
        command: the command and its options, for ``certrnn resume``.

    Raises:
        UsageError: the folder holds another run, or another process writes it.
    """
    settings = settings or Settings()
    if folder is None and settings.kind == IN_PROCESS:
        yield from answer_here(job, tick, settings.size)
        return
    plan = Plan.of(job, settings.size, settings.shard, command, os.getcwd())
    with nullcontext(Memory(plan)) if folder is None else writing(Path(folder), plan) as store:
        if settings.retry and isinstance(store, Store):
            store = replace(store, finished={k: row for k, row in store.finished.items() if not row.failed})
        yield from answer(job, partial(executor_for, settings, job), store)


def run(
    job: Job[Any, Any, Any],
    folder: str | os.PathLike[str],
    settings: Settings | None = None,
    command: dict[str, Any] | None = None,
) -> Any:
    """Carry out a job in a run folder, or go on where the same one stopped; returns its results."""
    for _ in carry_out(job, settings, folder, command):
        pass
    return read_results(Path(folder))


def executor_for(settings: Settings, job: Job[Any, Any, Any]) -> Executor:
    """The executor that the settings name."""
    if settings.kind == IN_PROCESS:
        return InProcess(Answerer(job, job.sequences.kinds))
    from certrnn.engine import engine_version

    parcel = Parcel.of(job).packed()
    if settings.kind == PROCESSES:
        return Processes(settings.workers or 1, parcel, engine_version(), settings.limits)
    from certrnn.runs.executors.dask import Dask

    return Dask(settings.executor or "", parcel, engine_version(), settings.limits)
