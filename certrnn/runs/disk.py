"""The few calls with which a run folder is written, all in one place: a test can cut the power between any two."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

UNFINISHED = ".unfinished"
"""Ending of a file that is still being written; one that is found later may be deleted."""


@dataclass(frozen=True)
class Disk:
    """Durable writes. What :meth:`append` and :meth:`replace` return from is on the disk, whole."""

    def append(self, path: Path, content: bytes) -> None:
        """Add to a file, and make one where there is none."""
        fresh = not path.exists()
        handle = self.open(path)
        try:
            self.write(handle, content)
            self.sync(handle)
        finally:
            os.close(handle)
        if fresh:
            self.sync_folder(path.parent)

    def replace(self, path: Path, content: bytes) -> None:
        """A file that holds either what it held before, or ``content``."""
        draft = path.with_name(path.name + UNFINISHED)
        if draft.exists():
            self.unlink(draft)
        self.append(draft, content)
        self.rename(draft, path)
        self.sync_folder(path.parent)

    def remove(self, path: Path) -> None:
        """Delete a file."""
        self.unlink(path)
        self.sync_folder(path.parent)

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file to its first ``size`` bytes."""
        handle = self.open(path)
        try:
            os.ftruncate(handle, size)
            self.sync(handle)
        finally:
            os.close(handle)

    # ---- the calls themselves

    def open(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

    def write(self, handle: int, content: bytes) -> None:
        while content:
            content = content[os.write(handle, content) :]

    def sync(self, handle: int) -> None:
        os.fsync(handle)

    def rename(self, source: Path, target: Path) -> None:
        os.replace(source, target)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def sync_folder(self, path: Path) -> None:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
