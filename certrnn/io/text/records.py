"""Tables of texts: csv, and records in JSON, as columns by their name."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from certrnn.io.data.samples import Origin, shown
from certrnn.io.data.tables import json_object

_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Columns:
    """A table, its names in lower case; None stands where a record says nothing.

    Args:
        where: what names the columns, for errors.
        remedy: what to do where no column holds texts.
    """

    columns: dict[str, list[Any]]
    where: str
    remedy: str = ""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def requires(self, keys: Sequence[str]) -> str:
        """What a table without a column of texts lacks."""
        return f"{self.where} {', '.join(keys[:-1])} or {keys[-1]}"


def table(text: str, delimiter: str, keys: Sequence[str], origin: Origin) -> Columns:
    """A csv with a header, its cells between ``delimiter`` or the one with which the header names a column of texts.

    Raises:
        InvalidInput: the csv is malformed, or names a column twice.
    """
    first = None
    for mark in dict.fromkeys((delimiter, ",", ";", "\t")):
        header = _header(text, mark)
        if first is None:
            first = header
        if set(header) & set(keys):
            return _columns(text, mark, header, origin)
    where = "the first line names a column"
    return Columns({name: [] for name in first or []}, where, "Add a header such as text,label.")


def _header(text: str, delimiter: str) -> list[str]:
    try:
        row = next((row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row), [])
    except csv.Error:
        return []
    return [cell.strip().lower() for cell in row]


def _columns(text: str, delimiter: str, header: list[str], origin: Origin) -> Columns:
    try:
        stream = io.StringIO(text, newline="")
        rows = [row for row in csv.reader(stream, delimiter=delimiter, strict=True) if row][1:]
    except csv.Error as error:
        raise origin.invalid("the csv text is well formed", shown(str(error))) from None
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise origin.invalid("a column is named once", f"{shown(twice)!r} twice")
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise origin.invalid(f"every row has {len(header)} cells", f"{len(row)} in row {line}")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(header)}
    return Columns(columns, "the first line names a column")


def json_records(text: str, name: str, origin: Origin) -> Columns | list[str] | None:
    """Records of a JSON file: a list of objects or of texts, lists by name, or an object a line; None where the file is
    lines of text, of which some begin like JSON.

    Raises:
        InvalidInput: a file that is named JSON, or begins like it, is something else.
    """
    named = name.endswith((".json", *_LINES))
    start = text.lstrip()[:1]
    if not named and start not in ("{", "["):
        return None
    if start == "{" and name.endswith(_LINES):
        return _records([_object(row, line, origin) for line, row in _rows(text)], origin)
    try:
        whole = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        if start == "{" and (not name.endswith(".txt") or _every_line(text)):
            return _records([_object(row, line, origin) for line, row in _rows(text)], origin)
        if not named:
            return None
        raise origin.invalid("the file is JSON, or a JSON object a line", shown(str(error), 100)) from None
    records = _whole(whole, origin)
    if records is None and named:
        requirement = "the file is a list of objects with a text, or of texts"
        raise origin.invalid(requirement, shown(whole, 100))
    return records


def _whole(whole: Any, origin: Origin) -> Columns | list[str] | None:
    if isinstance(whole, dict):
        lists = [value for value in whole.values() if isinstance(value, list)]
        if lists and len(lists) == len(whole):
            return _by_name(_lowered(whole, "the object", origin), origin)
        return _records([_lowered(whole, "the object", origin)], origin)
    if not isinstance(whole, list) or not whole:
        return None
    if all(isinstance(one, str) for one in whole):
        return whole
    if not all(isinstance(one, dict) for one in whole):
        return None
    return _records([_lowered(one, f"record {n}", origin) for n, one in enumerate(whole)], origin)


def _rows(text: str) -> list[tuple[int, str]]:
    return [(line, row) for line, row in enumerate(text.split("\n"), start=1) if row.strip()]


def _every_line(text: str) -> bool:
    """True where every line is a JSON object, which lines of text never are."""
    try:
        return all(isinstance(json.loads(row), dict) for _, row in _rows(text))
    except (ValueError, RecursionError):
        return False


def _object(row: str, line: int, origin: Origin) -> dict[str, Any]:
    return _lowered(json_object(row, line, origin), f"line {line}", origin)


def _lowered(entry: dict[str, Any], where: str, origin: Origin) -> dict[str, Any]:
    lowered = {key.lower(): value for key, value in entry.items()}
    if len(lowered) < len(entry):
        raise origin.invalid(f"{where} has each key once, in whatever case", shown(sorted(entry), 100))
    return lowered


def _by_name(lists: dict[str, list[Any]], origin: Origin) -> Columns:
    sizes = {name: len(values) for name, values in lists.items()}
    if len(set(sizes.values())) > 1:
        raise origin.invalid("lists of one length stand beside each other", shown(sizes, 100))
    return Columns(lists, "the object has a list of texts under")


def _records(entries: list[dict[str, Any]], origin: Origin) -> Columns:
    names = dict.fromkeys(name for entry in entries for name in entry)
    columns = {name: [entry.get(name) for entry in entries] for name in names}
    remedy = "Save a list of such records, such as by to_json(orient='records')."
    return Columns(columns, "every record has a text under", remedy)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no finite number")
