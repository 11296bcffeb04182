"""Rows as a Parquet file: a typed column a field, so that any table program reads them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
from pyarrow import parquet

from certrnn.errors import InvalidInput
from certrnn.report.rows import Row
from certrnn.run.journal import Entry

KEY = "key"
_SCALARS = {int: pa.int64(), float: pa.float64(), str: pa.string(), bool: pa.bool_()}
_JSON = {b"encoding": b"json"}


def schema() -> pa.Schema:
    """A column a field of a row, and the key. What is neither number nor text is held as JSON text.

    >>> schema().field("eps").type, schema().field("frames").metadata
    (DataType(double), {b'encoding': b'json'})
    """
    hints = get_type_hints(Row)
    return pa.schema([pa.field(KEY, pa.string()), *(_column(f.name, hints[f.name]) for f in fields(Row))])


def written(entries: Sequence[Entry], about: dict[str, str]) -> bytes:
    """The content of a Parquet file; ``about`` goes into its metadata."""
    plan = schema()
    columns = {KEY: [key for key, _ in entries]}
    for column in plan:
        if column.name != KEY:
            values = [getattr(row, column.name) for _, row in entries]
            columns[column.name] = [json.dumps(v) for v in values] if column.metadata else values
    table = pa.table(columns, schema=plan.with_metadata(about))
    sink = io.BytesIO()
    parquet.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue()


def read(path: Path) -> tuple[Entry, ...]:
    """The entries of a Parquet file, checked against its checksums.

    Raises
    ------
    InvalidInput: the file is damaged, or holds other columns.
    """
    try:
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read(use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise InvalidInput(
            f"reading {path}", "the file is a whole Parquet file", str(error).splitlines()[0], "Run it anew."
        ) from None
    try:
        lists: dict[str, list[Any]] = table.to_pydict()
        for column in table.schema:
            if column.metadata and column.metadata.get(b"encoding") == b"json":
                lists[column.name] = [json.loads(text) for text in lists[column.name]]
        keys = lists.pop(KEY)
        return tuple(
            (key, Row(**{name: values[n] for name, values in lists.items()})) for n, key in enumerate(keys)
        )
    except (KeyError, TypeError, ValueError):
        raise InvalidInput(
            f"reading {path}",
            "its columns are those of a run",
            table.schema.names,
            "Use the version that wrote it.",
        ) from None


def _column(name: str, hint: Any) -> pa.Field:
    kinds = [hint]
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    if len(kinds) == 1 and get_origin(kinds[0]) is Literal:
        kinds = [str]
    if len(kinds) == 1 and kinds[0] in _SCALARS:
        return pa.field(name, _SCALARS[kinds[0]])
    return pa.field(name, pa.string(), metadata=_JSON)
