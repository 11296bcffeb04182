"""One run folder from several: shards that were carried out apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from certrnn.errors import InvalidInput, UsageError
from certrnn.results.record import Record
from certrnn.runs.journal import Entry
from certrnn.runs.plan import Plan
from certrnn.runs.store import kept, read_entries, read_plan, read_results, writing


def merge(folders: Sequence[Path], into: Path) -> Any:
    """Bring the rows of several runs of one question together; what is missing can be resumed in ``into``.

    Raises:
        UsageError: the folders hold different questions, or ``into`` is one of them or holds something else.
        InvalidInput: one folder contradicts another.
    """
    plans = [read_plan(folder) for folder in folders]
    whole = _whole(plans[0])
    for folder, plan in zip(folders, plans, strict=True):
        difference = whole.differs(_whole(plan))
        if difference is not None:
            raise UsageError(f"merging {folder}", f"it has the same {difference} as {folders[0]}", "another")
        if folder.resolve() == into.resolve():
            raise UsageError("reading --into", "it is a folder of its own", repr(str(into)))
    entries: list[Entry] = []
    for folder in folders:
        records = read_entries(folder)
        _agree(folder, kept(entries), records)
        entries += records.items()
    with writing(into, whole) as store:
        merged = kept([*store.finished.items(), *entries])
        fresh = [(key, row) for key, row in merged.items() if store.finished.get(key) != row]
        if fresh:
            store.record([fresh])
        if len(merged) == whole.rows and not store.complete:
            store.compact()
    return read_results(into)


def _whole(plan: Plan) -> Plan:
    """The plan of all shards together."""
    command = plan.command if plan.command is None else {**plan.command, "shard": None}
    return replace(plan, shard=None, command=command)


def _agree(folder: Path, known: dict[str, Record], records: dict[str, Record]) -> None:
    for key in known.keys() & records.keys():
        for one, other in ((known[key], records[key]), (records[key], known[key])):
            contradiction = one.contradicts(other)
            if contradiction:
                raise InvalidInput(
                    f"merging {folder}",
                    "no folder has a counterexample where another has a proof",
                    contradiction,
                    "Believe neither, and report it.",
                )
