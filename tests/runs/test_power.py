"""The power goes at any call to the disk: what was finished is there, once, and the run comes to the same end."""

from __future__ import annotations

import errno
import functools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from pyarrow import parquet

from certrnn.errors import InvalidInput
from certrnn.results.row import Row
from certrnn.runs import journal, store
from certrnn.runs.disk import Disk
from certrnn.runs.journal import Entry, Reading
from certrnn.runs.plan import Plan, Task
from certrnn.runs.store import Store, read_entries, writing
from tests.runs.light import QUERY, light, plan_of
from tests.runs.power import (
    CutDisk,
    DeletesFirst,
    NeverSyncs,
    NeverSyncsFolders,
    Platter,
    PowerCut,
    WritesInPlace,
)

FAILURES = (Exception,)


@functools.cache
def question() -> tuple[Plan, list[Task], dict[str, Row]]:
    """A plan, its tasks, and an answer to every question, made up: the store does not care."""
    model, sequences = light(2)
    plan = plan_of(model, sequences)
    tasks = plan.tasks(model.job(sequences, QUERY))[:5]
    rows = {
        key: Row(
            sequences.numbers[p],
            task.part.name,
            0,
            0,
            "certified",
            task.part.eps,
            0.5,
            None,
            None,
            0.1,
            "made",
            0.0,
        )
        for task in tasks
        for p, key in zip(task.positions, task.keys, strict=True)
    }
    return plan, tasks, rows


def work(folder: Path, disk: Disk | None) -> Iterator[list[str]]:
    """Carry out the run; hands out the keys of a batch once they are recorded."""
    plan, tasks, rows = question()
    with writing(folder, plan, disk) as store:
        left = [task for task in tasks if not set(task.keys) <= store.finished.keys()]
        for start in range(0, len(left), 2):
            batch: list[list[Entry]] = [[(k, rows[k]) for k in task.keys] for task in left[start : start + 2]]
            store.record(batch)
            yield [key for entries in batch for key, _ in entries]
        if not store.complete:
            store.compact()


def violations(place: Path, kind: type[CutDisk], seed: int) -> list[str]:
    """Cut the power before every call, restart on what is left, cut again at a random call, restart, and end."""
    _, _, rows = question()
    chance = random.Random(seed)
    found: list[str] = []
    cut = 0
    while True:
        folder, recorded = place / f"{cut}", set()
        whole = True
        for stage in range(3):
            disk = kind(Platter(-1 if stage == 2 else cut if stage == 0 else chance.randint(0, 12)))
            disk.platter.now.update({p.name: -n for n, p in enumerate(sorted(folder.glob("*")), 1)})
            disk.platter.names.update(disk.platter.now)
            disk.platter.content.update(
                {n: (folder / name).read_bytes() for name, n in disk.platter.now.items()}
            )
            try:
                for keys in work(folder, disk):
                    recorded |= set(keys)
                break
            except PowerCut:
                whole = whole and stage > 0
                after = place / f"{cut}-{stage}"
                disk.left(folder, after, chance)
                folder = after
            except FAILURES as error:
                return [*found, f"cut {cut}: {type(error).__name__}: {error}"]
            try:
                held = read_entries(folder)
            except FAILURES as error:
                return [*found, f"cut {cut}: reading: {type(error).__name__}: {error}"]
            if recorded - held.keys():
                found.append(f"cut {cut}: lost")
            if any(rows.get(key) != row for key, row in held.items()):
                found.append(f"cut {cut}: not what was recorded")
        found += ended(folder, rows, cut)
        if whole:
            return found
        cut += 1


def ended(folder: Path, rows: dict[str, Row], cut: int) -> list[str]:
    """What is wrong with a run that has ended."""
    try:
        keys = parquet.read_table(folder / "rows.parquet").column("key").to_pylist()
    except FAILURES as error:
        return [f"cut {cut}: no table: {error}"]
    wrong = [f"cut {cut}: twice"] if len(keys) != len(set(keys)) else []
    return wrong if read_entries(folder) == rows else [*wrong, f"cut {cut}: another table"]


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_or_doubled_wherever_the_power_goes(tmp_path: Path, seed: int) -> None:
    assert violations(tmp_path, CutDisk, seed) == []


