"""A disk that can lose its power: it does what it is told, and remembers what would be left of it."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from pathlib import Path

from certrnn.runs.disk import Disk


class PowerCut(Exception):
    """The machine stops here."""


@dataclass
class Platter:
    """What is safe: the content of each file at its last sync, and the names at the folder's last sync."""

    cut: int
    calls: int = 0
    content: dict[int, bytes] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    now: dict[str, int] = field(default_factory=dict)
    handles: dict[int, Path] = field(default_factory=dict)
    files: int = 0


@dataclass(frozen=True)
class CutDisk(Disk):
    """Stops before call number ``platter.cut``, counted from 0."""

    platter: Platter = field(default_factory=lambda: Platter(-1))

    def step(self) -> None:
        if self.platter.calls == self.platter.cut:
            raise PowerCut
        self.platter.calls += 1

    def open(self, path: Path) -> int:
        self.step()
        if path.name not in self.platter.now:
            self.platter.files += 1
            self.platter.now[path.name] = self.platter.files
        handle = super().open(path)
        self.platter.handles[handle] = path
        return handle

    def write(self, handle: int, content: bytes) -> None:
        self.step()
        super().write(handle, content)

    def sync(self, handle: int) -> None:
        self.step()
        path = self.platter.handles[handle]
        self.platter.content[self.platter.now[path.name]] = path.read_bytes()

    def rename(self, source: Path, target: Path) -> None:
        self.step()
        super().rename(source, target)
        self.platter.now[target.name] = self.platter.now.pop(source.name)

    def unlink(self, path: Path) -> None:
        self.step()
        super().unlink(path)
        del self.platter.now[path.name]

    def sync_folder(self, path: Path) -> None:
        self.step()
        self.platter.names = dict(self.platter.now)

    def left(self, folder: Path, into: Path, chance: random.Random) -> None:
        """Write into ``into`` what a restart could find of ``folder``: what is safe, and by chance some of the rest."""
        into.mkdir()
        names = chance.choice([self.platter.names, self.platter.now])
        for name, file in names.items():
            safe = self.platter.content.get(file, b"")
            current = {number: own for own, number in self.platter.now.items()}.get(file)
            volatile = (folder / current).read_bytes() if current is not None else safe
            rest = volatile[len(safe) :] if volatile.startswith(safe) else b""
            kept = chance.choice([0, len(rest), chance.randint(0, len(rest))])
            (into / name).write_bytes(safe + rest[:kept])


@dataclass(frozen=True)
class NeverSyncs(CutDisk):
    """Planted: believes that what is written is safe."""

    def sync(self, handle: int) -> None:
        return None


@dataclass(frozen=True)
class NeverSyncsFolders(CutDisk):
    """Planted: a new file's name is not made safe."""

    def sync_folder(self, path: Path) -> None:
        return None


@dataclass(frozen=True)
class WritesInPlace(CutDisk):
    """Planted: no draft and no rename."""

    def replace(self, path: Path, content: bytes) -> None:
        if path.exists():
            os.truncate(path, 0)
        self.append(path, content)


@dataclass(frozen=True)
class DeletesFirst(CutDisk):
    """Planted: the old file goes before the new one is there."""

    def replace(self, path: Path, content: bytes) -> None:
        journal = path.with_name("journal")
        if path.name == "rows.parquet" and journal.exists():
            self.unlink(journal)
            self.sync_folder(path.parent)
        super().replace(path, content)
