"""What an ONNX tensor is while a model is read: known numbers, elements of graph nodes, or functions of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from certrnn.errors import InvalidInput, Unsupported
from certrnn.io.onnx.kinds import FORMATS, UNKNOWN, kind_of, name_of, rounded


@dataclass(frozen=True, eq=False)
class Known:
    """Numbers that do not depend on the input.

    ``array`` is float64 for every ONNX float type (a widening, hence exact), else the integers or booleans as they
    stand. Each number lies within ``relative_error`` of what it stands for, as a share of its own absolute value: 0
    for numbers of the file. ``kind`` is the ONNX element type that the file gives the tensor: what a float of the file
    is computed to is a real number whatever its type (see ``exact``), but casts ask for the type.
    """

    array: np.ndarray
    relative_error: float = 0.0
    name: str = ""
    kind: int = UNKNOWN

    def __post_init__(self) -> None:
        object.__setattr__(self, "array", np.asarray(self.array))
        if self.kind == UNKNOWN and not self.real:
            object.__setattr__(self, "kind", kind_of(self.array.dtype))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def real(self) -> bool:
        """True for floating-point numbers."""
        return self.array.dtype.kind == "f"


@dataclass(frozen=True, eq=False)
class View:
    """Elements of graph nodes, arranged in a tensor: ``ids`` holds one element number (see ``Space``) an entry.

    Every movement of data is numpy on ``ids`` and creates no node. ``kind`` is the tensor's ONNX element type.
    """

    ids: np.ndarray
    kind: int = UNKNOWN

    @property
    def shape(self) -> tuple[int, ...]:
        return self.ids.shape


@dataclass(frozen=True, eq=False)
class Tokens:
    """Functions of one integer word of the input each, tabulated: see :mod:`certrnn.io.onnx.tabulated`.

    Args:
        entries: for each entry of the tensor the number ``frame * K + k`` of a frame and a function.
        rows: (K, W) values of K functions at the words ``-W/2 .. W/2 - 1``, exact and of the file's own type (floats
            widened to float64).
    """

    entries: np.ndarray
    rows: np.ndarray
    kind: int = UNKNOWN

    @property
    def shape(self) -> tuple[int, ...]:
        return self.entries.shape

    @property
    def frames(self) -> np.ndarray:
        """The frame whose word each entry is a function of."""
        return self.entries // len(self.rows)

    @property
    def functions(self) -> np.ndarray:
        """Which of the functions each entry is."""
        return self.entries % len(self.rows)

    def at(self, words: np.ndarray) -> Known:
        """Its numbers where frame t holds the word ``words[t]``."""
        return Known(
            self.rows[self.functions, words[self.frames] + self.rows.shape[1] // 2], 0.0, "", self.kind
        )


@dataclass(frozen=True, eq=False)
class Normalised:
    """Values of a Softmax or LogSoftmax, multiplied and moved step by step: ``factor * function(scores) + offset``.

    ``entries`` numbers, for each entry, a place in the two flat arrays: ``scores`` holds the element numbers of the
    function's arguments, ``groups`` the number of the group in which each is normalised. Within a group the order of
    values is the order of arguments; values of two groups say nothing about each other.
    """

    entries: np.ndarray
    scores: np.ndarray
    groups: np.ndarray
    function: str
    steps: tuple[tuple[float, float, float], ...] = ()
    kind: int = UNKNOWN

    @property
    def shape(self) -> tuple[int, ...]:
        return self.entries.shape

    @property
    def plain(self) -> bool:
        """True where the values are the function's own."""
        return not self.steps

    @property
    def scale(self) -> tuple[float, float]:
        """Factor and offset of all steps together, up to rounding."""
        by, shift = 1.0, 0.0
        for factor, offset, _ in self.steps:
            by, shift = by * factor, shift * factor + offset
        return by, shift

    def moved_by(self, factor: float, offset: float, relative_error: float) -> Normalised:
        """``factor * self + offset``, each number known up to its ``relative_error``."""
        if (factor, offset, relative_error) == (1.0, 0.0, 0.0):
            return self
        return replace(self, steps=(*self.steps, (factor, offset, relative_error)))

    def comparable(self, rows: np.ndarray, where: str) -> np.ndarray:
        """Element numbers of the arguments behind entries ``rows`` (R, C), where each row is of one group.

        Raises:
            Unsupported: values of different groups would be compared.
        """
        groups = self.groups[rows]
        if not bool((groups == groups[:, :1]).all()):
            raise Unsupported(
                where,
                f"values that are compared are of one {self.function} group",
                f"values of {len(np.unique(groups[0]))} groups in one vector of classes",
                "Export one output a group, each with its classes on an axis of their own.",
            )
        return self.scores[rows]


