"""Sequences as a person hands them over, checked and cut into batches of one length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from certrnn.errors import InvalidInput

Labels = tuple[int | tuple[int, ...], ...]
"""A class for each sample, or for each of its steps."""

Span = tuple[int, int]
"""The first frame of a sample that is no padding, and the one after the last."""


@dataclass(frozen=True, order=True)
class Kind:
    """What samples of one batch have in common: frames T and features D, and which frames are no padding."""

    shape: tuple[int, int]
    span: Span


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples of one kind: their positions in the data, ``x`` (N, T, D) float64, and labels (N,) or None."""

    numbers: tuple[int, ...]
    x: torch.Tensor
    labels: torch.Tensor | None
    kind: Kind


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences of any lengths.

    Parameters
    ----------
    frames: one array (T_n, D) a sample, float64, finite.
    labels: one class a sample, or one for each step of a network that answers at every frame (-1: nothing is asked of
        this step), or None.
    numbers: the position of each sample in the data it was taken from.
    note: what was done to the values, in a line, or "".
    spans: for each sample the frames that are no padding; only these are ever disturbed. None: all frames.
    words: for each sample the word that each frame in its span stands for; None where the data is no text.
    """

    frames: tuple[np.ndarray, ...]
    labels: Labels | None
    numbers: tuple[int, ...]
    note: str = ""
    spans: tuple[Span, ...] | None = None
    words: tuple[tuple[str, ...], ...] | None = None

    @staticmethod
    def of(
        x: np.ndarray | Sequence[np.ndarray],
        y: int | Sequence[int] | np.ndarray | None = None,
        lengths: Sequence[int] | np.ndarray | None = None,
    ) -> Sequences:
        """One sequence (T, D), a stack (N, T, D), or a list of sequences of different lengths; copied.

        Parameters
        ----------
        lengths: for a stack, the number of frames that are no padding.

        Raises
        ------
        InvalidInput: values that are no finite numbers, shapes that are no sequences, labels that do not fit.
        """
        frames = tuple(_sequence(part, number) for number, part in enumerate(_parts(x, lengths)))
        if not frames:
            raise InvalidInput("reading sequences", "at least one sample is given", "none")
        labels = None if y is None else _labels(y, frames)
        return Sequences(frames, labels, tuple(range(len(frames))))

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def lengths(self) -> tuple[int, ...]:
        """The distinct lengths, ascending."""
        return tuple(sorted({len(part) for part in self.frames}))

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """The distinct shapes (frames, features), ascending."""
        return tuple(sorted({(part.shape[0], part.shape[1]) for part in self.frames}))

    def take(self, positions: Sequence[int]) -> Sequences:
        """The samples at ``positions``; they keep their numbers."""
        return replace(
            self,
            frames=tuple(self.frames[p] for p in positions),
            labels=None if self.labels is None else tuple(self.labels[p] for p in positions),
            numbers=tuple(self.numbers[p] for p in positions),
            spans=None if self.spans is None else tuple(self.spans[p] for p in positions),
            words=None if self.words is None else tuple(self.words[p] for p in positions),
        )

    def noted(self, *notes: str) -> Sequences:
        """With further notes; empty ones say nothing."""
        return replace(self, note="; ".join(note for note in (self.note, *notes) if note))

    def spoken(self, words: Sequence[tuple[str, ...]], numbers: Sequence[int]) -> Sequences:
        """As texts: the words of each sample's span, and the samples' positions in the file."""
        return replace(self, words=tuple(words), numbers=tuple(numbers))

    def spanning(self, spans: Sequence[Span]) -> Sequences:
        """With padding: sample n's own frames are ``spans[n][0]`` up to, not including, ``spans[n][1]``.

        Raises
        ------
        InvalidInput: a span that is empty or leaves its sample.
        """
        for number, (part, (first, stop)) in enumerate(zip(self.frames, spans, strict=True)):
            if not 0 <= first < stop <= len(part):
                raise InvalidInput(
                    f"reading sample {number}",
                    f"its own frames lie in 0..{len(part)}, at least one of them",
                    (first, stop),
                )
        return replace(self, spans=tuple((int(first), int(stop)) for first, stop in spans))

    def kind(self, position: int) -> Kind:
        """The kind of the sample at ``position``."""
        part = self.frames[position]
        span = (0, len(part)) if self.spans is None else self.spans[position]
        return Kind((part.shape[0], part.shape[1]), span)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The distinct kinds, the shortest first."""
        return tuple(sorted({self.kind(p) for p in range(len(self))}))

    def rounded(self, precision: type[np.floating[Any]]) -> Sequences:
        """The values as a network whose input has that number type reads them.

        Raises
        ------
        InvalidInput: a value beyond the largest number of that type.
        """
        with np.errstate(over="ignore"):
            frames = tuple(part.astype(precision).astype(np.float64) for part in self.frames)
        moved = max(float(np.abs(a - b).max()) for a, b in zip(frames, self.frames, strict=True))
        name = np.dtype(precision).name
        if not np.isfinite(moved):
            raise InvalidInput(
                "reading sequences", f"the network's input type {name} holds every value", "larger values"
            )
        note = f"the data was rounded to {name}, which the network reads (by at most {moved:.2g})"
        return replace(self, frames=frames).noted(note if moved else "")

    def batches(self, size: int) -> Iterator[Batch]:
        """Batches of at most ``size`` samples of one kind, in the order of the data within a kind."""
        for kind in self.kinds:
            members = [p for p in range(len(self)) if self.kind(p) == kind]
            for first in range(0, len(members), size):
                part = self.take(members[first : first + size])
                labels = None if part.labels is None else torch.tensor(part.labels)
                yield Batch(part.numbers, torch.from_numpy(np.stack(part.frames)), labels, kind)


