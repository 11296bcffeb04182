"""Labelled sequences to train on, and how they are split and gathered into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from certrnn.errors import InvalidInput, UsageError

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class Examples:
    """Labelled sequences, of one length or of different ones.

    Args:
        x: frames (T, D) float32 of each sample, or words (T,) int64.
        y: classes (N,) int64.
        numbers: the position of each sample in what was read.
        notes: what was done on reading, one line each.
    """

    x: tuple[np.ndarray, ...]
    y: np.ndarray
    numbers: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @staticmethod
    def of(x: Sequence[np.ndarray] | np.ndarray, y: Sequence[int] | np.ndarray) -> Examples:
        """Examples of arrays in memory: x (N, T, D), or a list of (T, D); words (N, T) or a list of (T,).

        Raises:
            InvalidInput: there is another number of labels, or a label is no class.
        """
        words = np.asarray(x[0]).dtype.kind in "iu"
        arrays = tuple(np.ascontiguousarray(one, dtype=np.int64 if words else np.float32) for one in x)
        labels = np.asarray(y, dtype=np.int64)
        if labels.shape != (len(arrays),):
            raise InvalidInput(
                "training", f"there is a label for each of {len(arrays)} samples", labels.shape
            )
        if len(labels) and labels.min() < 0:
            raise InvalidInput("training", "labels number the classes from 0", int(labels.min()))
        return Examples(arrays, labels, tuple(range(len(arrays))))

    def __len__(self) -> int:
        return len(self.x)

    @property
    def frames(self) -> int | None:
        """The number of frames that all have; None where they differ."""
        lengths = {len(one) for one in self.x}
        return lengths.pop() if len(lengths) == 1 else None

    def take(self, rows: Sequence[int]) -> Examples:
        """The examples of these rows, in that order."""
        chosen = tuple(self.x[row] for row in rows), self.y[list(rows)]
        return replace(self, x=chosen[0], y=chosen[1], numbers=tuple(self.numbers[row] for row in rows))

    def split(self, share: float, seed: int) -> tuple[Examples, Examples]:
        """Examples to train on, and ``share`` of all held out: of every class alike, drawn by the seed.

        Raises:
            UsageError: none is left on one of the sides.
        """
        generator = np.random.default_rng(seed)
        held: list[int] = []
        for label in np.unique(self.y):
            rows = generator.permutation(np.flatnonzero(self.y == label))
            held += rows[: round(share * len(rows))].tolist()
        rest = sorted(set(range(len(self))) - set(held))
        if not 0 < share < 1 or not held or not rest:
            requirement = "some samples are trained on and some held out"
            raise UsageError("reading --heldout", requirement, f"{share} of {len(self)} samples")
        return self.take(rest), self.take(sorted(held))

    def batches(self, size: int) -> Iterator[Batch]:
        """Batches of samples of one length each, shuffled by torch's random numbers."""
        order = torch.randperm(len(self)).tolist()
        by_length: dict[int, list[int]] = {}
        for row in order:
            by_length.setdefault(len(self.x[row]), []).append(row)
        parts = [rows[i : i + size] for rows in by_length.values() for i in range(0, len(rows), size)]
        for place in torch.randperm(len(parts)).tolist():
            yield self.batch(parts[place])

    def in_order(self, size: int) -> Iterator[Batch]:
        """Batches of samples of one length each, every sample once, by length."""
        rows = sorted(range(len(self)), key=lambda row: len(self.x[row]))
        start = 0
        while start < len(rows):
            length = len(self.x[rows[start]])
            part = [row for row in rows[start : start + size] if len(self.x[row]) == length]
            yield self.batch(part)
            start += len(part)

    def batch(self, rows: Sequence[int]) -> Batch:
        """Samples of one length, stacked, and their labels."""
        return torch.from_numpy(np.stack([self.x[row] for row in rows])), torch.from_numpy(self.y[list(rows)])
