"""From a text to its words."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

Form = Literal["NFC", "NFD"]
"""Unicode forms: letters with their accents in one, or apart."""
SPACE, WORDS, KERAS, CHARS = "space", "words", "keras", "chars"
SPLITS = (SPACE, WORDS, KERAS, CHARS)
"""What ``--split`` takes."""

_MARK = "\u0300"
_LETTERS = rf"(?:\w{_MARK}*)+"
_PIECES = re.compile(
    rf"<\w+>|\[\w+\]|{_LETTERS}(?:['\u2019\uff07\u00b7\u05f3\u05f4]{_LETTERS})*|[^\w\s]{_MARK}*"
)
_JOINERS = "\u200c\u200d"
_PUNCTUATION = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']")
"""What Keras' TextVectorization strips by default."""
_CAPITALS = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def pieces(text: str, split: str) -> list[str]:
    """The words of a text: between white space (``space``), with punctuation apart (``words``), or without it, in small
    letters, as Keras' TextVectorization does by default (``keras``). Or its characters, blanks included (``chars``).

    Accents and vowel signs stay with their letters, apostrophes and joiners inside of a word with the word.

    >>> pieces("It's good, really.", "space"), pieces("It's good, really.", "words")
    (["It's", 'good,', 'really.'], ["It's", 'good', ',', 'really', '.'])
    >>> pieces("no way", "chars")
    ['n', 'o', ' ', 'w', 'a', 'y']
    >>> pieces("It's GOOD, really.", "keras")
    ['its', 'good', 'really']
    """
    if split == SPACE:
        return text.split()
    if split == CHARS:
        return list(text)
    if split == KERAS:
        return _PUNCTUATION.sub("", text.translate(_CAPITALS)).split()
    # what belongs to the letter before it looks like one mark to the pattern
    shape = "".join(_MARK if _joined(letter) else letter for letter in text)
    return [text[match.start() : match.end()] for match in _PIECES.finditer(shape)]


def _joined(letter: str) -> bool:
    return letter > "\x7f" and (letter in _JOINERS or unicodedata.category(letter)[0] == "M")


class Splitting(ABC):
    """Takes texts apart as the vocabulary does; ``rule`` says how, in a few words."""

    rule: str

    @abstractmethod
    def words(self, text: str) -> list[str]:
        """The words of a text, in its order."""


@dataclass(frozen=True)
class Plain(Splitting):
    """Words as ``--split`` says.

    Args:
        split: one of :data:`SPLITS`.
        lower: in small letters.
        form: Unicode form of the vocabulary; None where it has no one form.
    """

    split: str
    lower: bool
    form: Form | None

    @property
    def rule(self) -> str:  # type: ignore[override]
        said = {
            SPACE: "texts are split at white space",
            WORDS: "texts are split into words and punctuation",
            CHARS: "texts are split into characters",
            KERAS: "texts are split at white space, lower-cased and without punctuation, as by Keras",
        }[self.split]
        if self.lower and self.split != KERAS:
            said += " and lower-cased, as the vocabulary has no capital letters"
        return said if self.form in (None, "NFC") else f"{said}, in Unicode form {self.form}"

    def words(self, text: str) -> list[str]:
        """In the vocabulary's form: whether an accent stands apart from its letter or not, a word is found."""
        lowered = text.lower() if self.lower and self.split != KERAS else text
        return pieces(unicodedata.normalize(self.form, lowered) if self.form else lowered, self.split)
