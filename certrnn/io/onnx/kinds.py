"""ONNX's element types as sets of numbers: what rounding to one of them does, and which of them hold which others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto

UNKNOWN = 0
"""The element type of numbers that no tensor of the file declares."""


@dataclass(frozen=True)
class Format:
    """A binary floating-point format.

    Args:
        digits: significant binary digits, the leading one included.
        least: exponent of the smallest normal number 2^least.
        largest: greatest finite number.
        infinite: False for the 8-bit formats that have nan but no infinity.
        small: True for the 8-bit formats, which saturate.
    """

    digits: int
    least: int
    largest: float
    infinite: bool = True
    small: bool = False

    @property
    def unit(self) -> float:
        """Unit roundoff."""
        return 2.0**-self.digits

    @property
    def quantum(self) -> float:
        """Distance of neighbours among the smallest numbers."""
        return 2.0 ** max(-1074, self.least - self.digits + 1)


FORMATS: dict[int, Format] = {
    TensorProto.DOUBLE: Format(53, -1022, float(np.finfo(np.float64).max)),
    TensorProto.FLOAT: Format(24, -126, float(np.finfo(np.float32).max)),
    TensorProto.FLOAT16: Format(11, -14, 65504.0),
    TensorProto.BFLOAT16: Format(8, -126, 255.0 * 2.0**120),
    TensorProto.FLOAT8E4M3FN: Format(4, -6, 448.0, False, True),
    TensorProto.FLOAT8E4M3FNUZ: Format(4, -7, 240.0, False, True),
    TensorProto.FLOAT8E5M2: Format(3, -14, 57344.0, True, True),
    TensorProto.FLOAT8E5M2FNUZ: Format(3, -15, 57344.0, False, True),
}

INTEGERS: dict[int, np.dtype] = {
    TensorProto.INT8: np.dtype(np.int8),
    TensorProto.INT16: np.dtype(np.int16),
    TensorProto.INT32: np.dtype(np.int32),
    TensorProto.INT64: np.dtype(np.int64),
    TensorProto.UINT8: np.dtype(np.uint8),
    TensorProto.UINT16: np.dtype(np.uint16),
    TensorProto.UINT32: np.dtype(np.uint32),
    TensorProto.UINT64: np.dtype(np.uint64),
}


def name_of(kind: int) -> str:
    """The type's name as the specification writes it.

    >>> name_of(TensorProto.FLOAT16), name_of(99)
    ('float16', 'type 99')
    """
    names = {number: name.lower() for name, number in TensorProto.DataType.items()}
    return "float32" if kind == TensorProto.FLOAT else names.get(kind, f"type {kind}")


def kind_of(dtype: np.dtype) -> int:
    """The element type that numpy's (or ml_dtypes') type stands for.

    >>> kind_of(np.dtype(bool)) == TensorProto.BOOL
    True
    """
    return int(onnx.helper.np_dtype_to_tensor_dtype(dtype))


def holds(kind: int, other: int) -> bool:
    """True where every number of the float type ``other`` is one of ``kind``: a cast from it changes nothing.

    >>> holds(TensorProto.DOUBLE, TensorProto.FLOAT), holds(TensorProto.FLOAT16, TensorProto.BFLOAT16)
    (True, False)
    """
    if kind == other:
        return True
    wide, narrow = FORMATS.get(kind), FORMATS.get(other)
    if wide is None or narrow is None or wide.small:
        return False
    return wide.digits >= narrow.digits and wide.least <= narrow.least and wide.largest >= narrow.largest


def rounded(array: np.ndarray, kind: int, saturate: bool = True) -> np.ndarray:
    """Float64 numbers rounded to the nearest of a float type, ties to even, as ``Cast`` defines it.

    Args:
        saturate: for 8-bit types, whether what is too large becomes the largest number (else infinity or nan).

    >>> rounded(np.array([2049.0, 65520.0, 2.0**-25, -1e-9]), TensorProto.FLOAT16)
    array([2048.,   inf,    0.,   -0.])
    """
    target = FORMATS[kind]
    array = np.asarray(array, dtype=np.float64)
    if target.digits == 53:
        return array
    with np.errstate(all="ignore"):
        _, exponent = np.frexp(array)
        step = np.maximum(exponent - 1, target.least) - (target.digits - 1)
        nearest = np.ldexp(np.rint(np.ldexp(array, -step)), step)
        result = np.where(np.isfinite(array), nearest, array)
        beyond = np.abs(result) > target.largest
    if target.small and saturate:
        edge: np.ndarray = np.copysign(target.largest, result)
    else:
        edge = np.copysign(np.inf if target.infinite else np.nan, result)
    return np.where(beyond, edge, result)


def widened(array: np.ndarray) -> np.ndarray:
    """Integers as float64 numbers that round on to any narrower float type as the integers themselves would.

    What float64 does not hold is rounded to odd: it stays strictly between the neighbours it lies between.
    """
    plain = array.astype(np.float64)
    flat = plain.reshape(-1)
    for place in np.flatnonzero(np.abs(flat) >= 2.0**53):
        wanted, nearest = int(array.reshape(-1)[place]), int(flat[place])
        if wanted != nearest and int(np.frexp(flat[place])[0] * 2**53) % 2 == 0:
            flat[place] = np.nextafter(flat[place], np.inf if wanted > nearest else -np.inf)
    return flat.reshape(plain.shape)


def file_types(graph: onnx.GraphProto) -> frozenset[int]:
    """Element types of the numbers that a file holds, takes and gives: the types that it computes in."""
    values = [v.type.tensor_type.elem_type for v in [*graph.input, *graph.output]]
    return frozenset([*values, *_stored_types(graph)])


def _stored_types(graph: onnx.GraphProto) -> Iterable[int]:
    yield from (t.data_type for t in graph.initializer)
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.HasField("t"):
                yield attribute.t.data_type
            if attribute.HasField("g"):
                yield from _stored_types(attribute.g)
