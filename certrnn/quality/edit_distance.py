"""Levenshtein distance: how many letters, or words, must change to turn one text into another."""

from __future__ import annotations

from collections.abc import Sequence


def edit_distance(one: Sequence[object], other: Sequence[object]) -> int:
    """Insertions, deletions and replacements that turn ``one`` into ``other``.

    What the paper's tables call WER is this distance in characters (its figures are above 1): no rate.

    >>> edit_distance("kitten", "sitting"), edit_distance("a b c".split(), "a c".split())
    (3, 1)

    Source: Levenshtein, Binary codes capable of correcting deletions, insertions, and reversals (1966).
    """
    before = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        now = [i]
        for j, b in enumerate(other, 1):
            now.append(min(before[j] + 1, now[j - 1] + 1, before[j - 1] + (a != b)))
        before = now
    return before[-1]


def character_distance(text: str, reference: str) -> int:
    """Edit distance in characters."""
    return edit_distance(text, reference)


def word_error_rate(text: str, reference: str) -> float:
    """Edit distance in words as a share of the words of the reference; nan where it has none.

    >>> word_error_rate("the cat sat", "the bat sat down")
    0.5
    """
    words = reference.split()
    return edit_distance(text.split(), words) / len(words) if words else float("nan")
