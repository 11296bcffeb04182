"""Text formats: csv with a header (or bare numbers), and one JSON object a line."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np

from certrnn.io.data.arrays import LENGTH_KEYS, NAME_KEYS, X_KEYS, Y_KEYS
from certrnn.io.data.columns import doubtful, is_index
from certrnn.io.data.samples import MAX_VALUES, Arrays, Origin, shown


def read_csv(text: str, origin: Origin) -> Arrays:
    """One sample a line: an optional column of labels, one of names, one of lengths; every other column a
    value.

    The first line names the columns; without a header every column is a value. Comma, semicolon or tab
    separates. A column that numbers the lines, as pandas writes it, is left out; see :mod:`certrnn.io.data.columns`.
    """
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row
        ]
    except csv.Error as error:
        raise origin.invalid("the csv text is well formed", shown(str(error))) from None
    if not rows:
        raise origin.invalid("the file has at least one line", "none")
    header = [cell.strip().lower() for cell in rows[0]]
    bare = all(_number(cell) is not None for cell in header)
    body = rows if bare else rows[1:]
    if not body or len(body) * len(header) > MAX_VALUES:
        raise origin.invalid(f"the file has 1 to {MAX_VALUES} values below its header", f"{len(body)} lines")
    for line, row in enumerate(body, start=len(rows) - len(body) + 1):
        if len(row) != len(header):
            raise origin.invalid(
                f"every line has {len(header)} cells, as the first", f"{len(row)} in line {line}"
            )
    special = {} if bare else {kind: _column(header, keys, origin) for kind, keys in _SPECIAL.items()}
    index = [] if bare else [column for column in range(len(header)) if is_index(header, body, column)]
    taken = {*index, *(column for column in special.values() if column is not None)}
    values = [column for column in range(len(header)) if column not in taken]
    if not values:
        raise origin.invalid("at least one column holds values", shown(header))
    offset = len(rows) - len(body) + 1
    x = _numbers(body, values, offset, origin)
    y, names, lengths = (special.get(kind) for kind in ("y", "names", "lengths"))
    return Arrays(
        x,
        None if y is None else _numbers(body, [y], offset, origin)[:, 0],
        None if names is None else tuple(row[names] for row in body),
        None if lengths is None else _numbers(body, [lengths], offset, origin)[:, 0],
        doubtful=() if bare else doubtful([header[column] for column in values], x),
        notes=tuple(f"column {shown(header[c])!r} numbers the lines, and was left out" for c in index),
    )


_SPECIAL = {"y": Y_KEYS, "names": NAME_KEYS, "lengths": LENGTH_KEYS}


def _column(header: list[str], keys: tuple[str, ...], origin: Origin) -> int | None:
    columns = [column for column, name in enumerate(header) if name in keys]
    if len(columns) > 1:
        raise origin.invalid(f"only one column is named one of {', '.join(keys)}", f"columns {columns}")
    return columns[0] if columns else None


def _number(cell: str) -> float | None:
    """The number in a cell; None for anything else, also for what only Python takes (1_000)."""
    if not cell.isascii() or "_" in cell:
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def _numbers(body: list[list[str]], columns: list[int], offset: int, origin: Origin) -> np.ndarray:
    result = np.empty((len(body), len(columns)))
    for line, row in enumerate(body):
        for place, column in enumerate(columns):
            number = _number(row[column])
            if number is None:
                received = f"{shown(row[column])!r} in line {line + offset}, column {column + 1}"
                raise origin.invalid("cells hold numbers", received, "Name a label column y in the header.")
            result[line, place] = number
    return result


def read_jsonl(text: str, origin: Origin) -> Arrays:
    """One object a line: ``x`` a list of frames (or of numbers), optionally ``y`` (or label) and ``name`` (or
    id).

    Sequences may differ in length; shorter ones are padded with zeros and their lengths are kept.
    """
    samples, labels, names = [], [], []
    for line, row in enumerate(text.split("\n"), start=1):
        if row.strip():
            entry = json_object(row, line, origin)
            samples.append(_sequence(_key(entry, X_KEYS, line, origin), line, origin))
            labels.append(_key(entry, Y_KEYS, line, origin))
            names.append(_key(entry, NAME_KEYS, line, origin))
    if len({sample.shape[1:] for sample in samples}) != 1:
        shapes = shown(sorted({sample.shape[1:] for sample in samples}))
        raise origin.invalid("frames have the same number of features in every line", f"{shapes}")
    x, lengths = _padded(samples, origin)
    return Arrays(x, _labels(labels, origin), _names(names, origin), lengths, ragged=lengths is not None)


def json_object(row: str, line: int, origin: Origin) -> dict[str, Any]:
    """The JSON object of one line of a jsonl file."""
    try:
        entry = json.loads(row, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise origin.invalid(f"line {line} is a JSON object", shown(str(error), 100)) from None
    if not isinstance(entry, dict):
        raise origin.invalid(f"line {line} is a JSON object", shown(entry))
    return entry


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no finite number")


def _key(entry: dict[str, Any], keys: tuple[str, ...], line: int, origin: Origin) -> Any:
    matches = [key for key in entry if key.lower() in keys]
    if len(matches) > 1:
        raise origin.invalid(f"line {line} has only one of {', '.join(keys)}", shown(matches))
    return entry[matches[0]] if matches else None


def _sequence(value: Any, line: int, origin: Origin) -> np.ndarray:
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError, RecursionError):
        array = np.asarray(None)
    if array.dtype.kind not in "iuf" or array.ndim not in (1, 2) or 0 in array.shape:
        raise origin.invalid(f"x in line {line} is a list of frames, each a list of numbers", shown(value))
    return array


def _padded(samples: list[np.ndarray], origin: Origin) -> tuple[np.ndarray, np.ndarray | None]:
    frames = max(len(sample) for sample in samples)
    shape = (len(samples), frames, *samples[0].shape[1:])
    if int(np.prod([float(s) for s in shape])) > MAX_VALUES:
        raise origin.invalid(f"the padded samples hold at most {MAX_VALUES} values", f"shape {shape}")
    x = np.zeros(shape)
    for row, sample in zip(x, samples, strict=True):
        row[: len(sample)] = sample
    lengths = np.array([len(sample) for sample in samples], dtype=np.int64)
    return x, None if (lengths == frames).all() else lengths


def _labels(labels: list[Any], origin: Origin) -> np.ndarray | None:
    if all(label is None for label in labels):
        return None
    for line, label in enumerate(labels):
        if isinstance(label, bool) or not isinstance(label, int | float) or not abs(label) < 2**53:
            raise origin.invalid(
                "every sample has a whole number as its label", f"{shown(label)} at sample {line}"
            )
    return np.array(labels, dtype=np.float64)


def _names(names: list[Any], origin: Origin) -> tuple[str, ...] | None:
    if all(name is None for name in names):
        return None
    for line, name in enumerate(names):
        if isinstance(name, bool) or not isinstance(name, str | int):
            raise origin.invalid("every sample has a text as its name", f"{shown(name)} at sample {line}")
    return tuple(str(name) for name in names)
