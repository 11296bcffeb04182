"""Texts as a network takes them: numbers of words, word vectors, padding and lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from certrnn.datasets.files import KEPT, TOLD, fits, marked
from certrnn.datasets.sequences import Sequences
from certrnn.errors import InvalidInput, UsageError
from certrnn.io.onnx import OnnxModel
from certrnn.io.text import Encoded, Encoder, TextSource, read_encoder, read_texts
from certrnn.io.text.vocabulary import special

ZERO = "zero"
"""How a person names the vector of zeros that words may fade to."""

_LISTED = 5
"""Samples named in a note before it says how many more there are."""


def read_text(network: OnnxModel, source: TextSource) -> Sequences:
    """Texts as sequences of word vectors, not yet rounded to the network's number type.

    A network that takes any number of words gets each text as it is; one that takes a fixed number gets it padded,
    or cut off. Padding is never disturbed. Texts without a word are left out, with a note.

    Raises:
        InvalidInput: a file is missing or damaged, a word has no number, or the numbers do not fit the network.
        UsageError, Unsupported: options do not fit the network, or a package is missing.
    """
    texts, encoder = read_texts(source.text), read_encoder(source)
    table = word_table(network, encoder)
    fixed = _fixed_frames(network, table.shape[1])
    encoded = [encoder.encode(text, fixed) for text in texts.texts]
    numbers = [number for number, one in enumerate(encoded) if one.words]
    if not numbers:
        raise InvalidInput("reading texts", "a text has at least one word", "only texts without")
    chosen = [encoded[number] for number in numbers]
    warning = _require_known(chosen)
    for number, one in zip(numbers, chosen, strict=True):
        _check_ids(one, number, table)
    padded = [_padded(one, encoder, network, fixed) for one in chosen]
    notes = [encoder.rule, *texts.notes, *_notes(encoded, numbers, encoder)]
    if any(sum(one.filled) for one in padded):
        notes.append(TOLD if network.takes_lengths else KEPT)
    labels = None if texts.labels is None else [texts.labels[number] for number in numbers]
    sequences = Sequences.of([table[one.ids] for one in padded], labels)
    if network.embedding is not None:
        sequences = marked(network, sequences, [one.ids for one in padded])
    sequences = sequences.spanning([(one.first, one.first + len(one.words)) for one in padded])
    return replace(
        sequences,
        numbers=tuple(numbers),
        words=tuple(one.words for one in padded),
        told=tuple(len(one.ids) - sum(one.filled) + one.filled[0] for one in padded),
        places=tuple(one.places for one in padded),
        absent=tuple(sorted(set(range(len(encoded))) - set(numbers))),
        known=tuple(one.known for one in padded) if all(one.known for one in padded) else None,
        warning=warning,
        lexicon=() if network.embedding is None else _lexicon(encoder, len(table)),
    ).noted(*notes)


def fade_to(network: OnnxModel, source: TextSource, word: str | None = None) -> tuple[str, np.ndarray]:
    """What words fade to, by name, and its vector (features,), in the network's own numbers.

    Args:
        word: a word, or ``zero``; None for the entry for unknown words where there is one, else zeros.

    Raises:
        InvalidInput: the word is not one word of the vocabulary.
    """
    encoder = read_encoder(source)
    table = word_table(network, encoder)
    if word is None and encoder.unknown is not None:
        return "the unknown word", table[encoder.unknown]
    if word is None or word == ZERO:
        return "a vector of zeros", np.zeros(table.shape[1])
    one = encoder.encode(word)
    if len(one.words) != 1 or one.unknown:
        raise InvalidInput("reading --toward", "it is one word of the vocabulary, or zero", repr(word))
    return repr(one.words[0]), table[one.ids[one.first]]


def word_table(network: OnnxModel, encoder: Encoder) -> np.ndarray:
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


def _require_known(encoded: Sequence[Encoded]) -> str:
    """A warning where more than half of all words are unknown; "" else.

    Raises:
        InvalidInput: all of them are: the vocabulary is another one, or texts are split otherwise.
    """
    words, unknown = sum(len(one.words) for one in encoded), sum(one.unknown for one in encoded)
    remedy = "Pass the vocabulary of the network, or another --split (space, words, keras, chars)."
    if unknown == words:
        first = ", ".join(repr(word) for word in encoded[0].words[:3])
        raise InvalidInput(
            "reading texts", "some word is in the vocabulary", f"none, such as {first}", remedy
        )
    return f"{unknown} of {words} words are unknown. {remedy}" if unknown > words / 2 else ""


def _lexicon(encoder: Encoder, count: int) -> tuple[str, ...]:
    """The words of so many numbers; "" where one has none."""
    names = [""] * count
    for word, number in encoder.entries.items():
        if number < count and (not names[number] or special(names[number])):
            names[number] = word
    return tuple(names)


def _fixed_frames(network: OnnxModel, features: int) -> int | None:
    """The only number of words that the network takes; None where any will do."""
    sizes = [size for size in network.input.dims if size is not None]
    fixed = [n for n in sizes if fits(network, n, features) and not fits(network, n + 1, features)]
    return max(fixed) if fixed else None


def _check_ids(one: Encoded, number: int, table: np.ndarray) -> None:
    if int(one.ids.max()) >= len(table):
        place = int(one.ids.argmax()) - one.first
        named = one.words[place] if 0 <= place < len(one.words) else "a special token"
        raise InvalidInput(
            f"reading text {number}",
            f"the words' numbers lie in 0..{len(table) - 1}, the rows of the embedding",
            f"{int(one.ids.max())} for {named!r}",
            "Pass the vocabulary that the network was trained with.",
        )


def _padded(one: Encoded, encoder: Encoder, network: OnnxModel, fixed: int | None) -> Encoded:
    """A text filled up to what the network asks for."""
    missing = max(fixed or 0, len(one.ids)) - len(one.ids)
    if fixed is not None and len(one.ids) > fixed:
        requirement = f"a text has at most the network's {fixed} numbers"
        remedy = "Save the tokenizer with the padding that the network was trained with."
        raise InvalidInput(
            "padding a text", requirement, f"{len(one.ids)} with the tokenizer's padding", remedy
        )
    left = encoder.side == "left"
    if left and (missing or sum(one.filled)) and network.takes_lengths:
        requirement = "a network that is told lengths has its padding on the right"
        raise UsageError("reading --pad", requirement, "left", "Pass --pad right.")
    if not missing:
        return one
    if encoder.padding is None:
        requirement = f"the vocabulary says what fills short texts up to {len(one.ids) + missing} words"
        raise InvalidInput("padding a text", requirement, "no entry such as <pad>", "Add one.")
    filling = np.full(missing, encoder.padding, dtype=np.int64)
    before, after = one.filled
    if left:
        ids, filled = np.concatenate([filling, one.ids]), (before + missing, after)
        return replace(one, ids=ids, first=one.first + missing, filled=filled)
    return replace(one, ids=np.concatenate([one.ids, filling]), filled=(before, after + missing))


def _notes(encoded: Sequence[Encoded], numbers: Sequence[int], encoder: Encoder) -> list[str]:
    """What became of unknown words, of long texts and of texts without a word."""
    words, unknown = sum(len(one.words) for one in encoded), sum(one.unknown for one in encoded)
    dropped, cut = sum(one.dropped for one in encoded), sum(one.cut > 0 for one in encoded)
    notes = []
    if unknown:
        notes.append(f"{unknown} of {words} words are unknown and read as the entry for such words")
    if dropped:
        notes.append(f"{dropped} unknown words were left out, as asked")
    if cut:
        end = "first" if encoder.cut_from == "left" else "last"
        notes.append(f"{cut} of {len(encoded)} texts were too long, and their {end} words cut off")
    if dropped or (cut and encoder.cut_from == "left"):
        notes.append("frames count the words that are read, --words those of the whole text")
    empty = sorted(set(range(len(encoded))) - set(numbers))
    if empty:
        listed = ", ".join(str(number) for number in empty[:_LISTED])
        more = f" and {len(empty) - _LISTED} more" if len(empty) > _LISTED else ""
        notes.append(
            f"samples {listed}{more} hold no word and were left out: counts are of the other {len(numbers)} of "
            f"{len(encoded)} texts"
        )
    return notes
