"""What a person says words may become: an alphabet, or the synonyms of each word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from certrnn.errors import InvalidInput
from certrnn.io.data.read import file_content
from certrnn.io.data.samples import Origin, shown
from certrnn.io.text.texts import lines, plain_text
from certrnn.io.text.vocabulary import special

CHARS, VOCAB = "chars", "vocab"
"""Alphabets without a file: the entries of the vocabulary that are one character, or all of them."""


def alphabet(name: str, entries: Mapping[str, int]) -> dict[str, int]:
    """The words of ``--alphabet`` and their numbers, padding, the entry for unknown words and other marks apart.

    Args:
        name: ``chars``, ``vocab`` or a file, a word a line.
        entries: words of the vocabulary and their numbers.

    Raises:
        InvalidInput: there is none of them, or the file names a word that the vocabulary does not hold.

    >>> alphabet("chars", {"<pad>": 0, "<unk>": 1, "a": 2, "bc": 3})
    {'a': 2}
    """
    words = {word: number for word, number in entries.items() if word and not special(word)}
    if name == CHARS:
        words = {word: number for word, number in words.items() if len(word) == 1}
    elif name != VOCAB:
        words = _listed(name, words)
    if not words:
        requirement = f"some entry of the vocabulary is {'one character' if name == CHARS else 'a word'}"
        raise InvalidInput("reading --alphabet", requirement, "none")
    return words


def _listed(path: str, words: Mapping[str, int]) -> dict[str, int]:
    origin = Origin(Path(path))
    named = [line.strip(" \t\r") for line in lines(plain_text(origin))]
    named = [word for word in named if word]
    missing = [word for word in named if word not in words]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        received = f"{shown(missing[0])!r}{more}"
        remedy = "The network reads it as an unknown word: leave it out."
        raise origin.invalid("the vocabulary holds every word of the alphabet", received, remedy)
    return {word: words[word] for word in dict.fromkeys(named)}


def read_listed(path: str) -> dict[str, list[str]]:
    """Synonyms from JSON, ``{"good": ["fine", "great"], ..}``, gzipped or not.

    Raises:
        InvalidInput: the file is missing, damaged or something else.
    """
    origin = Origin(Path(path))
    try:
        text = file_content(origin.path, origin).decode("utf-8")
        synonyms = json.loads(text) if text.lstrip().startswith("{") else {}
    except (ValueError, RecursionError) as error:
        raise origin.invalid("synonyms are one JSON object", shown(str(error))) from None
    fits = all(isinstance(v, list) and all(isinstance(s, str) for s in v) for v in synonyms.values())
    if not synonyms or not fits:
        raise origin.invalid('synonyms are {"word": ["other", ..], ..}', shown(text))
    return synonyms