@dataclass(frozen=True, eq=False)
class Chosen:
    """Class numbers that an ArgMax picked: entry e is the place of the largest among the elements
    ``classes[entries[e]]`` (C,)."""

    entries: np.ndarray
    classes: np.ndarray
    kind: int = UNKNOWN

    @property
    def shape(self) -> tuple[int, ...]:
        return self.entries.shape


Tensor = Known | View | Tokens | Normalised | Chosen

MAX_ELEMENTS = 1 << 26
"""Largest tensor that reading a model may create, in elements: a damaged shape must not exhaust the memory."""


def entries(tensor: Tensor) -> np.ndarray:
    """The array that data movement works on."""
    match tensor:
        case Known():
            return tensor.array
        case View():
            return tensor.ids
        case Tokens() | Normalised() | Chosen():
            return tensor.entries


def rearranged(tensor: Tensor, moved: np.ndarray) -> Tensor:
    """The tensor of the same kind with entries ``moved``, which must be entries of ``tensor``."""
    match tensor:
        case Known():
            return replace(tensor, array=moved)
        case View():
            return replace(tensor, ids=moved)
        case Tokens() | Normalised() | Chosen():
            return replace(tensor, entries=moved)


def together(tensors: Sequence[Tokens]) -> tuple[list[np.ndarray], np.ndarray]:
    """Entries of each tensor in one table, and that table."""
    starts = np.cumsum([0, *(len(t.rows) for t in tensors)])
    rows = np.concatenate([t.rows for t in tensors])
    moved = [t.frames * len(rows) + start + t.functions for t, start in zip(tensors, starts, strict=False)]
    return moved, rows


def known(array: np.ndarray, name: str = "", relative_error: float = 0.0, kind: int = UNKNOWN) -> Known:
    """Known numbers, floats widened to float64; their element type is the array's unless another is given."""
    array = np.asarray(array)
    if array.dtype.kind == "V" or array.dtype.kind not in "fiub":
        # bfloat16 and the 8-bit floats of ml_dtypes report kind 'V'; widening them to float64 is exact
        if array.dtype.kind in "OSU" or array.dtype.names is not None or array.dtype.kind == "c":
            raise InvalidInput(f"reading tensor {name!r}", "its elements are real numbers", array.dtype)
        kind = kind or kind_of(array.dtype)
        if kind not in FORMATS:
            raise InvalidInput(f"reading tensor {name!r}", "its elements have at least 8 bits", name_of(kind))
        array = array.astype(np.float64)
    if array.dtype.kind == "f":
        kind = kind or kind_of(array.dtype)
        array = array.astype(np.float64)
    return Known(array, relative_error, name, kind)


def stored(tensor: Known) -> np.ndarray:
    """The numbers in their own element type, rounded to it, as a file would hold them."""
    import onnx

    if not tensor.real:
        return tensor.array
    kind = tensor.kind or int(onnx.TensorProto.FLOAT)
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind)
    with np.errstate(all="ignore"):
        return rounded(tensor.array, kind, FORMATS[kind].small).astype(dtype)


def check_elements(operation: str, count: int) -> None:
    """Refuse a tensor larger than ``MAX_ELEMENTS``."""
    if count > MAX_ELEMENTS:
        raise InvalidInput(operation, f"a tensor has at most {MAX_ELEMENTS} elements", count)


def check_finite(operation: str, tensor: Known) -> None:
    """Refuse nan and infinity in numbers that enter the network."""
    if tensor.real and not np.isfinite(tensor.array).all():
        bad = tensor.array[~np.isfinite(tensor.array)].flat[0]
        raise InvalidInput(
            operation,
            f"the numbers of {tensor.name or 'its constant inputs'} are finite",
            bad,
            "Export the model again.",
        )