def _parts(
    x: np.ndarray | Sequence[np.ndarray], lengths: Sequence[int] | np.ndarray | None
) -> list[np.ndarray]:
    if isinstance(x, list | tuple) and (not x or np.ndim(x[0]) == 2):
        return list(x)
    array = np.asarray(x)
    if array.ndim not in (2, 3):
        raise InvalidInput(
            "reading sequences", "x is (frames, features) or (samples, frames, features)", array.shape
        )
    stack = array[None] if array.ndim == 2 else array
    if lengths is None:
        return list(stack)
    return [part[: int(length)] for part, length in zip(stack, lengths, strict=True)]


def _sequence(part: np.ndarray, number: int) -> np.ndarray:
    where = f"reading sample {number}"
    array = np.asarray(part)
    if array.ndim != 2 or 0 in array.shape:
        raise InvalidInput(
            where, "a sequence is (frames, features), neither of them 0", f"shape {array.shape}"
        )
    if array.dtype.kind not in "fiub":
        raise InvalidInput(where, "a sequence holds real numbers", f"type {array.dtype}")
    values = np.array(array, dtype=np.float64)
    if not np.isfinite(values).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise InvalidInput(
            where, "every value is finite", f"{values[place]} at frame {place[0]}, feature {place[1]}"
        )
    return values


def _labels(y: int | Sequence[Any] | np.ndarray, frames: Sequence[np.ndarray]) -> Labels:
    """One class a sample, or a list of them, cut to the sample's frames where there are more."""
    count = len(frames)
    try:
        labels = np.asarray(y)
    except ValueError:  # lists of different lengths
        if not isinstance(y, list | tuple) or len(y) != count:
            raise InvalidInput(
                "reading labels", f"there are {count} lists of labels", type(y).__name__
            ) from None
        return tuple(_row(row, part) for row, part in zip(y, frames, strict=True))
    labels = np.atleast_1d(labels)
    whole = labels.dtype.kind in "iu" or (
        labels.dtype.kind == "f" and bool((labels == np.rint(labels)).all())
    )
    if labels.ndim > 2 or labels.shape[:1] != (count,) or not whole:
        raise InvalidInput(
            "reading labels",
            f"there are {count} whole numbers, or a list of them for each sample",
            f"shape {labels.shape}, type {labels.dtype}",
        )
    if labels.ndim == 2 and labels.shape[1] != 1:
        return tuple(_row(row, part) for row, part in zip(labels, frames, strict=True))
    return tuple(int(label) for label in labels.reshape(-1))


def _row(labels: Any, part: np.ndarray) -> tuple[int, ...]:
    row = np.asarray(labels)
    if row.ndim != 1 or row.dtype.kind not in "iuf" or not bool((row == np.rint(row)).all()):
        raise InvalidInput("reading labels", "a sample's labels are whole numbers", f"shape {row.shape}")
    return tuple(int(label) for label in row[: len(part)])
