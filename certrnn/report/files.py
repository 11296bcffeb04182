"""Files that a command was asked for: pictures and documents by the ending of their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from certrnn.errors import UsageError
from certrnn.report.output import Output, write_file
from certrnn.results.tabular import Tabular

Content = Callable[[str], bytes]
"""``content(kind)``: what a file of that kind holds."""


@dataclass(frozen=True)
class Files:
    """Where pictures and documents go.

    Args:
        names: one path each; the ending says what is written.
        kinds: the endings that are known, without the dot.

    Raises:
        UsageError: an unknown ending, or a file that cannot be written; found out before any work is done.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...] = ("png", "svg", "json", "csv", "tex")

    def __post_init__(self) -> None:
        for name in self.names:
            if _kind(name) not in self.kinds:
                listed = ", ".join(f".{kind}" for kind in self.kinds)
                raise UsageError("reading --out", f"the file's name ends in one of {listed}", repr(name))
            Output(json=False, file=name)

    @staticmethod
    def of(names: Sequence[str] | str | None) -> Files:
        """From a repeatable option, or one name."""
        return Files((names,) if isinstance(names, str) else tuple(names or ()))

    def write(self, content: Content) -> None:
        """Write every file, each whole or not at all."""
        for name in self.names:
            write_file(name, content(_kind(name)))


def exported(table: Tabular, kind: str) -> bytes | None:
    """A table as a file of ``kind`` csv or tex; None for others."""
    if kind not in ("csv", "tex"):
        return None
    return (table.to_csv() if kind == "csv" else table.to_latex()).encode("utf-8")


def _kind(name: str) -> str:
    return Path(name).suffix.lower().removeprefix(".")
