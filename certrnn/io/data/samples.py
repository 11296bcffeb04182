"""What a sample file holds once it is checked: sequences, labels, names and lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from certrnn.errors import InvalidInput

MAX_VALUES = 1 << 28
"""Most numbers a file may declare: 2 GiB of float64. Checked before anything of that size is allocated."""

ShapeHint = tuple[int | None, int | None]
"""Frames and features that a model takes; None where it takes any number."""


@dataclass(frozen=True)
class Origin:
    """The file that is being read, for the errors about it."""

    path: Path

    def invalid(self, requirement: str, received: object, remedy: str = "") -> InvalidInput:
        return InvalidInput(
            f"reading samples from {shown(str(self.path), 200)}", requirement, received, remedy
        )


@dataclass(frozen=True, eq=False)
class Arrays:
    """What a format's reader found, not yet checked. ``rows`` tells that a sample is rows of an image that
    may be regrouped into frames."""

    x: np.ndarray
    y: np.ndarray | None = None
    names: tuple[str, ...] | None = None
    lengths: np.ndarray | None = None
    rows: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Samples:
    """Checked sequences.

    Parameters
    ----------
    x: (N, T, D) float64, finite; frames from ``lengths[n]`` on are padding.
    y: labels (N,) int64, not negative; or (N, T), one a frame, -1 where nothing is asked of it; or None.
    names: one a sample, or None.
    lengths: (N,) int64 in 1..T, or None where every sequence has T frames.
    source: the file read.
    notes: what was done to the values on reading, one line each.
    """

    x: np.ndarray
    y: np.ndarray | None
    names: tuple[str, ...] | None
    lengths: np.ndarray | None
    source: Path
    notes: tuple[str, ...] = ()

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
        )


def shown(value: object, length: int = 60) -> str:
    """``value`` as printable ASCII of bounded length."""
    text = ascii(value) if not isinstance(value, str) else ascii(value)[1:-1]
    return text if len(text) <= length else text[: length - 3] + "..."


def check(arrays: Arrays, origin: Origin, hint: ShapeHint | None, classes: int | None) -> Samples:
    """The samples of a file, or the first requirement that they break.

    Raises
    ------
    InvalidInput: rank, sizes, values, labels or lengths are wrong.
    """
    x = _sequences(arrays, origin, hint)
    count, frames, _ = x.shape
    y = None if arrays.y is None else _labels(arrays.y, (count, frames), origin, classes)
    lengths = None if arrays.lengths is None else _whole(arrays.lengths, count, "lengths", origin)
    if lengths is not None and (lengths.min() < 1 or lengths.max() > frames):
        bad = int(np.flatnonzero((lengths < 1) | (lengths > frames))[0])
        raise origin.invalid(f"lengths lie in 1..{frames}", f"{lengths[bad]} at sample {bad}")
    if arrays.names is not None and len(arrays.names) != count:
        raise origin.invalid(f"there is one name for each of {count} samples", f"{len(arrays.names)} names")
    return Samples(x, y, arrays.names, lengths, origin.path, arrays.notes)


def _labels(labels: np.ndarray, shape: tuple[int, int], origin: Origin, classes: int | None) -> np.ndarray:
    """Labels (N,) of samples, or (N, T) of their frames."""
    steps = labels.shape == shape and shape[1] > 1
    flat = _whole(labels.reshape(-1), shape[0] * shape[1], "labels y", origin) if steps else None
    y = _whole(labels, shape[0], "labels y", origin) if flat is None else flat.reshape(shape)
    low, top = -1 if steps else 0, (classes or 1 << 31) - 1
    wrong = (y < low) | (y > top)
    if wrong.any():
        bad = tuple(int(i) for i in np.argwhere(wrong)[0])
        remedy = "Number the classes from 0." if classes is None else f"The model has {classes} classes."
        raise origin.invalid(f"labels lie in {low}..{top}", f"{y[bad]} at sample {bad[0]}", remedy)
    return y


def _sequences(arrays: Arrays, origin: Origin, hint: ShapeHint | None) -> np.ndarray:
    x = arrays.x
    if x.dtype.kind not in "biuf" or x.dtype.itemsize > 8:
        raise origin.invalid("x holds real numbers", f"type {x.dtype}", "Save x as float32 or float64.")
    if x.ndim not in (2, 3):
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
    return values.reshape(_shape(values.shape, arrays.rows, origin, hint))


def _shape(
    shape: tuple[int, ...], rows: bool, origin: Origin, hint: ShapeHint | None
) -> tuple[int, int, int]:
    frames, features = hint or (None, None)
    count, inner = shape[0], shape[1:]
    fits = frames in (None, inner[0]) and features in (None, inner[-1])
    if len(inner) == 2 and fits:
        return count, inner[0], inner[1]
    if len(inner) == 1 or rows:
        values = int(np.prod(inner))
        width = features or (1 if frames is None else max(values // frames, 1))
        if values % width == 0 and frames in (None, values // width):
            return count, values // width, width
    raise origin.invalid(
        f"samples have the model's shape (frames, features) = ({frames or 'any'}, {features or 'any'})",
        f"{inner} for each of {count} samples",
        "Reshape x to (samples, frames, features).",
    )


def _whole(values: np.ndarray, count: int, what: str, origin: Origin) -> np.ndarray:
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
    wrong[~wrong] = real[~wrong] != np.rint(real[~wrong])
    if wrong.any():
        bad = int(np.flatnonzero(wrong)[0])
        raise origin.invalid(f"{what} holds whole numbers", f"{real[bad]} at sample {bad}")
    return real.astype(np.int64)
