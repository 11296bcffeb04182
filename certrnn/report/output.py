"""Where results go: a table or one JSON document on stdout, and a file where one is asked for."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from certrnn.errors import UsageError
from certrnn.results.certificates import Results

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_WIDTH = 160
"""Columns of a table that goes to a file or a pipe, unless COLUMNS says otherwise."""


@dataclass(frozen=True)
class Output:
    """Where the results of a run go.

    Args:
        json: print the JSON document instead of the table.
        file: also write the JSON document here, whole or not at all, or the rows where the name ends in .csv or .tex;
            None for nowhere.

    Raises:
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
            kinds = {".csv": results.to_csv, ".tex": results.to_latex}
            spelled = kinds.get(Path(self.file).suffix.lower(), results.to_json)
            write_file(self.file, spelled().encode("utf-8"))
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
    from certrnn.report.table import show

    print_rich(lambda console: show(results, console))


def print_rich(show: Callable[[Console], None]) -> None:
    """Print what ``show`` prints on a console; plain where stdout is no terminal or NO_COLOR is set."""
    from rich.console import Console

    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal() else PLAIN_WIDTH
    console = Console(width=width, highlight=False)
    try:
        show(console)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # rich turns a broken pipe into an exit
        _silence()


def _silence() -> None:
    """Let the interpreter's last flush go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def write_file(name: str, content: bytes) -> None:
    """Write a file whole or not at all."""
    path = Path(name)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(draft, 0o666 & ~umask)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
