"""Texts as numbers of words: by a vocabulary, or by a Hugging Face tokenizer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from certrnn.errors import InvalidInput, UsageError
from certrnn.io.data.samples import shown
from certrnn.io.text.embeddings import Embeddings, read_embeddings
from certrnn.io.text.source import DROP, TextSource
from certrnn.io.text.vocabulary import PADDING, Vocabulary, pieces, read_vocabulary


@dataclass(frozen=True, eq=False)
class Encoded:
    """One text: its words as they are shown, their numbers (T,) int64, how many of them are unknown, and how many words
    of the text were cut off or left out."""

    words: tuple[str, ...]
    ids: np.ndarray
    unknown: int = 0
    cut: int = 0
    dropped: int = 0


class Encoder(ABC):
    """Turns texts into numbers of words.

    ``padding`` is the number that fills up short texts, or None where none is known; ``side`` is where it goes;
    ``fill`` is the number of words that every text is filled up to, whatever the network takes, or None.
    ``unknown`` is the number of the entry for unknown words, or None. ``table`` (numbers, features) holds the vectors,
    or None where the network has its own. ``rule`` says in a few words how texts were read.
    """

    unknown: int | None
    padding: int | None
    side: str
    fill: int | None
    table: np.ndarray | None
    rule: str

    @abstractmethod
    def encode(self, text: str, limit: int | None = None) -> Encoded:
        """The words of a text, at most ``limit`` of them."""


@dataclass(frozen=True, eq=False)
class WordEncoder(Encoder):
    """Words of a vocabulary.

    Parameters
    ----------
    unknown: number of the entry that unknown words are read as; None to leave them out.
    strict: unknown words are an error, for there is neither an entry for them nor leave to drop them.
    """

    vocabulary: Vocabulary
    source: TextSource
    unknown: int | None
    strict: bool
    padding: int | None
    side: str
    table: np.ndarray | None
    rule: str
    fill: int | None = None

    def encode(self, text: str, limit: int | None = None) -> Encoded:
        words = pieces(text.lower() if self.vocabulary.lower else text, self.source.split)
        ids = self.vocabulary.ids
        known = [(word, ids.get(word, self.unknown)) for word in words]
        missing = [word for word in words if word not in ids]
        if missing and self.strict:
            remedy = "Give it an entry such as <unk>, or pass --unknown drop, or --split words."
            raise InvalidInput(
                "reading texts", "the vocabulary holds every word", repr(shown(missing[0])), remedy
            )
        kept = [(word, number) for word, number in known if number is not None]
        most = min(limit or len(kept), self.source.max_length or len(kept))
        taken = kept[:most]
        unknown = sum(word not in ids for word, _ in taken)
        numbers = np.array([number for _, number in taken], dtype=np.int64)
        dropped = len(known) - len(kept)
        return Encoded(tuple(word for word, _ in taken), numbers, unknown, len(kept) - len(taken), dropped)


def word_encoder(source: TextSource) -> WordEncoder:
    """The encoder of ``--vocab`` and ``--embeddings``.

    Raises
    ------
    InvalidInput: a file is damaged. UsageError: the entry for unknown words does not exist.
    """
    vocabulary = None if source.vocab is None else read_vocabulary(source.vocab)
    embeddings = None if source.embeddings is None else read_embeddings(source.embeddings)
    table = None
    if embeddings is not None:
        vocabulary, table = _joined(vocabulary, embeddings, source)
    assert vocabulary is not None
    name = None if source.unknown == DROP else source.unknown or vocabulary.unknown
    if name is not None and name not in vocabulary.ids:
        raise UsageError("reading --unknown", "the entry is in the vocabulary, or drop", repr(name))
    rule = (
        "texts are split at white space" if source.split == "space" else "punctuation stands apart from words"
    )
    if vocabulary.lower:
        rule += " and lower-cased, as the vocabulary has no capital letters"
    unknown, padding = None if name is None else vocabulary.ids[name], vocabulary.padding
    if table is not None:
        # vectors of zeros stand in for padding and unknown words that the file does not name
        zero, table = len(table), np.concatenate([table, np.zeros((1, table.shape[1]))])
        named = any(word in vocabulary.ids for word in PADDING)
        padding = padding if named else zero
        unknown = zero if unknown is None and source.unknown != DROP else unknown
    strict = unknown is None and source.unknown != DROP
    side = source.pad or "right"
    return WordEncoder(vocabulary, source, unknown, strict, padding, side, table, rule)


def _joined(
    vocabulary: Vocabulary | None, embeddings: Embeddings, source: TextSource
) -> tuple[Vocabulary, np.ndarray]:
    """Words that have a vector, with the row of each."""
    own, table = embeddings.vocabulary, embeddings.table
    if own is None:
        if vocabulary is None:
            raise UsageError("reading --embeddings", "it names the words, or --vocab does", "vectors alone")
        if max(vocabulary.ids.values()) >= len(table):
            received = max(vocabulary.ids.values())
            raise InvalidInput(
                "reading --embeddings", f"the vocabulary's numbers lie in 0..{len(table) - 1}", received
            )
        return vocabulary, table
    return (own if vocabulary is None else own.only(vocabulary.ids)), table


def read_encoder(source: TextSource) -> Encoder:
    """The encoder that a source asks for.

    Raises
    ------
    InvalidInput, UsageError: its files or options are wrong. Unsupported: a package for it is missing.
    """
    if source.tokenizer is not None:
        from certrnn.io.text.tokenizer import tokenizer_encoder

        return tokenizer_encoder(source)
    return word_encoder(source)
