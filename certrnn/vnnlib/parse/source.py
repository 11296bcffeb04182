"""A query file as text: its limits, and errors that name line and column."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from certrnn.errors import InvalidInput, Unsupported
from certrnn.io.data.read import file_content
from certrnn.io.data.samples import Origin, shown

MAX_BYTES = 1 << 28
"""Largest query, unpacked."""


@dataclass(frozen=True)
class Source(Origin):
    """Text of a query. ``path`` names it in messages."""

    text: str = ""

    @staticmethod
    def of(path: str | os.PathLike[str]) -> Source:
        """The text of a file, unpacked where gzipped.

        Raises:
            InvalidInput: the file is missing, damaged, too large or no text.
        """
        empty = Source(Path(path))
        content = file_content(empty.path, empty)
        if len(content) > MAX_BYTES:
            raise empty.invalid(f"a query has at most {MAX_BYTES} bytes", len(content), "Split it.")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise empty.invalid("a query is text in UTF-8", f"no text from byte {error.start}") from None
        return Source(empty.path, text)

    def invalid(self, requirement: str, received: object, remedy: str = "") -> InvalidInput:
        return InvalidInput(
            f"reading query {shown(str(self.path), 200)}", requirement, shown(received, 120), remedy
        )

    def broken(self, offset: int, requirement: str, received: object, remedy: str = "") -> InvalidInput:
        """What the language does not allow at that character."""
        return InvalidInput(self._where(offset), requirement, shown(received, 120), remedy)

    def unsupported(self, offset: int, requirement: str, received: object, remedy: str = "") -> Unsupported:
        """What the language allows, and certrnn does not do."""
        return Unsupported(self._where(offset), requirement, shown(received, 120), remedy)

    def _where(self, offset: int) -> str:
        line = self.text.count("\n", 0, offset) + 1
        column = offset - (self.text.rfind("\n", 0, offset) + 1) + 1
        return f"reading query {shown(self.path.name, 120)}, line {line}, column {column}"
