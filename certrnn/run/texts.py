"""Texts as a network takes them: numbers of words, word vectors, padding and lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from certrnn.errors import InvalidInput, UsageError
from certrnn.io.onnx import OnnxModel
from certrnn.io.text import Encoded, Encoder, TextSource, read_encoder, read_texts
from certrnn.run.reading import KEPT, TOLD, fits
from certrnn.run.sequences import Sequences

ZERO = "zero"
"""How a person names the vector of zeros that words may fade to."""

_LISTED = 5
"""Samples named in a note before it says how many more there are."""


def read_text(network: OnnxModel, source: TextSource) -> Sequences:
    """Texts as sequences of word vectors, not yet rounded to the network's number type.

    A network that takes any number of words gets each text as it is; one that takes a fixed number gets it padded,
    or cut off. Padding is never disturbed. Texts without a word are left out, with a note.

    Raises
    ------
    InvalidInput: a file is missing or damaged, a word has no number, or the numbers do not fit the network.
    UsageError, Unsupported: options do not fit the network, or a package is missing.
    """
    texts, encoder = read_texts(source.text), read_encoder(source)
    table = _table(network, encoder)
    fixed = _fixed_frames(network, table.shape[1])
    encoded = [encoder.encode(text, fixed) for text in texts.texts]
    kept = [number for number, one in enumerate(encoded) if len(one.ids)]
    if not kept:
        raise InvalidInput("reading texts", "a text has at least one word", "only texts without")
    chosen = [encoded[number] for number in kept]
    for number, one in zip(kept, chosen, strict=True):
        _check_ids(one, number, table)
    padded = [_padded(one.ids, encoder, network, fixed) for one in chosen]
    notes = [encoder.rule, *_notes(encoded, kept)]
    if any(len(ids) > len(one.ids) for (ids, _), one in zip(padded, chosen, strict=True)):
        notes.append(TOLD if network.takes_lengths else KEPT)
    labels = None if texts.labels is None else [texts.labels[number] for number in kept]
    found = Sequences.of([table[ids] for ids, _ in padded], labels).spanning([span for _, span in padded])
    return found.spoken([one.words for one in chosen], kept).noted(*notes)


def fade_to(network: OnnxModel, source: TextSource, word: str | None = None) -> tuple[str, np.ndarray]:
    """What words fade to, by name, and its vector (features,), in the network's own numbers.

    Parameters
    ----------
    word: a word, or ``zero``; None for the entry for unknown words where there is one, else zeros.

    Raises
    ------
    InvalidInput: the word is not one word of the vocabulary.
    """
    encoder = read_encoder(source)
    table = _table(network, encoder)
    if word is None and encoder.unknown is not None:
        return "the unknown word", table[encoder.unknown]
    if word is None or word == ZERO:
        return "a vector of zeros", np.zeros(table.shape[1])
    one = encoder.encode(word)
    if len(one.ids) != 1 or one.unknown:
        raise InvalidInput("reading --toward", "it is one word of the vocabulary, or zero", repr(word))
    return repr(one.words[0]), table[one.ids[0]]


def _table(network: OnnxModel, encoder: Encoder) -> np.ndarray:
    """Vectors by number: the network's own, or those of the file."""
    if network.embedding is not None:
        if encoder.table is not None:
            requirement = "the network takes word vectors"
            raise UsageError("reading --embeddings", requirement, "one that looks words up itself")
        return network.embedding.table
    if encoder.table is None:
        remedy = "Pass its word vectors with --embeddings."
        raise UsageError(
            "reading --text", "the network looks words up, or --embeddings does", "neither", remedy
        )
    width = network.input.dims[-1] if network.input.dims else None
    if width is not None and width != encoder.table.shape[1]:
        raise InvalidInput(
            "reading --embeddings", f"vectors have the network's {width} features", encoder.table.shape[1]
        )
    return encoder.table


def _fixed_frames(network: OnnxModel, features: int) -> int | None:
    """The only number of words that the network takes; None where any will do."""
    sizes = [size for size in network.input.dims if size is not None]
    fixed = [n for n in sizes if fits(network, n, features) and not fits(network, n + 1, features)]
    return max(fixed) if fixed else None


def _check_ids(one: Encoded, number: int, table: np.ndarray) -> None:
    if int(one.ids.max()) >= len(table):
        raise InvalidInput(
            f"reading text {number}",
            f"the words' numbers lie in 0..{len(table) - 1}, the rows of the embedding",
            f"{int(one.ids.max())} for {one.words[int(one.ids.argmax())]!r}",
            "Pass the vocabulary that the network was trained with.",
        )


def _padded(
    ids: np.ndarray, encoder: Encoder, network: OnnxModel, fixed: int | None
) -> tuple[np.ndarray, tuple[int, int]]:
    """Numbers filled up to what network and tokenizer ask for, and which of them are the text's own."""
    missing = max(fixed or 0, encoder.fill or 0, len(ids)) - len(ids)
    if not missing:
        return ids, (0, len(ids))
    if encoder.padding is None:
        requirement = f"the vocabulary says what fills short texts up to {len(ids) + missing} words"
        raise InvalidInput("padding a text", requirement, "no entry such as <pad>", "Add one.")
    filling = np.full(missing, encoder.padding, dtype=np.int64)
    if encoder.side == "left":
        if network.takes_lengths:
            raise UsageError(
                "reading --pad", "a network that is told lengths has its padding on the right", "left"
            )
        return np.concatenate([filling, ids]), (missing, missing + len(ids))
    return np.concatenate([ids, filling]), (0, len(ids))


@dataclass(frozen=True)
class _Counts:
    words: int
    unknown: int
    cut: int
    dropped: int


def _notes(encoded: Sequence[Encoded], kept: Sequence[int]) -> list[str]:
    """What became of unknown words, of long texts and of texts without a word."""
    sums = _Counts(
        sum(len(one.ids) for one in encoded),
        sum(one.unknown for one in encoded),
        sum(one.cut > 0 for one in encoded),
        sum(one.dropped for one in encoded),
    )
    notes = []
    if sums.unknown:
        notes.append(f"{sums.unknown} of {sums.words} words are unknown and read as the entry for such words")
    if sums.dropped:
        notes.append(f"{sums.dropped} unknown words were left out, as asked")
    if sums.cut:
        notes.append(f"{sums.cut} of {len(encoded)} texts were too long, and cut off")
    empty = [number for number in range(len(encoded)) if number not in set(kept)]
    if empty:
        listed = ", ".join(str(number) for number in empty[:_LISTED])
        more = f" and {len(empty) - _LISTED} more" if len(empty) > _LISTED else ""
        notes.append(f"samples {listed}{more} hold no word and were left out")
    return notes
