"""What an ONNX tensor is while a model is read: known numbers, elements of graph nodes, or word tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certrnn.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class Known:
    """Numbers that do not depend on the input.

    ``array`` is float64 for every ONNX float type (a widening, hence exact), else the integers or booleans as they
    stand. Each number lies within ``relative_error`` of what it stands for, as a share of its own absolute value: 0
    for numbers of the file.
    """

    array: np.ndarray
    relative_error: float = 0.0
    name: str = ""

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

    Every movement of data is numpy on ``ids`` and creates no node.
    """

    ids: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.ids.shape


@dataclass(frozen=True, eq=False)
class Tokens:
    """Integer words of the input: ``frames`` holds the frame number that each entry is the word of."""

    frames: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.frames.shape


Tensor = Known | View | Tokens

MAX_ELEMENTS = 1 << 26
"""Largest tensor that reading a model may create, in elements: a damaged shape must not exhaust the memory."""


def entries(tensor: Tensor) -> np.ndarray:
    """The array that data movement works on."""
    match tensor:
        case Known():
            return tensor.array
        case View():
            return tensor.ids
        case Tokens():
            return tensor.frames


def rearranged(tensor: Tensor, moved: np.ndarray) -> Tensor:
    """The tensor of the same kind with entries ``moved``, which must be entries of ``tensor``."""
    match tensor:
        case Known():
            return Known(moved, tensor.relative_error, tensor.name)
        case View():
            return View(moved)
        case Tokens():
            return Tokens(moved)


def known(array: np.ndarray, name: str = "", relative_error: float = 0.0) -> Known:
    """Known numbers, floats widened to float64."""
    array = np.asarray(array)
    if array.dtype.kind == "V" or array.dtype.kind not in "fiub":
        # bfloat16 and the 8-bit floats of ml_dtypes report kind 'V'; widening them to float64 is exact
        if array.dtype.kind in "OSU" or array.dtype.names is not None or array.dtype.kind == "c":
            raise InvalidInput(f"reading tensor {name!r}", "its elements are real numbers", array.dtype)
        array = array.astype(np.float64)
    if array.dtype.kind == "f":
        array = array.astype(np.float64)
    return Known(array, relative_error, name)


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
