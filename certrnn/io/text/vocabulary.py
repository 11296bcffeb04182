"""Which number a word has."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from certrnn.io.data.samples import Origin, shown
from certrnn.io.text.keras import KerasTokenizer, keras_tokenizer
from certrnn.io.text.splitting import Form
from certrnn.io.text.texts import lines, plain_text

UNKNOWN = ("<unk>", "[UNK]", "<UNK>", "<oov>", "<OOV>", "UNK")
PADDING = ("<pad>", "[PAD]", "<PAD>", "<padding>", "PAD")
"""How vocabularies name the entry for unknown words, and the one for padding. A plain ``pad`` is a word like others."""

FORMS: tuple[Form, ...] = ("NFC", "NFD")
_SPECIAL = re.compile(r"<.*>|\[.*\]|UNK|PAD")


def special(word: str) -> bool:
    """Whether an entry is no word but a mark, such as padding.

    >>> special("<pad>"), special("[UNK]"), special("a"), special("<")
    (True, True, False, False)
    """
    return bool(_SPECIAL.fullmatch(word))


@dataclass(frozen=True)
class Vocabulary:
    """Words and their numbers.

    Args:
        ids: word to number, none of them negative. Keras names number 0, its padding, "".
        keras: what else Keras' Tokenizer says; None for a plain vocabulary.
    """

    ids: Mapping[str, int]
    keras: KerasTokenizer | None = None

    @property
    def unknown(self) -> str | None:
        """The entry for words that are not listed; None where there is none."""
        if self.keras is not None:
            return self.keras.unknown
        return next((name for name in UNKNOWN if name in self.ids), None)

    @property
    def padding(self) -> int | None:
        """The number of padding: that of its entry, or 0 where no word has it (Keras counts from 1); else None."""
        named = next((self.ids[name] for name in PADDING if name in self.ids), None)
        return 0 if named is None and (0 not in self.ids.values() or self.ids.get("") == 0) else named

    @cached_property
    def lower(self) -> bool:
        """True where no word has a capital letter, so that texts are lower-cased first."""
        return not any(word != word.lower() for word in self.ids if not special(word))

    @cached_property
    def form(self) -> Form | None:
        """The Unicode form of all its words; None where they have no one form."""
        return next((f for f in FORMS if all(unicodedata.is_normalized(f, word) for word in self.ids)), None)

    def number(self, word: str) -> int | None:
        """The number of a word, as it is written or else with its accents composed; None where it is not listed."""
        entry = self.ids.get(word)
        return self.ids.get(unicodedata.normalize("NFC", word)) if entry is None else entry

    @property
    def remark(self) -> str:
        """What is odd about its words, or ""."""
        if self.keras is not None:
            return ""
        spaced = sum(len(word.split()) > 1 for word in self.ids)
        if spaced:
            return f"{spaced} of {len(self.ids)} entries of the vocabulary hold white space, and no word of a text does"
        return "number 0 of the vocabulary has no name and is padding, as in Keras" if "" in self.ids else ""

    def only(self, words: Iterable[str]) -> Vocabulary:
        """Without the words that are not among ``words``."""
        subset = set(words)
        return Vocabulary({word: number for word, number in self.ids.items() if word in subset})


def read_vocabulary(path: str | os.PathLike[str]) -> Vocabulary:
    """A word a line, numbered from 0; a JSON object from word to number, or list of words; or Keras' Tokenizer as its
    ``to_json`` writes it. A nameless first word is padding where it stands in a list, or before ``[UNK]``, as in Keras.

    Raises:
        InvalidInput: the file is missing, damaged, names a word twice or numbers one with anything but 0, 1, 2, ...
    """
    origin = Origin(Path(path))
    text = plain_text(origin)
    document = _json(text, origin)
    if document is not None:
        return _from_json(document, text, origin)
    words = [line.strip(" \t\r") for line in lines(text)]
    if "" in words[1:] or (words[0] == "" and not set(words[1:2]) & set(UNKNOWN)):
        remedy = "Where number 0 is padding, name it <pad>."
        raise origin.invalid("every line holds a word", f"line {words.index('') + 1} is empty", remedy)
    return _numbered(words, origin)


def _json(text: str, origin: Origin) -> list[Any] | str | None:
    """What a JSON file holds, pairs for an object; None where the text is words, of which some begin so."""
    named = origin.path.name.lower().removesuffix(".gz").endswith(".json")
    if not named and not text.lstrip().startswith(("{", "[")):
        return None
    try:
        document = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        if not named:
            return None
        raise origin.invalid("the vocabulary is JSON", shown(str(error), 100)) from None
    return document if isinstance(document, list | str) else []


def _from_json(document: list[Any] | str, text: str, origin: Origin) -> Vocabulary:
    if isinstance(document, list) and document and all(isinstance(word, str) for word in document):
        return _numbered(document, origin)
    keras = _keras(document, text, origin)
    if keras is not None:
        return Vocabulary(keras.ids, keras)
    pairs = [pair for pair in document if isinstance(pair, tuple)]
    if len(pairs) == 1 and pairs[0][0] == "word_index" and isinstance(pairs[0][1], list):
        pairs = document = pairs[0][1]
    good = len(pairs) == len(document) > 0 and all(isinstance(pair, tuple) for pair in pairs)
    if not good or not all(type(number) is int and 0 <= number < 1 << 31 for _, number in pairs):
        raise origin.invalid("JSON maps every word to its number, 0 or above", shown(document), _remedy(text))
    _numbered([word for word, _ in pairs], origin)
    return Vocabulary(dict(pairs))


def _keras(document: list[Any] | str, text: str, origin: Origin) -> KerasTokenizer | None:
    """Keras' Tokenizer, whose JSON people also write as one text in JSON."""
    try:
        whole = json.loads(document if isinstance(document, str) else text)
    except (ValueError, RecursionError):
        return None
    return keras_tokenizer(whole, origin)


def _remedy(text: str) -> str:
    if '"model"' in text:
        return "A Hugging Face tokenizer.json is read by --tokenizer."
    return 'Write {"word": number, ..}, or a list of the words in the order of their numbers.'


def _numbered(words: list[str], origin: Origin) -> Vocabulary:
    ids = {word: number for number, word in enumerate(words)}
    if len(ids) != len(words):
        twice = next(word for number, word in enumerate(words) if ids[word] != number)
        raise origin.invalid("every word is listed once", f"{shown(twice)!r} twice")
    return Vocabulary(ids)
