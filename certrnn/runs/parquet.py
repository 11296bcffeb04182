"""Rows as a Parquet file: a typed column a field, so that any table program reads them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
from pyarrow import parquet

from certrnn.encode import as_text, class_named, from_text, name_of
from certrnn.errors import InvalidInput
from certrnn.results.record import Record
from certrnn.runs.journal import Entry, line

KEY = "key"
DIGEST = "digest"
TYPE = "type"
ENCODING = b"encoding"
_SCALARS = {int: pa.int64(), float: pa.float64(), str: pa.string(), bool: pa.bool_()}
JSON, TREE = b"json", b"tree"
_PLAIN = {*_SCALARS, type(None)}
"""What JSON gives back as it was, alone and in lists."""


def schema(kind: type[Record]) -> pa.Schema:
    """A column a field of a row of this type, and the key. What is neither number nor text is held as text: JSON, or a
    tree of :mod:`certrnn.encode` where JSON would not give it back.

    >>> from certrnn.results.row import Row
    >>> schema(Row).field("eps").type, schema(Row).field("frames").metadata
    (DataType(double), {b'encoding': b'json'})
    """
    hints = get_type_hints(kind)
    own = [_column(f.name, hints[f.name]) for f in fields(kind)]  # type: ignore[arg-type]
    return pa.schema([pa.field(KEY, pa.string()), *own])


def written(entries: Sequence[Entry], kind: type[Record], about: dict[str, str]) -> bytes:
    """The content of a Parquet file of rows of one type; ``about`` goes into its metadata."""
    plan = schema(kind)
    columns = {KEY: [key for key, _ in entries]}
    for column in plan:
        if column.name != KEY:
            values = [getattr(row, column.name) for _, row in entries]
            columns[column.name] = [_spelled(value, _encoding(column)) for value in values]
    told = {**about, TYPE: name_of(kind), DIGEST: _digest(entries)}
    table = pa.table(columns, schema=plan.with_metadata(told))
    sink = io.BytesIO()
    parquet.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue()


def read(path: Path) -> tuple[Entry, ...]:
    """The entries of a Parquet file, checked against its checksums.

    Raises:
        InvalidInput: the file is damaged, or holds other columns.
    """
    where, columns = f"reading {path}", []
    try:
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read(use_threads=False)
        columns = table.schema.names
        digest = (table.schema.metadata or {}).get(DIGEST.encode(), b"")
        entries = _entries(table)
    except (OSError, pa.ArrowException, ValueError) as error:  # names that are no text are ValueErrors
        reason = str(error).splitlines()[0]
        raise InvalidInput(where, "the file is a whole Parquet file", reason, "Run it anew.") from None
    except (KeyError, TypeError):
        remedy = "Use the version that wrote it."
        raise InvalidInput(where, "its columns are those of a run", columns, remedy) from None
    if digest != _digest(entries):
        raise InvalidInput(where, "the rows are those that were written", "others", "Run it anew.")
    return entries


def _entries(table: pa.Table) -> tuple[Entry, ...]:
    lists: dict[str, list[Any]] = table.to_pydict()
    for column in table.schema:
        lists[column.name] = [_value(held, _encoding(column)) for held in lists[column.name]]
    keys = lists.pop(KEY)
    kind = class_named(table.schema.metadata[TYPE.encode()].decode(), Record)
    rows = (kind(**{name: values[n] for name, values in lists.items()}) for n in range(len(keys)))
    return tuple(zip(keys, rows, strict=True))


def _encoding(column: pa.Field) -> bytes:
    return (column.metadata or {}).get(ENCODING, b"")


def _spelled(value: Any, encoding: bytes) -> Any:
    if not encoding:
        return value
    return json.dumps(value if encoding == JSON else as_text(value), allow_nan=False)


def _value(held: Any, encoding: bytes) -> Any:
    if not encoding:
        return held
    return json.loads(held) if encoding == JSON else from_text(json.loads(held))


def _digest(entries: Sequence[Entry]) -> bytes:
    """Of the rows themselves: the format's own checksums do not cover its footer."""
    return hashlib.sha256(line(entries)).hexdigest().encode()


def _column(name: str, hint: Any) -> pa.Field:
    kinds = [hint]
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    if len(kinds) == 1 and get_origin(kinds[0]) is Literal:
        kinds = [str]
    if len(kinds) == 1 and kinds[0] in _SCALARS:
        return pa.field(name, _SCALARS[kinds[0]])
    return pa.field(name, pa.string(), metadata={ENCODING: JSON if _plain(hint) else TREE})


def _plain(hint: Any) -> bool:
    """Whether JSON gives back every value of a type as it was."""
    if get_origin(hint) in (Union, UnionType, list):
        return all(_plain(kind) for kind in get_args(hint))
    return hint in _PLAIN or get_origin(hint) is Literal
