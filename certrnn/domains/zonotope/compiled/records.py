"""Instructions as records: named tuples of integers and floats that write themselves into a row of numbers.

A record is a ``NamedTuple`` whose fields are integers, floats, or records again. :func:`encoded` writes its numbers one
after the other, floats bit by bit, behind the number that says which record it is; :func:`is_a` and :func:`unpack` are
their counterparts in compiled code. So the order of a record's fields, and with it every position in a row, is written
down once: where the record is defined.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

Record = tuple[Any, ...]
"""A named tuple of numbers, places and records."""


@dataclass(eq=False)
class Buffer:
    """Rows of generators in ``g``; ``start`` is filled in when all instructions are known."""

    rows: int
    stride: int
    start: int = -1


@dataclass(frozen=True)
class Place:
    """An operand that depends on where a buffer will lie: ``offset`` numbers into it."""

    buffer: Buffer
    offset: int


@cache
def _fields(record: type) -> tuple[tuple[str, type], ...]:
    """Names and types of the fields; a place is an integer once it is known."""
    hints = get_type_hints(record)
    return tuple((name, (get_args(hints[name]) or (hints[name],))[0]) for name in record._fields)  # pyright: ignore[reportAttributeAccessIssue]


@cache
def columns(record: type) -> dict[str, tuple[int, type]]:
    """Where each number of an encoded record stands in its row, by dotted name, and whether it is an int or a float.

    >>> from typing import NamedTuple
    >>> Scale = NamedTuple("Scale", [("place", int), ("factor", float)])
    >>> columns(Scale)
    {'place': (1, <class 'int'>), 'factor': (2, <class 'float'>)}
    """
    places: dict[str, tuple[int, type]] = {}
    for name, kind in _fields(record):
        inner = columns(kind) if issubclass(kind, tuple) else {"": (1, kind)}
        start = len(places)
        places |= {f"{name}.{n}".removesuffix("."): (start + at, leaf) for n, (at, leaf) in inner.items()}
    return places


def numbers(record: Record) -> Iterator[int | float | Place]:
    """The numbers of a record and of those in it, in their order."""
    for value in record:
        if isinstance(value, tuple):
            yield from numbers(value)
        else:
            yield value


def encoded(record: Record, code: int) -> list[int]:
    """The row of a record that has the number ``code``; its places must be known.

    >>> from typing import NamedTuple
    >>> Scale = NamedTuple("Scale", [("place", int), ("factor", float)])
    >>> encoded(Scale(7, 1.0), 3)
    [3, 7, 4607182418800017408]
    """
    row = [code]
    for value, (_, kind) in zip(numbers(record), columns(type(record)).values(), strict=True):
        plain = value.buffer.start + value.offset if isinstance(value, Place) else value
        row.append(struct.unpack("q", struct.pack("d", plain))[0] if kind is float else int(plain))
    return row


def _compiled_type(record: type) -> Any:
    """The type that a record has in compiled code."""
    plain = {int: types.int64, float: types.float64}
    fields = [plain[kind] if kind in plain else _compiled_type(kind) for _, kind in _fields(record)]
    return types.BaseTuple.from_types(fields, record)


def _read(context: Any, builder: Any, kind: Any, row: Any, place: int) -> tuple[Any, int]:
    """The value of a type from a row's numbers that begin at ``place``, and the place behind them."""
    fields = getattr(kind, "types", None)
    if fields is not None:
        values = []
        for field in fields:
            value, place = _read(context, builder, field, row, place)
            values.append(value)
        return context.make_tuple(builder, kind, values), place
    number = builder.load(cgutils.gep(builder, row, place))
    scalar = builder.bitcast(number, ir.DoubleType()) if kind == types.float64 else number
    return scalar, place + 1


def _unpack(typing: Any, record: Any, row: Any) -> Any:
    kind = _compiled_type(record.instance_class)

    def emit(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        array = context.make_array(signature.args[1])(context, builder, operands[1])
        return _read(context, builder, kind, array.data, 1)[0]

    return kind(record, row), emit


unpack: Any = intrinsic(_unpack)
"""``unpack(Record, row)`` in compiled code: the record that a row (int64, contiguous) was written from."""
