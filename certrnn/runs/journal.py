"""What a run has finished, a line a task, each with its own digest: whatever half a line a crash leaves is seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from certrnn.encode import as_text, from_text
from certrnn.errors import InvalidInput
from certrnn.results.record import Record
from certrnn.runs.disk import Disk

Entry = tuple[str, Record]
"""A key and the row that answers it."""

_DIGITS = 32


@dataclass(frozen=True)
class Reading:
    """What a journal holds.

    Args:
        entries: of every whole line, in the order they were written; a key may come twice.
        size: bytes up to the end of the last line; what follows was torn by a crash.
        damaged: number of lines whose digest is wrong. Their tasks count as not done.
    """

    entries: tuple[Entry, ...] = ()
    size: int = 0
    damaged: int = 0


def line(entries: Sequence[Entry]) -> bytes:
    """One line: a digest, then the entries in JSON, which has no line breaks of its own."""
    text = json.dumps([[key, as_text(row)] for key, row in entries], allow_nan=False, separators=(",", ":"))
    content = text.encode("ascii")
    return _digest(content) + b" " + content + b"\n"


def parse(content: bytes) -> Reading:
    """Read what is whole, and nothing else.

    >>> parse(line([])[:-1]), parse(line([]) + b"half a li")
    (Reading(entries=(), size=0, damaged=0), Reading(entries=(), size=36, damaged=0))
    """
    size = content.rfind(b"\n") + 1
    entries: list[Entry] = []
    damaged = 0
    for part in content[:size].split(b"\n")[:-1]:
        checksum, text = part[:_DIGITS], part[_DIGITS + 1 :]
        if checksum != _digest(text):
            damaged += 1
            continue
        entries += [(key, _row(row)) for key, row in json.loads(text)]
    return Reading(tuple(entries), size, damaged)


def read(path: Path) -> Reading:
    """The journal of a run that may be going on."""
    return parse(path.read_bytes()) if path.exists() else Reading()


@dataclass(frozen=True)
class Journal:
    """The one writer of a journal.

    Args:
        path: the file; it need not be there yet.
        disk: how it is written.
    """

    path: Path
    disk: Disk = field(default_factory=Disk)

    def recover(self) -> Reading:
        """What is finished; cuts off a torn line, so that the next one is not glued to it."""
        reading = read(self.path)
        if self.path.exists() and self.path.stat().st_size > reading.size:
            self.disk.truncate(self.path, reading.size)
        return reading

    def append(self, tasks: Sequence[Sequence[Entry]]) -> None:
        """A line a task; once this returns, none of them is ever lost."""
        self.disk.append(self.path, b"".join(line(entries) for entries in tasks))


def _row(document: Any) -> Record:
    row = from_text(document)
    if not isinstance(row, Record):
        remedy = "Use the version that wrote it."
        raise InvalidInput("reading a journal", "its rows are those of a run", type(row).__name__, remedy)
    return row


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGITS // 2).hexdigest().encode("ascii")
