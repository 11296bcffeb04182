"""Edits of texts: which words may become which, in the network's own numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from certrnn.datasets.sequences import Sequences
from certrnn.datasets.texts import word_table
from certrnn.errors import InvalidInput
from certrnn.io.onnx import OnnxModel
from certrnn.io.text import TextSource, read_encoder
from certrnn.io.text.alphabet import VOCAB, alphabet, read_listed
from certrnn.threats import Edits, Place


def edits_of(
    network: OnnxModel,
    source: TextSource,
    texts: Sequences,
    most: int,
    name: str | None = None,
    synonyms: str | None = None,
) -> tuple[Edits, str]:
    """At most ``most`` words of a text become others; and a note that says which.

    Args:
        source: the texts' own files and options, whose vocabulary names the words.
        texts: all of them, as the network gets them.
        name: an alphabet, ``chars``, ``vocab`` or a file: what any word may become; the whole vocabulary where neither
            this nor ``synonyms`` is given.
        synonyms: a file that says what each word may become; with ``name`` beside it, of that only.

    Raises:
        InvalidInput: a file is damaged, or no word may become another.
        UsageError: no edit is allowed.
    """
    encoder = read_encoder(source)
    entries = encoder.entries
    words = alphabet(name or VOCAB, entries)
    numbers = np.array(list(words.values()), dtype=np.int64)
    table = word_table(network, encoder)
    pool = _own_numbers(table[numbers], network)
    if synonyms is None:
        named = "the vocabulary" if name in (None, VOCAB) else f"the alphabet {name}"
        note = f"a changed word is one of the {len(words)} of {named}"
        return Edits(most, pool, None, name or VOCAB, names=tuple(words)), note
    listed, place = read_listed(synonyms), {word: k for k, word in enumerate(words)}
    others = {
        word: sorted({place[s] for s in some if s in place and s != word}) for word, some in listed.items()
    }
    lost = sum(s not in place for some in listed.values() for s in some)
    places = []
    for position, number in enumerate(texts.numbers):
        own = () if texts.words is None else texts.words[position]
        for where, word in zip(texts.place(position), own, strict=True):
            if others.get(word):
                places.append(Place(number, where, np.array(others[word], dtype=np.int64)))
    if not places:
        remedy = "Look at small and capital letters."
        raise InvalidInput("reading --synonyms", "some word of the texts has a synonym", "none", remedy)
    count = sum(len(own) for own in texts.words or ())
    note = f"{len(places)} of {count} words have synonyms; the others stay"
    note += f"; {lost} synonyms that are not in the vocabulary were left out" if lost else ""
    return Edits(most, pool, tuple(places), name or "", synonyms, tuple(words)), note


def _own_numbers(vectors: np.ndarray, network: OnnxModel) -> np.ndarray:
    precision: Any = network.input.precision
    return vectors if network.input.tokens else vectors.astype(precision).astype(np.float64)
