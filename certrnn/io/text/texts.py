"""Files of texts: one a line, csv, or one JSON object a line."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from certrnn.io.data.arrays import Y_KEYS
from certrnn.io.data.read import file_content
from certrnn.io.data.samples import Origin, shown
from certrnn.io.data.tables import json_object

TEXT_KEYS = ("text", "sentence", "review", "comment", "tweet", "content")
"""Names of the column, or key, that holds the texts; the first that is there counts."""


@dataclass(frozen=True)
class Texts:
    """Texts and their labels, or None where the file has none."""

    texts: tuple[str, ...]
    labels: tuple[int, ...] | None


def read_texts(path: str | os.PathLike[str]) -> Texts:
    """Texts of a txt, csv, tsv or jsonl file, also gzipped.

    The name tells csv and tsv from txt; a file that begins with ``{`` is jsonl.

    Raises
    ------
    InvalidInput: the file is missing, damaged, no UTF-8, or lacks a column of texts; a label is no whole number.
    """
    origin = Origin(Path(path))
    text = plain_text(origin)
    name = origin.path.name.lower().removesuffix(".gz")
    if text.lstrip().startswith("{") and not name.endswith((".txt", ".csv", ".tsv")):
        return _jsonl(text, origin)
    if name.endswith((".csv", ".tsv")):
        return _csv(text, "\t" if name.endswith(".tsv") else ",", origin)
    lines = text.split("\n")
    return Texts(tuple(line.strip() for line in (lines[:-1] if not lines[-1].strip() else lines)), None)


def plain_text(origin: Origin) -> str:
    """The content of a text file.

    Raises
    ------
    InvalidInput: it cannot be read, is empty, or is no UTF-8.
    """
    content = file_content(origin.path, origin)
    if not content.strip():
        raise origin.invalid("the file holds text", "an empty file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise origin.invalid("the file is text in UTF-8", f"other bytes from byte {error.start}") from None


def _csv(text: str, delimiter: str, origin: Origin) -> Texts:
    try:
        rows = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row
        ]
    except csv.Error as error:
        raise origin.invalid("the csv text is well formed", shown(str(error))) from None
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    column, label = _place(header, TEXT_KEYS), _place(header, Y_KEYS)
    if column is None:
        requirement = f"the first line names a column {', '.join(TEXT_KEYS[:-1])} or {TEXT_KEYS[-1]}"
        raise origin.invalid(requirement, shown(header, 100), "Add a header such as text,label.")
    body = rows[1:]
    for line, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise origin.invalid(f"every row has {len(header)} cells", f"{len(row)} in row {line}")
    labels = None if label is None else [row[label] for row in body]
    return _checked([row[column] for row in body], labels, origin)


def _jsonl(text: str, origin: Origin) -> Texts:
    found, labels = [], []
    for line, row in enumerate(text.split("\n"), start=1):
        if row.strip():
            entry = {key.lower(): value for key, value in json_object(row, line, origin).items()}
            keys = [key for key in TEXT_KEYS if isinstance(entry.get(key), str)]
            if not keys:
                requirement = f"line {line} has a text under one of {', '.join(TEXT_KEYS)}"
                raise origin.invalid(requirement, shown(sorted(entry), 100))
            found.append(entry[keys[0]])
            labels.append(next((entry[key] for key in Y_KEYS if key in entry), None))
    return _checked(found, None if all(label is None for label in labels) else labels, origin)


def _place(header: Sequence[str], keys: Sequence[str]) -> int | None:
    return next((header.index(key) for key in keys if key in header), None)


def _checked(texts: Sequence[str], labels: Sequence[Any] | None, origin: Origin) -> Texts:
    if not texts:
        raise origin.invalid("there is at least one text", "none")
    if labels is None:
        return Texts(tuple(texts), None)
    return Texts(tuple(texts), tuple(_label(value, number, origin) for number, value in enumerate(labels)))


def _label(value: Any, number: int, origin: Origin) -> int:
    try:
        real = np.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        real = np.nan
    if not (abs(real) < 2**31 and real == int(real) and real >= 0):
        raise origin.invalid("labels are the numbers of classes, from 0", f"{shown(value)} at text {number}")
    return int(real)
