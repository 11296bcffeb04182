"""How far a run is, on stderr: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress


class Progress(ABC):
    """Told about steps and rows while a run goes on; used as a context."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @abstractmethod
    def bounded(self, regions: int) -> None:
        """So many more regions have been bounded."""

    @abstractmethod
    def finished(self, rows: int) -> None:
        """So many more rows are finished."""


class Bar(Progress):
    """A bar that leaves no trace once it is done."""

    def __init__(self, total: int, doing: str = "certifying") -> None:
        columns = (
            TextColumn(doing),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("rows{task.fields[done]}"),
            TimeElapsedColumn(),
        )
        self._bar = RichProgress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("", total=total, done="")
        self._regions = 0

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def bounded(self, regions: int) -> None:
        self._regions += regions
        self._bar.update(self._task, done=f", {self._regions} regions bounded")

    def finished(self, rows: int) -> None:
        self._bar.advance(self._task, rows)


class Lines(Progress):
    """One line every ``every`` seconds; a short run prints nothing."""

    def __init__(self, total: int, doing: str = "certifying", every: float = 10.0) -> None:
        self._total, self._doing, self._every = total, doing, every
        self._rows = self._regions = 0
        self._start = self._last = time.monotonic()

    def bounded(self, regions: int) -> None:
        self._regions += regions
        self._say()

    def finished(self, rows: int) -> None:
        self._rows += rows
        self._say()

    def _say(self) -> None:
        now = time.monotonic()
        if now - self._last >= self._every:
            self._last = now
            bounded = f", {self._regions} regions bounded" if self._regions else ""
            done = f"{self._rows} of {self._total} rows{bounded}, {now - self._start:.0f} s"
            print(f"{self._doing}: {done}", file=sys.stderr, flush=True)


def progress(total: int, doing: str = "certifying") -> Progress:
    """A bar where stderr is a terminal, else lines; ``doing`` is what they say is being done."""
    return Bar(total, doing) if sys.stderr.isatty() else Lines(total, doing)
