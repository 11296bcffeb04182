"""What a network computes from its words beside looking them up: masks, and lengths counted from them.

A mask is a function of the words that takes few values, of padding and of other words. A disturbance moves vectors and
leaves words what they are, so that all of this is known numbers for one sample: those that its own words give. Words of
equal values are one class; samples with the same classes share a graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from certrnn.errors import InvalidInput, Unsupported
from certrnn.io.onnx.lookup import Embedding

MAX_CLASSES = 4
"""Most classes of words that a network may tell apart beside looking them up."""

Marks = tuple[int, ...]
"""The class of each word of a sample."""

SAID = "what the network computes from the words themselves (masks) stays as each sample's own words say"


@dataclass(frozen=True, eq=False)
class WordClasses:
    """Words told apart by functions of them.

    Args:
        table: the vectors of words, from ``least`` on.
        rows: (K, W) the functions, as in :class:`certrnn.io.onnx.tensors.Tokens`.
    """

    table: Embedding
    rows: np.ndarray

    @staticmethod
    def of(table: Embedding, read: Sequence[np.ndarray], where: str) -> WordClasses | None:
        """The classes that functions ``read`` (W,) tell apart; None where nothing is read.

        Raises:
            Unsupported: they tell apart more than a few.
        """
        if not read:
            return None
        classes = WordClasses(table, np.unique(np.stack([row.astype(np.float64) for row in read]), axis=0))
        if len(classes.members) > MAX_CLASSES:
            raise Unsupported(
                where,
                f"what is computed from words, beside rows that are looked up, has at most {MAX_CLASSES} values, as "
                "masks have",
                f"{len(classes.members)} values",
                "Compute it before the network, or export the part behind it with the numbers as an input.",
            )
        return classes

    def knows(self, row: np.ndarray) -> bool:
        """True where a function is one of those that tell words apart."""
        return bool((self.rows == row.astype(np.float64)).all(axis=1).any())

    @cached_property
    def _told(self) -> tuple[np.ndarray, np.ndarray]:
        middle, least, size = self.rows.shape[1] // 2, self.table.least, len(self.table.table)
        columns = self.rows[:, middle + least : middle + size]
        _, first, which = np.unique(columns, axis=1, return_index=True, return_inverse=True)
        return first + least, which.reshape(-1)

    @property
    def members(self) -> np.ndarray:
        """A word of each class."""
        return self._told[0]

    def of_words(self, words: np.ndarray) -> Marks:
        """The classes of words (T,)."""
        return tuple(self._told[1][np.asarray(words) - self.table.least].tolist())

    @cached_property
    def _by_vector(self) -> dict[bytes, set[int]]:
        every = np.arange(len(self.table.table))
        marks: dict[bytes, set[int]] = {}
        for word, mark in zip(every, self.of_words(every), strict=True):
            marks.setdefault(self.table.table[word].tobytes(), set()).add(mark)
        return marks

    def of_vector(self, vector: np.ndarray) -> set[int]:
        """The classes of the words whose vector (D,) is this one; none where it is no word's."""
        return self._by_vector.get(np.ascontiguousarray(vector, dtype=np.float64).tobytes(), set())

    def of_vectors(self, vectors: np.ndarray) -> Marks:
        """The classes of the words that vectors (T, D) stand for.

        Raises:
            InvalidInput: one is no word's, or that of words of two classes.
        """
        candidates = [self.of_vector(vector) for vector in vectors]
        wrong = next((place for place, marks in enumerate(candidates) if len(marks) != 1), None)
        if wrong is not None:
            raise InvalidInput(
                "reading word vectors",
                "each is that of words of one class, so that the network's mask is known",
                f"another one, vector {wrong} of them",
                "Pass words, by their numbers.",
            )
        return tuple(next(iter(marks)) for marks in candidates)
