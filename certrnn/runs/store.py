"""A run folder: the plan, the journal of what is finished, and in the end the rows as Parquet.

==============  ==========================================================================================
``plan.json``   what the run is about, written whole before anything else
``journal``     a line a finished task; there while the run goes on
``rows.parquet``  every row, written whole once all are finished; the journal goes then
``lock``        held by the one process that writes
==============  ==========================================================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from certrnn.encode import as_text, from_text
from certrnn.errors import InvalidInput, UsageError
from certrnn.results.record import Record
from certrnn.runs import parquet
from certrnn.runs.disk import UNFINISHED, Disk
from certrnn.runs.journal import Entry, Journal
from certrnn.runs.journal import read as read_journal
from certrnn.runs.lock import locked
from certrnn.runs.plan import Plan

PLAN, JOURNAL, ROWS, LOCK = "plan.json", "journal", "rows.parquet", "lock"
FORMAT = 2


class Keeping(Protocol):
    """What keeps the rows of a run."""

    @property
    def plan(self) -> Plan:
        """What the run is about."""
        ...

    @property
    def finished(self) -> Mapping[str, Record]:
        """What was finished before, by key."""
        ...

    def record(self, tasks: Sequence[Sequence[Entry]]) -> None:
        """Keep the rows of finished tasks."""
        ...

    def finish(self) -> None:
        """Told once nothing is left to answer."""
        ...


@dataclass(frozen=True)
class Memory:
    """Keeps nothing: the rows are those that were handed out.

    Args:
        plan: what the run is about.
    """

    plan: Plan
    finished: Mapping[str, Record] = field(default_factory=dict)

    def record(self, tasks: Sequence[Sequence[Entry]]) -> None:
        """Nothing to do."""

    def finish(self) -> None:
        """Nothing to do."""


@dataclass(frozen=True)
class Store:
    """The one writer of a run folder; made by :func:`writing`.

    Args:
        folder: where it lies.
        plan: what the run is about.
        finished: what was finished when the folder was opened, by key.
        disk: how it is written.
    """

    folder: Path
    plan: Plan
    finished: dict[str, Record]
    disk: Disk = field(default_factory=Disk)

    @property
    def complete(self) -> bool:
        """Whether the run has ended."""
        return (self.folder / ROWS).exists() and not (self.folder / JOURNAL).exists()

    def record(self, tasks: Sequence[Sequence[Entry]]) -> None:
        """Keep the rows of finished tasks; once this returns, none of them is ever lost.

        Raises:
            InvalidInput: the disk does not take them; those of earlier calls are kept.
        """
        try:
            Journal(self.folder / JOURNAL, self.disk).append(tasks)
        except OSError as error:
            raise InvalidInput(
                f"writing the run {self.folder}",
                "the disk takes what is finished",
                error.strerror or type(error).__name__,
                "Make room and resume the run: what was finished before is kept.",
            ) from None

    def finish(self) -> None:
        """Compact what is not compacted yet."""
        if not self.complete:
            self.compact()

    def compact(self) -> None:
        """All rows into one Parquet file, in order. A crash in between leaves both files, which say the same."""
        rows = sorted(kept(_entries(self.folder)).items(), key=lambda entry: entry[1].place)
        about = {
            "sha256": self.plan.subject.sha256,
            "engine": self.plan.engine,
            "semantics": self.plan.semantics,
        }
        self.disk.replace(self.folder / ROWS, parquet.written(rows, self.plan.job.record, about))
        if (self.folder / JOURNAL).exists():
            self.disk.remove(self.folder / JOURNAL)


@contextmanager
def writing(folder: Path, plan: Plan, disk: Disk | None = None) -> Iterator[Store]:
    """Begin a run in a folder, or take up the same one again where it stopped.

    Raises:
        UsageError: the folder holds another run or something else, or another process writes it.
    """
    disk = disk or Disk()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            "reading --run", f"the folder can be made ({error.strerror})", repr(str(folder))
        ) from None
    if not (folder / PLAN).exists():
        _empty(folder)
    with locked(folder / LOCK):
        if (folder / PLAN).exists():
            _same(folder, read_plan(folder), plan)
        else:
            _empty(folder)
            text = json.dumps({"format": FORMAT, "plan": as_text(plan)}, indent=1, allow_nan=False) + "\n"
            disk.replace(folder / PLAN, text.encode())
        for draft in folder.glob("*" + UNFINISHED):
            disk.unlink(draft)
        Journal(folder / JOURNAL, disk).recover()
        yield Store(folder, plan, kept(_entries(folder)), disk)


def kept(entries: Iterable[Entry]) -> dict[str, Record]:
    """A row a key: whatever was answered counts more than a failure to answer, and the first more than a later one."""
    records: dict[str, Record] = {}
    for key, row in entries:
        if key not in records or (records[key].failed and not row.failed):
            records[key] = row
    return records


def parts(folder: Path) -> list[str]:
    """The runs in a folder: itself, or of a command about several models a folder each, by its place from 1."""
    if (folder / PLAN).exists() or not (folder / "1" / PLAN).exists():
        return [""]
    numbers = sorted(int(one.parent.name) for one in folder.glob(f"*/{PLAN}") if one.parent.name.isdecimal())
    return [str(number) for number in numbers]


def missing(folder: Path) -> int:
    """How many rows of a run, all shards together, are still to come."""
    return max(read_plan(folder).rows - len(read_entries(folder)), 0)


def read_plan(folder: Path) -> Plan:
    """The plan of a run folder.

    Raises:
        UsageError: the folder holds no run.
        InvalidInput: its plan is damaged, or was written by another version.
    """
    path = folder / PLAN
    if not path.is_file():
        raise UsageError("reading a run", f"the folder holds a {PLAN}", repr(str(folder)))
    try:
        document = json.loads(path.read_text("utf-8"))
        written, content = document["format"], document["plan"]
    except (ValueError, KeyError, TypeError):
        raise InvalidInput(f"reading {path}", "the plan is a whole JSON document", "a damaged one") from None
    if written != FORMAT:
        raise InvalidInput(f"reading {path}", f"its format is {FORMAT}", written)
    plan = from_text(content)
    if not isinstance(plan, Plan):
        raise InvalidInput(f"reading {path}", "it holds a plan", type(plan).__name__)
    return plan


def read_entries(folder: Path) -> dict[str, Record]:
    """The rows of a run by their keys, of a run that goes on as well."""
    return kept(_entries(folder))


def read_results(folder: Path) -> Any:
    """The results of a run folder, as far as it is: of the kind that its command gives.

    Raises:
        UsageError, InvalidInput: the folder holds no run, or a damaged one.
    """
    plan, rows = read_plan(folder), read_entries(folder).values()
    part = "" if plan.shard is None else f"shard {plan.shard[0]}/{plan.shard[1]}"
    results = plan.job.collected(plan.subject, plan.query, rows, plan.expected, part)
    return replace(results, folder=str(folder))


def _entries(folder: Path) -> list[Entry]:
    compacted = list(parquet.read(folder / ROWS)) if (folder / ROWS).exists() else []
    return [*compacted, *read_journal(folder / JOURNAL).entries]


def _same(folder: Path, held: Plan, plan: Plan) -> None:
    difference = held.differs(plan)
    if difference is not None:
        raise UsageError(
            f"taking up the run {folder}",
            f"the folder's run has the same {difference}",
            "another",
            "Choose another folder for another question; a run is not mixed from two engines.",
        )


def _empty(folder: Path) -> None:
    others = sorted(p.name for p in folder.iterdir() if p.name != LOCK and not p.name.endswith(UNFINISHED))
    if others:
        raise UsageError(f"beginning a run in {folder}", "the folder is empty", f"{others[0]!r} in it")