def test_the_power_does_go_at_every_call(tmp_path: Path) -> None:
    violations(tmp_path, CutDisk, 0)
    cuts = {int(p.name.split("-")[0]) for p in tmp_path.iterdir()}
    assert cuts == set(range(len(cuts)))
    assert len(cuts) > 20


@pytest.mark.parametrize("kind", [NeverSyncs, NeverSyncsFolders, WritesInPlace, DeletesFirst])
def test_a_careless_disk_is_caught(tmp_path: Path, kind: type[CutDisk]) -> None:
    assert any(violations(tmp_path / f"{seed}", kind, seed) for seed in range(4) if not _made(tmp_path, seed))


def _made(place: Path, seed: int) -> None:
    (place / f"{seed}").mkdir()


def trusting(content: bytes) -> Reading:
    """Planted: a torn line is taken as far as it goes, and nothing is checked."""
    entries: list[Entry] = []
    for line in content.split(b"\n"):
        try:
            entries += [(key, Row(**row)) for key, row in json.loads(line[33:])]
        except ValueError:
            continue
    return Reading(tuple(entries), len(content))


def unchecked_tail(content: bytes) -> Reading:
    """Planted: the torn tail stays, so that the next line is glued to it."""
    return replace(parse(content), size=len(content))


parse = journal.parse


@pytest.mark.parametrize("wrong", [trusting, unchecked_tail])
def test_a_journal_that_keeps_a_torn_tail_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: object
) -> None:
    monkeypatch.setattr(journal, "parse", wrong)
    for seed in range(4):
        _made(tmp_path, seed)
    assert any(violations(tmp_path / f"{seed}", CutDisk, seed) for seed in range(4))


def test_a_table_with_doubled_keys_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def doubling(self: Store) -> None:
        rows = store._entries(self.folder)
        self.disk.replace(self.folder / "rows.parquet", store.parquet.written(rows, Row, {}))
        if (self.folder / "journal").exists():
            self.disk.remove(self.folder / "journal")

    monkeypatch.setattr(Store, "compact", doubling)
    for seed in range(4):
        _made(tmp_path, seed)
    assert any("twice" in v for seed in range(4) for v in violations(tmp_path / f"{seed}", CutDisk, seed))


def test_a_line_whose_bytes_have_rotted_counts_as_not_done(tmp_path: Path) -> None:
    _, tasks, rows = question()
    lines = [journal.line([(k, rows[k]) for k in task.keys]) for task in tasks]
    for position in range(40, len(lines[0]) - 1, 37):
        rotten = bytearray(lines[0])
        rotten[position] ^= 1
        reading = journal.parse(bytes(rotten) + lines[1])
        assert [key for key, _ in reading.entries] == list(tasks[1].keys)
        assert reading.damaged >= 1


@dataclass(frozen=True)
class Full(Disk):
    """Takes half of the second journal line, and no more."""

    writes: list[bytes] = field(default_factory=list)

    def write(self, handle: int, content: bytes) -> None:
        self.writes.append(content)
        super().write(handle, content if len(self.writes) < 3 else content[: len(content) // 2])
        if len(self.writes) >= 3:
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_ends_the_run_with_a_line_and_it_goes_on_with_room(tmp_path: Path) -> None:
    folder, going_on = tmp_path / "run", work(tmp_path / "run", Full())
    recorded = next(going_on)
    with pytest.raises(InvalidInput, match="No space left"):
        next(going_on)
    assert set(read_entries(folder)) == set(recorded)
    for keys in work(folder, None):
        assert not set(keys) & set(recorded)
    assert ended(folder, question()[2], 0) == []
