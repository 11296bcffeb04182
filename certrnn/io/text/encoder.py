"""What turns a text into numbers, whatever its words are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Encoded:
    """One text in numbers.

    Args:
        words: the words that are read, as they are shown.
        ids: (T,) int64, what the network reads: words, and what a tokenizer puts before and after them.
        unknown: how many words are unknown.
        cut, dropped: how many words of the text were cut off, or left out.
        places: the position in the text of each word.
        first: the position in ``ids`` of the first word; the others follow.
        filled: how many of ``ids`` before and after the others are padding.
        known: for each word whether it is in the vocabulary; empty where all are.
    """

    words: tuple[str, ...]
    ids: np.ndarray
    unknown: int = 0
    cut: int = 0
    dropped: int = 0
    places: tuple[int, ...] = ()
    first: int = 0
    filled: tuple[int, int] = (0, 0)
    known: tuple[bool, ...] = ()


class Encoder(ABC):
    """Turns texts into numbers of words.

    ``padding`` is the number that fills up short texts, or None where none is known; ``side`` is where it goes, and
    ``cut_from`` where long texts lose words.
    ``unknown`` is the number of the entry for unknown words, or None. ``table`` (numbers, features) holds the vectors,
    or None where the network has its own. ``rule`` says in a few words how texts were read.
    """

    unknown: int | None
    padding: int | None
    side: str
    cut_from: str
    table: np.ndarray | None
    rule: str

    @property
    @abstractmethod
    def entries(self) -> Mapping[str, int]:
        """Every word that has a number, marks such as padding included."""

    @abstractmethod
    def encode(self, text: str, limit: int | None = None) -> Encoded:
        """A text in at most ``limit`` numbers."""
