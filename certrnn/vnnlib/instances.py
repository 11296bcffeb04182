"""A list of instances as VNN-COMP writes it, and the table of its answers."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from certrnn.io.data.read import file_content
from certrnn.io.data.samples import Origin, shown

MAX_INSTANCES = 1_000_000
"""Most lines of a list."""


@dataclass(frozen=True)
class Instance:
    """One line: a model, a query, and the seconds that its answer may take. Paths are as the list has them; ``folder``
    is where they begin."""

    model: str
    query: str
    timeout: float
    folder: Path

    @property
    def paths(self) -> tuple[str, str]:
        """Where model and query lie; of names that end in .gz where only those are there."""
        return self._there(self.folder / self.model), self._there(self.folder / self.query)

    @staticmethod
    def _there(path: Path) -> str:
        packed = path.with_name(f"{path.name}.gz")
        return str(packed if not path.exists() and packed.exists() else path)


@dataclass(frozen=True)
class Decided:
    """What came of an instance: the standard's verdict, or ``error`` with a reason."""

    model: str
    query: str
    timeout: float
    result: str
    seconds: float
    reason: str = ""


def read_instances(path: str) -> list[Instance]:
    """The lines ``MODEL,QUERY,SECONDS`` of a list, as VNN-COMP's ``instances.csv``.

    Raises:
        InvalidInput: the file is missing, empty or holds something else.
    """
    origin = Origin(Path(path))
    try:
        text = file_content(origin.path, origin).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise origin.invalid("the list is text in UTF-8", "bytes that are none") from None
    rows = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    if not 0 < len(rows) <= MAX_INSTANCES:
        raise origin.invalid(f"there are 1 to {MAX_INSTANCES} instances", len(rows))
    return [_instance(row, number, origin) for number, row in enumerate(rows, start=1)]


def _instance(row: Sequence[str], number: int, origin: Origin) -> Instance:
    cells = [cell.strip() for cell in row]
    try:
        seconds = float(cells[2])
    except (IndexError, ValueError):
        seconds = math.nan
    if len(cells) != 3 or not (cells[0] and cells[1] and 0 < seconds < math.inf):
        raise origin.invalid(f"line {number} is MODEL,QUERY,SECONDS", shown(",".join(row)))
    return Instance(cells[0], cells[1], seconds, origin.path.parent)


HEAD = ",".join(field.name for field in fields(Decided))
"""The first line of a table of answers."""


def line(done: Decided) -> str:
    """One line of the table.

    >>> line(Decided("a.onnx", "b.vnnlib", 60.0, "unsat", 1.25)).strip()
    'a.onnx,b.vnnlib,60.0,unsat,1.250,'
    """
    text = io.StringIO()
    cells = [
        f"{v:.3f}" if f.name == "seconds" else v for f, v in zip(fields(done), astuple(done), strict=True)
    ]
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def exit_code(done: Sequence[Decided]) -> int:
    """3 where an instance ended in an error, 4 where one is left undecided, else 0."""
    results = {one.result for one in done}
    if "error" in results:
        return 3
    return 0 if results <= {"sat", "unsat"} else 4
