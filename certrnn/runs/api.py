"""Runs in a folder: begin one, go on with one, and choose who answers its tasks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from certrnn.certification import Query
from certrnn.certification.restatement import chosen, query_of, text_source
from certrnn.datasets import Sequences
from certrnn.errors import InvalidInput, UsageError
from certrnn.model import Model
from certrnn.results.certificates import Results
from certrnn.results.question import Question
from certrnn.results.row import Row, spelled
from certrnn.runs.answerer import Answerer
from certrnn.runs.coordinator import execute
from certrnn.runs.executors import Executor, InProcess, Limits, Processes
from certrnn.runs.job import Job
from certrnn.runs.plan import TASK, Plan
from certrnn.runs.store import Store, read_results, writing
from certrnn.threats import WordSubstitution

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
    >>> from certrnn.certification import Query
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

    After a stop in the middle this can be called again: what came out of it once is kept.

    Raises:
        UsageError: the folder holds another run, or another process writes it.
    """
    settings = settings or Settings()
    plan = Plan.of(
        model.subject(sequences, query),
        sequences,
        query,
        settings.size,
        settings.shard,
        command,
        os.getcwd(),
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


def again(
    model: Model,
    results: Results,
    row: int | None = None,
    data: Sequences | None = None,
    radii: np.ndarray | None = None,
    words: WordSubstitution | None = None,
) -> Results:
    """Put the question of some results again, or that of one of their rows.

    Args:
        row: its number among the results' rows; None for all of them.
        data: the samples, from the whole of which those of the question are chosen; None for the files that they came
            from.
        radii, words: what documents hold the digests of only: many radii, and substitutes of words.

    Raises:
        UsageError: the results do not say what was asked, or something is missing.
        InvalidInput: the model, the data, the radii or the substitutes are others than those of the results.

    >>> import certrnn
    >>> model = certrnn.load("example:digits_rnn")
    >>> found = model.certify(model.read("example:digits").take([0, 1]), eps=0.001, frames="all", attack=False)
    >>> again(model, found, row=1)[0].verdict
    'certified'
    """
    question = question_in(results)
    same_model(model, results)
    if data is None:
        source = question.data.source
        if source is None:
            raise UsageError("asking again", "the samples are given: a program made them", "none")
        first = source.files[0]
        data = model.read(first.name) if first.option == "data" else model.read_text(text_source(source))
    some, query = asked_again(model, results, row, data, radii, words)
    rows = [one for part in model.stream(some, query) for one in part]
    return model.results(rows, some, query)


def question_in(results: Results) -> Question:
    """What the results say that was asked."""
    if results.question is None:
        raise UsageError("asking again", "the document says what was asked", "one of an earlier version")
    return results.question


def same_model(model: Model, results: Results) -> None:
    """The model's files are those of the results.

    Raises:
        InvalidInput: they are not.
    """
    pairs = [("model", results.sha256, model.sha256)]
    held = dict(model.network.external)
    pairs += [(name, digest, held.get(name, "no such file")) for name, digest in results.external]
    for name, wanted, digest in pairs:
        if wanted != digest:
            raise InvalidInput(f"asking {model.path} again", f"the sha256 of the {name} is {wanted}", digest)


def asked_again(
    model: Model,
    results: Results,
    row: int | None,
    data: Sequences,
    radii: np.ndarray | None = None,
    words: WordSubstitution | None = None,
) -> tuple[Sequences, Query]:
    """The samples and the query of some results, or of one of their rows; see :func:`again`."""
    question = question_in(results)
    whole, query = chosen(data, question.data), query_of(question, radii, words)
    now = model.question(whole, query)
    for part in ("output", "reading", "arrangement"):
        was, found = getattr(question.network, part), getattr(now.network, part)
        if was != found:
            raise InvalidInput("asking again", f"the network's {part} is {was!r}", repr(found))
    if row is None:
        return whole, query
    if not 0 <= row < len(results):
        raise UsageError("reading --row", f"rows lie in 0..{len(results) - 1}", row)
    one = results[row]
    eps = query.eps if one.eps is None else (one.eps,)
    place = whole.numbers.index(one.sample) if one.sample in whole.numbers else None
    if place is None:
        raise InvalidInput("reading --row", f"sample {one.sample} was asked about", question.data.samples)
    return whole.take([place]), replace(query, frames=spelled(one.frames), eps=eps)


def executor_for(settings: Settings, model: Model, sequences: Sequences, query: Query) -> Executor:
    """The executor that the settings name."""
    if settings.kind == IN_PROCESS:
        return InProcess(Answerer(model, query, sequences.kinds))
    from certrnn.engine import engine_version

    job = Job.of(model.path, model.network, query).packed()
    if settings.kind == PROCESSES:
        return Processes(settings.workers or 1, job, engine_version(), settings.limits)
    from certrnn.runs.executors.dask import Dask

    return Dask(settings.executor or "", job, engine_version(), settings.limits)


def _require(holds: bool, option: str, requirement: str, received: object) -> None:
    if not holds:
        raise UsageError(f"reading {option}", requirement, received)
