"""S-expressions: words, parentheses, and brackets of indices, each with its place in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from certrnn.vnnlib.parse.source import Source

MAX_DEPTH = 100
MAX_WORD = 1000
"""Characters of a word; also of a number, so that exact arithmetic stays small."""

_TOKEN = re.compile(
    r"""\s+|;[^\n]*|(?P<text>"(?:[^"\\]|\\.)*")|(?P<mark>[()\[\],])|(?P<word>[^\s()\[\],;"]+)"""
)


@dataclass(frozen=True)
class Word:
    """A name, number, keyword or quoted text."""

    text: str
    offset: int


@dataclass(frozen=True)
class Group:
    """What stands between parentheses, or between brackets (then without its commas)."""

    items: tuple[Node, ...]
    offset: int
    brackets: bool = False

    @property
    def head(self) -> str:
        """The word that it starts with, or ""."""
        return self.items[0].text if self.items and isinstance(self.items[0], Word) else ""


Node = Word | Group


def read_groups(source: Source) -> tuple[Group, ...]:
    """Everything in the text, group by group.

    Raises:
        InvalidInput: parentheses that do not match, words outside of them, or more depth than a query needs.
    """
    open_: list[tuple[list[Node], int, bool]] = []
    done: list[Group] = []
    place, text = 0, source.text
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            raise source.broken(place, "quotes are closed", text[place : place + 20])
        offset, place = place, token.end()
        mark, word = token["mark"], token["word"] or token["text"]
        if word is not None:
            if len(word) > MAX_WORD:
                raise source.broken(offset, f"a word has at most {MAX_WORD} characters", len(word))
            if not open_:
                raise source.broken(offset, "a query is a sequence of (..)", word)
            open_[-1][0].append(Word(word, offset))
        elif mark is not None:
            _mark(source, mark, offset, open_, done)
    if open_:
        raise source.broken(open_[-1][1], "every parenthesis is closed", "one that is not")
    return tuple(done)


def _mark(
    source: Source, mark: str, offset: int, open_: list[tuple[list[Node], int, bool]], done: list[Group]
) -> None:
    if mark in "([":
        if len(open_) >= MAX_DEPTH:
            raise source.broken(offset, f"parentheses nest at most {MAX_DEPTH} deep", "more")
        if mark == "[" and (not open_ or open_[-1][2]):
            raise source.broken(offset, "brackets hold indices or a shape", "a bracket elsewhere")
        if mark == "(" and open_ and open_[-1][2]:
            raise source.broken(offset, "brackets hold numbers", "a parenthesis")
        open_.append(([], offset, mark == "["))
    elif mark == ",":
        if not open_ or not open_[-1][2]:
            raise source.broken(offset, "commas stand between indices", "a comma elsewhere")
        open_[-1][0].append(Word(",", offset))
    else:
        if not open_ or open_[-1][2] != (mark == "]"):
            raise source.broken(offset, "parentheses match", repr(mark))
        items, start, brackets = open_.pop()
        group = Group(_separated(source, items, start) if brackets else tuple(items), start, brackets)
        if open_:
            open_[-1][0].append(group)
        else:
            done.append(group)


def _separated(source: Source, items: list[Node], offset: int) -> tuple[Node, ...]:
    """The indices between brackets, without the commas that must separate them."""
    commas = [isinstance(item, Word) and item.text == "," for item in items]
    if items and (len(items) % 2 == 0 or commas != [place % 2 == 1 for place in range(len(items))]):
        raise source.broken(offset, "indices are separated by single commas", "others")
    return tuple(items[::2])
