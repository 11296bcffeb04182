"""Sequences as a person hands them over, checked and cut into batches of one length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from certrnn.errors import InvalidInput
from certrnn.results.question import Source
from certrnn.specs import UNASKED

Labels = tuple[int | tuple[int, ...], ...]
"""A class for each sample, or for each of its steps."""

Span = tuple[int, int]
"""The first frame of a sample that is no padding, and the one after the last."""


@dataclass(frozen=True, order=True)
class SequenceShape:
    """What samples of one batch have in common: frames T and features D, and which frames are no padding.

    ``told`` is the length that a network is told where that is not the end of the span, else 0; ``marks`` are the
    classes of words that a network computes masks from, () where it computes none.
    """

    shape: tuple[int, int]
    span: Span
    told: int = 0
    marks: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples of one kind: their positions in the data, ``x`` (N, T, D) float64, and labels (N,) or None.

    ``places`` says, by sample, what people call each frame of its span.
    """

    numbers: tuple[int, ...]
    x: torch.Tensor
    labels: torch.Tensor | None
    kind: SequenceShape
    places: Mapping[int, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences of any lengths.

    Args:
        frames: one array (T_n, D) a sample, float64, finite.
        labels: one class a sample, or one for each step of a network that answers at every frame (-1: nothing is asked
            of this step), or None.
        numbers: the position of each sample in the data it was taken from.
        note: what was done to the values, in a line, or "".
        spans: for each sample the frames that are no padding; only these are ever disturbed. None: all frames.
        words: for each sample the word that each frame in its span stands for; None where the data is no text.
        told: for each sample the length that a network is told (special tokens of a text count); None: the span's end.
        places: for each sample the position in its text of each word; None: all of them, from 0.
        absent: positions of samples of the data that were left out.
        source: the files that the samples were read from; None where a program made them.
        framewise: whether several labels of a sample are those of its frames, or independent of each other.
        known: for each sample which of its words are in the vocabulary; None where all are.
        warning: what is so odd about the data that it is said at once, or "".
        lexicon: the words of a network that looks them up, by their numbers; empty where they are not known.
        marks: for each sample the classes of its words, where a network computes masks from them; None: it does not.
        unlabelled: the first label of the data that is no class, where that is why there are no labels; "" else.
    """

    frames: tuple[np.ndarray, ...]
    labels: Labels | None
    numbers: tuple[int, ...]
    note: str = ""
    spans: tuple[Span, ...] | None = None
    words: tuple[tuple[str, ...], ...] | None = None
    told: tuple[int, ...] | None = None
    places: tuple[tuple[int, ...], ...] | None = None
    absent: tuple[int, ...] = ()
    source: Source | None = None
    unlabelled: str = ""
    framewise: bool = True
    lexicon: tuple[str, ...] = ()
    known: tuple[tuple[bool, ...], ...] | None = None
    warning: str = ""
    marks: tuple[tuple[int, ...], ...] | None = None

    @staticmethod
    def of(
        x: np.ndarray | Sequence[np.ndarray],
        y: int | Sequence[int] | np.ndarray | None = None,
        lengths: Sequence[int] | np.ndarray | None = None,
        framewise: bool = True,
    ) -> Sequences:
        """One sequence (T, D), a stack (N, T, D), or a list of sequences of different lengths; copied.

        Args:
            lengths: for a stack, the number of frames that are no padding.
            framewise: whether several labels of a sample are those of its frames, or independent of each other.

        Raises:
            InvalidInput: values that are no finite numbers, shapes that are no sequences, labels or lengths that do not
                fit.
        """
        frames = tuple(_sequence(part, number) for number, part in enumerate(_parts(x, lengths)))
        if not frames:
            raise InvalidInput("reading sequences", "at least one sample is given", "none")
        labels = None if y is None else _labels(y, frames, framewise)
        return Sequences(frames, labels, tuple(range(len(frames))), framewise=framewise)

    def __len__(self) -> int:
        return len(self.frames)

    def require_classes(self) -> None:
        """Where labels are asked, the data's labels are classes.

        Raises:
            InvalidInput: it has labels, and they are real numbers.
        """
        if self.unlabelled:
            remedy = "Save classes, or ask of a real output with --threshold LO HI."
            raise InvalidInput("reading labels", "labels y are whole numbers", self.unlabelled, remedy)

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
            told=None if self.told is None else tuple(self.told[p] for p in positions),
            places=None if self.places is None else tuple(self.places[p] for p in positions),
            known=None if self.known is None else tuple(self.known[p] for p in positions),
            marks=None if self.marks is None else tuple(self.marks[p] for p in positions),
            absent=(),
        )

    def of_label(self, label: int | None) -> Sequences:
        """With one of several independent labels; all of them for None.

        Raises:
            InvalidInput: a sample has no such label.
        """
        if label is None or self.labels is None:
            return self
        rows = [(one,) if isinstance(one, int) else one for one in self.labels]
        if any(len(row) <= label for row in rows):
            raise InvalidInput(
                "reading labels", f"every sample has a label {label}", f"{len(rows[0])} labels"
            )
        return replace(self, labels=tuple(row[label] for row in rows))

    def bare(self) -> Sequences:
        """Without what says where the samples came from: what an answer depends on."""
        return replace(self, note="", source=None, warning="")

    def word(self, number: int) -> str:
        """The word of that number; the number itself where no name is known."""
        named = self.lexicon[number] if number < len(self.lexicon) else ""
        return named or f"#{number}"

    def noted(self, *notes: str) -> Sequences:
        """With further notes; empty ones say nothing."""
        return replace(self, note="; ".join(note for note in (self.note, *notes) if note))

    def spanning(self, spans: Sequence[Span]) -> Sequences:
        """With padding: sample n's own frames are ``spans[n][0]`` up to, not including, ``spans[n][1]``.

        Labels of the steps of padding ask nothing.

        Raises:
            InvalidInput: a span that is empty or leaves its sample.
        """
        for number, (part, (first, stop)) in enumerate(zip(self.frames, spans, strict=True)):
            if not 0 <= first < stop <= len(part):
                raise InvalidInput(
                    f"reading sample {number}",
                    f"its own frames lie in 0..{len(part)}, at least one of them",
                    (first, stop),
                )
        own = tuple((int(first), int(stop)) for first, stop in spans)
        if self.labels is None or not self.framewise:
            return replace(self, spans=own)
        parts = zip(self.labels, self.frames, own, strict=True)
        labels = tuple(_asked(label, len(part), span) for label, part, span in parts)
        return replace(self, spans=own, labels=labels)

    def kind(self, position: int) -> SequenceShape:
        """The kind of the sample at ``position``."""
        part = self.frames[position]
        span = (0, len(part)) if self.spans is None else self.spans[position]
        told = span[1] if self.told is None else self.told[position]
        marks = () if self.marks is None else self.marks[position]
        return SequenceShape((part.shape[0], part.shape[1]), span, 0 if told == span[1] else told, marks)

    def place(self, position: int) -> Sequence[int]:
        """What people call each frame in the span of the sample at ``position``."""
        first, stop = self.kind(position).span
        return range(stop - first) if self.places is None else self.places[position]

    @property
    def kinds(self) -> tuple[SequenceShape, ...]:
        """The distinct kinds, the shortest first."""
        return tuple(sorted({self.kind(p) for p in range(len(self))}))

    def rounded(self, precision: type[np.floating[Any]]) -> Sequences:
        """The values as a network whose input has that number type reads them.

        Raises:
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
                places = {number: part.place(p) for p, number in enumerate(part.numbers)}
                yield Batch(part.numbers, torch.from_numpy(np.stack(part.frames)), labels, kind, places)


def _parts(
    x: np.ndarray | Sequence[np.ndarray], lengths: Sequence[int] | np.ndarray | None
) -> list[np.ndarray]:
    if isinstance(x, list | tuple) and (not x or np.ndim(x[0]) == 2):
        if lengths is not None:
            raise InvalidInput(
                "reading lengths", "they belong to a stack (samples, frames, features)", "a list"
            )
        return list(x)
    array = np.asarray(x)
    if array.ndim not in (2, 3):
        raise InvalidInput(
            "reading sequences", "x is (frames, features) or (samples, frames, features)", array.shape
        )
    stack = array[None] if array.ndim == 2 else array
    if lengths is None:
        return list(stack)
    own = _whole_lengths(lengths, *stack.shape[:2])
    return [part[:length] for part, length in zip(stack, own, strict=True)]


def _whole_lengths(lengths: Sequence[int] | np.ndarray, samples: int, frames: int) -> list[int]:
    """The number of each sample's own frames."""
    counts = np.asarray(lengths)
    fitting = counts.shape == (samples,) and (counts.dtype.kind in "iu" or not samples)
    if not fitting or not all(1 <= length <= frames for length in counts.tolist()):
        raise InvalidInput(
            "reading lengths",
            f"there are {samples} whole numbers, each from 1 to the {frames} frames of a sample",
            counts.tolist() if counts.size <= 10 else f"shape {counts.shape}, type {counts.dtype}",
        )
    return counts.tolist()


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


def _labels(y: int | Sequence[Any] | np.ndarray, frames: Sequence[np.ndarray], framewise: bool) -> Labels:
    """One class a sample, or a list of them; those of frames are cut where there are more of them than frames."""
    count = len(frames)
    try:
        labels = np.asarray(y)
    except ValueError:  # lists of different lengths
        if not isinstance(y, list | tuple) or len(y) != count:
            raise InvalidInput(
                "reading labels", f"there are {count} lists of labels", type(y).__name__
            ) from None
        return tuple(_row(row, len(part) if framewise else None) for row, part in zip(y, frames, strict=True))
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
        return tuple(
            _row(row, len(part) if framewise else None) for row, part in zip(labels, frames, strict=True)
        )
    return tuple(int(label) for label in labels.reshape(-1))


def _row(labels: Any, most: int | None) -> tuple[int, ...]:
    row = np.asarray(labels)
    if row.ndim != 1 or row.dtype.kind not in "iuf" or not bool((row == np.rint(row)).all()):
        raise InvalidInput("reading labels", "a sample's labels are whole numbers", f"shape {row.shape}")
    if most is None and bool((row < 0).any()):
        raise InvalidInput(
            "reading labels",
            "labels of --multi-label are 0 or 1",
            f"{row.min():g}",
            "Write 0 where not given.",
        )
    return tuple(int(label) for label in row[:most])


def _asked(label: int | tuple[int, ...], frames: int, span: Span) -> int | tuple[int, ...]:
    """A sample's labels, of a step for each frame without those of padding."""
    if isinstance(label, int) or len(label) != frames:
        return label
    return tuple(one if span[0] <= step < span[1] else UNASKED for step, one in enumerate(label))
