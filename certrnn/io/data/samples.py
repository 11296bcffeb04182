"""What a sample file holds once it is checked: sequences, labels, names and lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from certrnn.errors import InvalidInput

MAX_VALUES = 1 << 28
"""Most numbers a file may declare: 2 GiB of float64. Checked before anything of that size is allocated."""


@dataclass(frozen=True)
class Origin:
    """The file that is being read, for the errors about it."""

    path: Path

    def invalid(self, requirement: str, received: object, remedy: str = "") -> InvalidInput:
        return InvalidInput(
            f"reading samples from {shown(str(self.path), 200)}", requirement, received, remedy
        )


@dataclass(frozen=True)
class Column:
    """A column of a table that may be no feature: ``kind`` is ``index`` or ``label``."""

    place: int
    name: str
    kind: str


@dataclass(frozen=True, eq=False)
class Arrays:
    """What a format's reader found, not yet checked.

    Args:
        x: the samples, in the file's own axes.
        rows: a sample is the rows of an image, which may be regrouped into frames.
        ragged: samples of different lengths were padded along their first axis.
        doubtful: columns of a table among the values of x, whose names are no feature's.
        notes: what was done to the values on reading, one line each.
    """

    x: np.ndarray
    y: np.ndarray | None = None
    names: tuple[str, ...] | None = None
    lengths: np.ndarray | None = None
    rows: bool = False
    ragged: bool = False
    doubtful: tuple[Column, ...] = ()
    notes: tuple[str, ...] = ()

    def without(self, columns: Sequence[Column]) -> Arrays:
        """With those columns left out, which a note says."""
        gone = {column.place for column in columns}
        places = [place for place in range(self.x.shape[1]) if place not in gone]
        return replace(self, x=self.x[:, places], doubtful=(), notes=(*self.notes, *map(_left_out, columns)))


def _left_out(column: Column) -> str:
    label = "; name it y to use it as labels" if column.kind == "label" else ""
    return f"column {shown(column.name)!r} ({column.kind}) is no feature, and was left out{label}"


Arrange = Callable[[Arrays, "Origin"], tuple[np.ndarray, tuple[str, ...]]]
"""The samples (N, T, D) of what a file holds, and notes about how it was read."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Checked sequences.

    Args:
        x: (N, T, D) float64, finite; frames from ``lengths[n]`` on are padding.
        y: labels (N,) int64, not negative; or (N, T), one a frame, -1 where nothing is asked of it; or None.
        names: one a sample, or None.
        lengths: (N,) int64 in 1..T, or None where every sequence has T frames.
        source: the file read.
        notes: what was done to the values on reading, one line each.
        unlabelled: why y is None although the file has labels: the first of them that is no class; "" else.
    """

    x: np.ndarray
    y: np.ndarray | None
    names: tuple[str, ...] | None
    lengths: np.ndarray | None
    source: Path
    notes: tuple[str, ...] = ()
    unlabelled: str = ""

    def __len__(self) -> int:
        return self.x.shape[0]

    def take(self, positions: Sequence[int]) -> Samples:
        """The samples at ``positions``, in that order."""
        rows = np.asarray(positions, dtype=np.int64)
        return Samples(
            self.x[rows],
            None if self.y is None else self.y[rows],
            None if self.names is None else tuple(self.names[row] for row in rows),
            None if self.lengths is None else self.lengths[rows],
            self.source,
            self.notes,
            self.unlabelled,
        )


def shown(value: object, length: int = 60) -> str:
    """``value`` as printable ASCII of bounded length."""
    text = ascii(value) if not isinstance(value, str) else ascii(value)[1:-1]
    return text if len(text) <= length else text[: length - 3] + "..."


def check(arrays: Arrays, origin: Origin, arrange: Arrange) -> Samples:
    """The samples of a file, or the first requirement that they break.

    Raises:
        InvalidInput: rank, sizes, values, labels or lengths are wrong.
    """
    x, notes = arrange(replace(arrays, x=_values(arrays, origin)), origin)
    count, frames, _ = x.shape
    y, unlabelled = (None, "") if arrays.y is None else _labels(arrays.y, (count, frames), origin)
    lengths = None if arrays.lengths is None else _whole(arrays.lengths, count, "lengths", origin)
    if lengths is not None and (lengths.min() < 1 or lengths.max() > frames):
        bad = int(np.flatnonzero((lengths < 1) | (lengths > frames))[0])
        raise origin.invalid(f"lengths lie in 1..{frames}", f"{lengths[bad]} at sample {bad}")
    if arrays.names is not None and len(arrays.names) != count:
        raise origin.invalid(f"there is one name for each of {count} samples", f"{len(arrays.names)} names")
    return Samples(x, y, arrays.names, lengths, origin.path, notes, unlabelled)


def as_written(arrays: Arrays, origin: Origin) -> tuple[np.ndarray, tuple[str, ...]]:
    """(samples, frames, features) as they stand; of (samples, values) every value is a frame."""
    x = arrays.x
    if x.ndim not in (2, 3):
        raise origin.invalid(
            "x has shape (samples, frames, features), or (samples, values)", f"shape {x.shape}"
        )
    return (x[:, :, None] if x.ndim == 2 else x), arrays.notes


def _labels(labels: np.ndarray, shape: tuple[int, int], origin: Origin) -> tuple[np.ndarray | None, str]:
    """Labels (N,) of samples, or several (N, S) of each; or None where they are real, and the first that is."""
    steps = labels.ndim == 2 and labels.shape[0] == shape[0] and labels.shape[1] > 1
    flat = labels.reshape(-1, 1) if steps else labels
    real = _numbers(flat, len(flat) if steps else shape[0], "labels y", origin)
    fraction = np.flatnonzero(real != np.rint(real))
    if len(fraction):
        return (
            None,
            f"{real[fraction[0]]:g} at sample {int(fraction[0]) // (labels.shape[1] if steps else 1)}",
        )
    y = real.astype(np.int64).reshape(labels.shape if steps else -1)
    low, top = -1 if steps else 0, (1 << 31) - 1
    wrong = (y < low) | (y > top)
    if wrong.any():
        bad = tuple(int(i) for i in np.argwhere(wrong)[0])
        remedy = "Number the classes from 0."
        raise origin.invalid(f"labels lie in {low}..{top}", f"{y[bad]} at sample {bad[0]}", remedy)
    return y, ""


def _values(arrays: Arrays, origin: Origin) -> np.ndarray:
    x = arrays.x
    if x.dtype.kind not in "biuf" or x.dtype.itemsize > 8:
        raise origin.invalid("x holds real numbers", f"type {x.dtype}", "Save x as float32 or float64.")
    if x.ndim < 2:
        raise origin.invalid(
            "x has shape (samples, frames, features), or (samples, values)", f"shape {x.shape}"
        )
    if 0 in x.shape:
        raise origin.invalid("x has at least one sample, frame and feature", f"shape {x.shape}")
    with np.errstate(all="ignore"):
        values = np.ascontiguousarray(x, dtype=np.float64)
    if not np.isfinite(values).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise origin.invalid(
            "every value of x is finite", f"{values[place]} at {place}", "Clean the data first."
        )
    return values


def _numbers(values: np.ndarray, count: int, what: str, origin: Origin) -> np.ndarray:
    """One number a sample, as float64: finite, and small enough for wholeness to mean something."""
    flat = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if flat.shape != (count,):
        raise origin.invalid(
            f"{what} has one entry for each of {count} samples",
            f"shape {values.shape}",
            "Give class numbers.",
        )
    if flat.dtype.kind not in "biuf" or flat.dtype.itemsize > 8:
        raise origin.invalid(f"{what} holds whole numbers", f"type {flat.dtype}")
    with np.errstate(all="ignore"):
        real = flat.astype(np.float64)
    wrong = ~(np.abs(real) < 2.0**53)  # also nan; beyond 2^53 a float64 says nothing about wholeness
    if wrong.any():
        bad = int(np.flatnonzero(wrong)[0])
        raise origin.invalid(f"{what} holds whole numbers", f"{real[bad]} at sample {bad}")
    return real


def _whole(values: np.ndarray, count: int, what: str, origin: Origin) -> np.ndarray:
    real = _numbers(values, count, what, origin)
    bad = np.flatnonzero(real != np.rint(real))
    if len(bad):
        raise origin.invalid(f"{what} holds whole numbers", f"{real[bad[0]]} at sample {bad[0]}")
    return real.astype(np.int64)
