"""Edits of texts: which words may become which, in the network's own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from certrnn.datasets.sequences import Sequences
from certrnn.datasets.texts import word_table
from certrnn.errors import InvalidInput
from certrnn.io.onnx import OnnxModel
from certrnn.io.text import TextSource, read_encoder
from certrnn.io.text.alphabet import VOCAB, alphabet, read_listed
from certrnn.threats import Edits, Place

_LEAVE = "The network's masks (of padding, say) would change: name other words."


def edits_of(
    network: OnnxModel,
    source: TextSource,
    texts: Sequences,
    most: int,
    name: str | None = None,
    synonyms: str | None = None,
) -> tuple[Edits, str]:
    """At most ``most`` words of a text become others; and a note that says which.

    Of a network that computes masks from words, a word only becomes one that is masked as it is.

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
        return _anything(
            Edits(most, pool, None, name or VOCAB, names=tuple(words)), network, numbers, texts, note
        )
    listed, place = read_listed(synonyms), {word: k for k, word in enumerate(words)}
    others = {
        word: sorted({place[s] for s in some if s in place and s != word}) for word, some in listed.items()
    }
    lost = sum(s not in place for some in listed.values() for s in some)
    places, masked = [], 0
    for position, number in enumerate(texts.numbers):
        own = () if texts.words is None else texts.words[position]
        alike = _alike(network, numbers, texts, position)
        for where, word, fits in zip(texts.place(position), own, alike, strict=True):
            some = np.array(others.get(word, []), dtype=np.int64)
            kept = some if fits is None else some[fits[some]]
            masked += len(some) - len(kept)
            if len(kept):
                places.append(Place(number, where, kept))
    if not places:
        remedy = _LEAVE if masked else "Look at small and capital letters."
        received = "only some that the network masks otherwise" if masked else "none"
        raise InvalidInput("reading --synonyms", "some word of the texts has a synonym", received, remedy)
    count = sum(len(own) for own in texts.words or ())
    note = f"{len(places)} of {count} words have synonyms; the others stay"
    note += f"; {lost} synonyms that are not in the vocabulary were left out" if lost else ""
    note += f"; {masked} that the network masks otherwise than their words were left out" if masked else ""
    return Edits(most, pool, tuple(places), name or "", synonyms, tuple(words)), note


def _anything(
    edits: Edits, network: OnnxModel, numbers: np.ndarray, texts: Sequences, note: str
) -> tuple[Edits, str]:
    """Any word that the network masks as it masks the one in whose place it stands.

    Where this is the same for all words of the texts the pool is cut; else every place lists its own.

    Args:
        edits: any word of the pool wherever.
        numbers: (V,) the words of the pool.

    Raises:
        InvalidInput: there is no such word.
    """
    shared: dict[bytes, np.ndarray] = {}
    places = []
    for position, number in enumerate(texts.numbers):
        alike = _alike(network, numbers, texts, position)
        for where, fits in zip(texts.place(position), alike, strict=True):
            if fits is None:
                return edits, note
            kept = shared.setdefault(fits.tobytes(), np.flatnonzero(fits))
            if len(kept):
                places.append(Place(number, where, kept))
    if not places:
        requirement = "some word is one that the network masks as it masks the texts' own"
        raise InvalidInput("reading --alphabet", requirement, "none", _LEAVE)
    if len(shared) > 1:
        note += "; but none that the network masks otherwise than the word in whose place it would stand"
        return replace(edits, places=tuple(places)), note
    (kept,) = shared.values()
    if len(kept) == len(numbers):
        return edits, note
    note += (
        f"; {len(numbers) - len(kept)} that the network masks otherwise than the texts' words were left out"
    )
    return replace(edits, pool=edits.pool[kept], names=tuple(edits.names[k] for k in kept)), note


def _alike(
    network: OnnxModel, numbers: np.ndarray, texts: Sequences, position: int
) -> Sequence[np.ndarray | None]:
    """For each word of a text which of the words ``numbers`` (V,) the network masks as it masks this one: (V,) bool.

    None where it masks none.
    """
    kind = texts.kind(position)
    first, stop = kind.span
    if not kind.marks:
        return [None] * (stop - first)
    told = np.array(network.marks_of(numbers, len(kind.marks)))
    which = {mark: told == mark for mark in set(kind.marks)}
    return [which[mark] for mark in kind.marks[first:stop]]


def _own_numbers(vectors: np.ndarray, network: OnnxModel) -> np.ndarray:
    precision: Any = network.input.precision
    return vectors if network.input.tokens else vectors.astype(precision).astype(np.float64)
