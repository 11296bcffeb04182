"""Where results go: a table or one JSON document on stdout, and a file where one is asked for."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from certrnn.errors import UsageError
from certrnn.report.results import Results

PLAIN_WIDTH = 160
"""Columns of a table that goes to a file or a pipe, unless COLUMNS says otherwise."""


@dataclass(frozen=True)
class Output:
    """Where the results of a run go.

    Parameters
    ----------
    json: print the JSON document instead of the table.
    file: also write the JSON document here, whole or not at all; None for nowhere.

    Raises
    ------
    UsageError: the file cannot be written; found out before any work is done.
    """

    json: bool
    file: str | None

    def __post_init__(self) -> None:
        if self.file is None:
            return
        path = Path(self.file)
        if not self.file or path.is_dir() or (path.exists() and not path.is_file()):
            raise self._unwritable("the path names a file")
        try:
            with tempfile.TemporaryFile(dir=path.parent):
                pass
            if path.exists() and not os.access(path, os.W_OK):
                raise PermissionError("the file is write-protected")
        except (OSError, ValueError) as error:
            raise self._unwritable(getattr(error, "strerror", None) or str(error)) from None

    def _unwritable(self, reason: str) -> UsageError:
        return UsageError("reading --out", f"the file can be written ({reason})", repr(self.file))

    def write(self, results: Results) -> None:
        """Write the file, then print."""
        if self.file is not None:
            _replace(Path(self.file), results.to_json())
        if self.json:
            print_text(results.to_json())
        else:
            print_table(results)


def print_text(text: str) -> None:
    """Print to stdout; a reader who left (a broken pipe) is no error: the work is done."""
    try:
        print(text, end="", flush=True)
    except BrokenPipeError:
        _silence()


def print_table(results: Results) -> None:
    """Print table and summary, in colour on a terminal."""
    from rich.console import Console

    from certrnn.report.table import show

    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal() else PLAIN_WIDTH
    console = Console(width=width, highlight=False)
    try:
        show(results, console)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # rich turns a broken pipe into an exit
        _silence()


def _silence() -> None:
    """Let the interpreter's last flush go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
