"""Files of texts: one a line, csv, or records in JSON."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from certrnn.io.data.arrays import Y_KEYS
from certrnn.io.data.read import file_content
from certrnn.io.data.samples import Origin, shown
from certrnn.io.text.records import Columns, json_records, table

TEXT_KEYS = ("text", "sentence", "review", "comment", "tweet", "content")
"""Names of the column, or key, that holds the texts; the first that is there counts."""

LABEL_KEYS = (*Y_KEYS, "sentiment", "polarity", "category", "label_id", "class_id")
"""Names of the column, or key, that holds the labels; one of them may be there."""


@dataclass(frozen=True)
class Texts:
    """Texts and their labels, or None where the file has none; ``notes`` say what of the file was not read."""

    texts: tuple[str, ...]
    labels: tuple[int, ...] | None
    notes: tuple[str, ...] = ()


def read_texts(path: str | os.PathLike[str]) -> Texts:
    """Texts of a txt, csv, tsv, jsonl or json file, also gzipped.

    The name tells csv and tsv from txt. What is JSON as a whole, or an object a line, is records and never lines of
    text. A line ends as on Unix, Windows or, where there is no other end, on old Macs.

    Raises:
        InvalidInput: the file is missing, damaged, no UTF-8, or lacks a column of texts; a label is no whole number, or
            stands in two columns.
    """
    origin = Origin(Path(path))
    text = plain_text(origin)
    name = origin.path.name.lower().removesuffix(".gz")
    if name.endswith((".csv", ".tsv")):
        return _chosen(table(text, "\t" if name.endswith(".tsv") else ",", TEXT_KEYS, origin), origin)
    records = json_records(text, name, origin)
    if isinstance(records, list):
        return Texts(tuple(records), None)
    if records is not None:
        return _chosen(records, origin)
    rows = lines(text)
    _refuse_header(rows[0], origin)
    return Texts(tuple(row.strip("\r") for row in rows), None)


def plain_text(origin: Origin) -> str:
    """The content of a text file.

    Raises:
        InvalidInput: it cannot be read, is empty, or is no UTF-8.
    """
    content = file_content(origin.path, origin)
    if not content.strip():
        raise origin.invalid("the file holds text", "an empty file")
    remedy = "Save it as UTF-8, such as by iconv -t UTF-8."
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        received = f"other bytes from byte {error.start}"
        raise origin.invalid("the file is text in UTF-8", received, remedy) from None
    if "\x00" in text:
        raise origin.invalid("text holds no zero bytes", f"one at character {text.index(chr(0))}", remedy)
    return text


def lines(text: str) -> list[str]:
    r"""The lines of a text, the empty end apart; a lone carriage return ends one only where no line feed does.

    >>> lines("a\r\nb\n"), lines("a\rb\r"), lines("a\x0cb\n")
    (['a\r', 'b'], ['a', 'b'], ['a\x0cb'])
    """
    rows = (text if "\n" in text else text.replace("\r", "\n")).split("\n")
    return rows[:-1] if len(rows) > 1 and not rows[-1].strip() else rows


def _refuse_header(row: str, origin: Origin) -> None:
    for delimiter in ",;\t":
        cells = {cell.strip().strip('"').lower() for cell in row.split(delimiter)}
        if cells & set(TEXT_KEYS) and cells & set(LABEL_KEYS):
            remedy = "Name it .csv, or .tsv with tabs."
            raise origin.invalid("a file of lines has no header", shown(row), remedy)


def _chosen(records: Columns, origin: Origin) -> Texts:
    """The texts and labels of a table, and what was not read of it."""
    names = [name for name in TEXT_KEYS if name in records.columns]
    keys = [name for name in LABEL_KEYS if name in records.columns]
    if not names:
        raise origin.invalid(records.requires(TEXT_KEYS), shown(sorted(records.columns), 100), records.remedy)
    texts, labels, read = [], [], set()
    for number in range(len(records)):
        row = {name: values[number] for name, values in records.columns.items()}
        text = next((name for name in names if isinstance(row[name], str)), None)
        named = [name for name in keys if row[name] is not None]
        if text is None:
            received = shown(sorted(name for name, value in row.items() if value is not None), 100)
            raise origin.invalid(records.requires(TEXT_KEYS), f"{received} at text {number}", records.remedy)
        if len(named) > 1:
            raise origin.invalid("one column holds the labels", ", ".join(named), "Leave one of them.")
        texts.append(row[text])
        labels.append(row[named[0]] if named else None)
        read |= {text, *named}
    if not texts:
        raise origin.invalid("there is at least one text", "none")
    numbers = (
        None
        if all(label is None for label in labels)
        else tuple(_label(value, number, origin) for number, value in enumerate(labels))
    )
    return Texts(tuple(texts), numbers, _said(records, read))


def _said(records: Columns, read: set[str]) -> tuple[str, ...]:
    """Which columns the labels are, where their name does not say so, and which were not read."""
    labels = [name for name in LABEL_KEYS if name in read and name not in Y_KEYS]
    rest = [name for name in records.columns if name not in read]
    said = [f"the labels are the column {labels[0]}"] if labels else []
    return (*said, *([f"columns that were not read: {shown(', '.join(rest), 100)}"] if rest else []))


def _label(value: Any, number: int, origin: Origin) -> int:
    try:
        real = np.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        real = np.nan
    if not (abs(real) < 2**31 and real == int(real) and real >= 0):
        remedy = "Number the classes as the network does, or name the column otherwise to leave it out."
        received = f"{shown(value)} at text {number}"
        raise origin.invalid("labels are the numbers of classes, from 0", received, remedy)
    return int(real)
