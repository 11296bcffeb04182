"""Keras' ``Tokenizer``, as its ``to_json`` writes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from certrnn.io.data.samples import Origin, shown
from certrnn.io.text.splitting import Splitting

CLASS = "Tokenizer"


@dataclass(frozen=True)
class KerasTokenizer(Splitting):
    """How the tokenizer takes texts apart, and its words.

    Args:
        filters: characters that are read as ``split``.
        lower: in small letters.
        split: what stands between words.
        letters: every character is a word.
        ids: words that it numbers, from 1; 0 is padding.
        unknown: the entry for other words; None where they are left out.
    """

    filters: str
    lower: bool
    split: str
    letters: bool
    ids: dict[str, int]
    unknown: str | None
    rule: str = "texts are read by Keras' Tokenizer"

    def words(self, text: str) -> list[str]:
        lowered = text.lower() if self.lower else text
        if self.letters:
            return list(lowered)
        parts = lowered.translate({ord(letter): self.split for letter in self.filters}).split(self.split)
        return [part for part in parts if part]


def keras_tokenizer(document: Any, origin: Origin) -> KerasTokenizer | None:
    """The tokenizer that a JSON document is; None for another document.

    Raises:
        InvalidInput: it is damaged.
    """
    if not isinstance(document, dict) or document.get("class_name") != CLASS:
        return None
    try:
        config: dict[str, Any] = document["config"]
        index = config["word_index"]
        return _tokenizer(config, json.loads(index) if isinstance(index, str) else index)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        requirement = "the file is what Keras' Tokenizer.to_json wrote"
        raise origin.invalid(requirement, shown(repr(error), 100)) from None


def _tokenizer(config: dict[str, Any], index: dict[str, int]) -> KerasTokenizer:
    most, unknown = config.get("num_words"), config.get("oov_token")
    if not all(type(number) is int and number > 0 for number in index.values()):
        raise ValueError("a word's number is 1 or above")
    # as in Keras: words beyond the most frequent are unknown, the entry for unknown words always counts
    ids = {w: n for w, n in index.items() if not most or n < most or w == unknown}
    if not config["split"]:
        raise ValueError("something stands between words")
    if unknown is not None and unknown not in ids:
        raise ValueError("the entry for unknown words has no number")
    return KerasTokenizer(
        str(config["filters"]),
        bool(config["lower"]),
        str(config["split"]),
        bool(config["char_level"]),
        ids,
        unknown,
    )
