"""Which number a word has."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from certrnn.io.data.samples import Origin, shown
from certrnn.io.text.texts import plain_text

UNKNOWN = ("<unk>", "[UNK]", "<UNK>", "<oov>", "<OOV>", "UNK")
PADDING = ("<pad>", "[PAD]", "<PAD>", "<padding>", "PAD")
"""How vocabularies name the entry for unknown words, and the one for padding. A plain ``pad`` is a word like others."""

_PIECES = re.compile(r"<\w+>|\[\w+\]|\w+(?:['\u2019]\w+)*|[^\w\s]")
_SPECIAL = re.compile(r"<.*>|\[.*\]|UNK|PAD")


@dataclass(frozen=True)
class Vocabulary:
    """Words and their numbers.

    Parameters
    ----------
    ids: word to number, none of them negative.
    """

    ids: Mapping[str, int]

    @property
    def unknown(self) -> str | None:
        """The entry for words that are not listed; None where there is none."""
        return next((name for name in UNKNOWN if name in self.ids), None)

    @property
    def padding(self) -> int | None:
        """The number of padding: that of its entry, or 0 where no word has it (Keras counts from 1); else None."""
        named = next((self.ids[name] for name in PADDING if name in self.ids), None)
        return 0 if named is None and 0 not in self.ids.values() else named

    @property
    def lower(self) -> bool:
        """True where no word has a capital letter, so that texts are lower-cased first."""
        return not any(word != word.lower() for word in self.ids if not _SPECIAL.fullmatch(word))

    def only(self, words: Iterable[str]) -> Vocabulary:
        """Without the words that are not among ``words``."""
        kept = set(words)
        return Vocabulary({word: number for word, number in self.ids.items() if word in kept})


def pieces(text: str, split: str) -> list[str]:
    """The words of a text: between white space (``space``), or with punctuation apart (``words``).

    >>> pieces("It's good, really.", "space"), pieces("It's good, really.", "words")
    (["It's", 'good,', 'really.'], ["It's", 'good', ',', 'really', '.'])
    """
    return text.split() if split == "space" else _PIECES.findall(text)


def read_vocabulary(path: str | os.PathLike[str]) -> Vocabulary:
    """A word a line, numbered from 0, or a JSON object from word to number (or list of words).

    Raises
    ------
    InvalidInput: the file is missing, damaged, names a word twice or numbers one with anything but 0, 1, 2, ...
    """
    origin = Origin(Path(path))
    text = plain_text(origin)
    found = _json(text, origin)
    if found is not None:
        return _from_json(found, origin)
    lines = text.split("\n")
    words = [line.strip(" \t\r") for line in (lines[:-1] if not lines[-1].strip() else lines)]
    if "" in words:
        raise origin.invalid("every line holds a word", f"line {words.index('') + 1} is empty")
    return _numbered(words, origin)


def _json(text: str, origin: Origin) -> list[Any] | None:
    """What a JSON file holds, pairs for an object; None where the text is words, of which some begin so."""
    named = origin.path.name.lower().removesuffix(".gz").endswith(".json")
    if not named and not text.lstrip().startswith(("{", "[")):
        return None
    try:
        found = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        if not named:
            return None
        raise origin.invalid("the vocabulary is JSON", shown(str(error), 100)) from None
    return found if isinstance(found, list) else []


def _from_json(found: list[Any], origin: Origin) -> Vocabulary:
    if found and all(isinstance(word, str) for word in found):
        return _numbered(found, origin)
    pairs = [pair for pair in found if isinstance(pair, tuple)]
    good = len(pairs) == len(found) > 0
    if not good or not all(type(number) is int and 0 <= number < 1 << 31 for _, number in pairs):
        remedy = "A Hugging Face tokenizer.json is read by --tokenizer."
        raise origin.invalid("JSON maps every word to its number, 0 or above", shown(found), remedy)
    _numbered([word for word, _ in pairs], origin)
    return Vocabulary(dict(pairs))


def _numbered(words: list[str], origin: Origin) -> Vocabulary:
    ids = {word: number for number, word in enumerate(words)}
    if len(ids) != len(words):
        twice = next(word for number, word in enumerate(words) if ids[word] != number)
        raise origin.invalid("every word is listed once", f"{shown(twice)!r} twice")
    return Vocabulary(ids)
