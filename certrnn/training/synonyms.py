"""Which words may stand for which: read from a file, given to a training run, and written for ``certify --words``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from certrnn.errors import InvalidInput
from certrnn.io.text.alphabet import read_listed
from certrnn.training.examples import Examples
from certrnn.training.perturbations import WordSets


@dataclass(frozen=True, eq=False)
class Synonyms:
    """Candidates of every word; calling it makes the perturbation of a batch, as :class:`.Run` wants it.

    Args:
        table: (words, K) numbers of words, each row's own word first; -1 where there are fewer.
    """

    table: torch.Tensor

    def __call__(self, x: torch.Tensor, share: float) -> WordSets:
        """Sets of words of a batch (B, frames), at a share of their hulls."""
        return WordSets(self.table[x], share)

    @property
    def digest(self) -> str:
        """Of the candidates, for checkpoints."""
        return hashlib.sha256(self.table.numpy().tobytes()).hexdigest()

    @staticmethod
    def of(words: Sequence[str], listed: Mapping[str, Sequence[str]]) -> Synonyms:
        """Of a vocabulary; words outside of it are left out, on either side.

        >>> Synonyms.of(["<unk>", "good", "fine"], {"good": ["fine", "grand"]}).table.tolist()
        [[0, -1], [1, 2], [2, -1]]
        """
        ids = {word: number for number, word in enumerate(words)}
        rows = [
            [number, *sorted({ids[s] for s in listed.get(word, ()) if s in ids} - {number})]
            for number, word in enumerate(words)
        ]
        table = np.full((len(rows), max(map(len, rows))), -1)
        for number, row in enumerate(rows):
            table[number, : len(row)] = row
        return Synonyms(torch.from_numpy(table))

    def lines(self, examples: Examples) -> str:
        """What ``certify --words`` reads: a line for each word of each example that has substitutes."""
        rows = []
        for sample, words in enumerate(examples.x):
            for position, word in enumerate(words.tolist()):
                others = [n for n in self.table[word].tolist()[1:] if n >= 0]
                if others:
                    entry = {"sample": sample, "position": position, "substitutes": others}
                    rows.append(json.dumps(entry))
        return "\n".join([*rows, ""])


def read_synonyms(path: str, words: Sequence[str]) -> Synonyms:
    """Synonyms from JSON, ``{"good": ["fine", "great"], ..}``, gzipped or not.

    Raises:
        InvalidInput: the file is missing, damaged or something else, or no word of the vocabulary has a synonym in it.
    """
    listed = read_listed(path)
    synonyms = Synonyms.of(words, listed)
    if synonyms.table.shape[1] == 1:
        requirement = "some word of the vocabulary has a synonym in it"
        raise InvalidInput(
            f"reading synonyms from {path}", requirement, "none", "Look at small and capital letters."
        )
    return synonyms
