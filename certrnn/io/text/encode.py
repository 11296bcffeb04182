"""Texts as numbers of words: by a vocabulary, or by a Hugging Face tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from certrnn.errors import InvalidInput, UsageError
from certrnn.io.data.samples import shown
from certrnn.io.text.embeddings import Embeddings, read_embeddings
from certrnn.io.text.encoder import Encoded, Encoder
from certrnn.io.text.source import DROP, TextSource
from certrnn.io.text.splitting import SPACE, Plain, Splitting
from certrnn.io.text.vocabulary import PADDING, Vocabulary, read_vocabulary


@dataclass(frozen=True, eq=False)
class WordEncoder(Encoder):
    """Words of a vocabulary.

    Args:
        most: words kept of a text; None for all.
        unknown: number of the entry that unknown words are read as; None to leave them out.
        strict: unknown words are an error, for there is neither an entry for them nor leave to drop them.
    """

    vocabulary: Vocabulary
    splitting: Splitting
    most: int | None
    unknown: int | None
    strict: bool
    padding: int | None
    side: str
    cut_from: str
    table: np.ndarray | None
    rule: str

    @property
    def entries(self) -> Mapping[str, int]:
        return self.vocabulary.ids

    def encode(self, text: str, limit: int | None = None) -> Encoded:
        words = self.splitting.words(text)
        numbers = [self.vocabulary.number(word) for word in words]
        if self.strict and None in numbers:
            missing = repr(shown(words[numbers.index(None)]))
            remedy = "Give it an entry such as <unk>, or pass --unknown drop, or --split words."
            raise InvalidInput("reading texts", "the vocabulary holds every word", missing, remedy)
        places = [k for k, number in enumerate(numbers) if number is not None or self.unknown is not None]
        most = min(n for n in (limit, self.most, len(places)) if n is not None)
        taken = places[len(places) - most :] if self.cut_from == "left" else places[:most]
        entries = [numbers[k] for k in taken]
        ids = np.array([self.unknown if n is None else n for n in entries], dtype=np.int64)
        lost = len(places) - len(taken), len(words) - len(places)
        known = tuple(n is not None for n in entries)
        spoken = tuple(words[k] for k in taken)
        return Encoded(spoken, ids, entries.count(None), *lost, places=tuple(taken), known=known)


def word_encoder(source: TextSource) -> WordEncoder:
    """The encoder of ``--vocab`` and ``--embeddings``.

    Raises:
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
    drop = source.unknown == DROP or (vocabulary.keras is not None and name is None)
    splitting = _splitting(vocabulary, source)
    rule = "; ".join(said for said in (splitting.rule, vocabulary.remark) if said)
    unknown, padding = None if name is None else vocabulary.ids[name], vocabulary.padding
    if table is not None:
        # vectors of zeros stand in for padding and unknown words that the file does not name
        zero, table = len(table), np.concatenate([table, np.zeros((1, table.shape[1]))])
        named = any(word in vocabulary.ids for word in PADDING)
        padding = padding if named else zero
        unknown = zero if unknown is None and not drop else unknown
    strict = unknown is None and not drop
    side = source.pad or "right"
    cut_from, most = source.truncate or side, source.max_length
    return WordEncoder(vocabulary, splitting, most, unknown, strict, padding, side, cut_from, table, rule)


def _splitting(vocabulary: Vocabulary, source: TextSource) -> Splitting:
    if vocabulary.keras is None:
        return Plain(source.split or SPACE, vocabulary.lower, vocabulary.form)
    if source.split is not None:
        raise UsageError(
            "reading --split", "the vocabulary does not say itself how texts are split", source.split
        )
    return vocabulary.keras


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

    Raises:
        InvalidInput, UsageError: its files or options are wrong. Unsupported: a package for it is missing.
    """
    if source.tokenizer is not None:
        from certrnn.io.text.tokenizer import tokenizer_encoder

        return tokenizer_encoder(source)
    return word_encoder(source)
