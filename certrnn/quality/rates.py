"""Rates of a search: how often it found another input, not by chance, and one that does harm."""

from __future__ import annotations

from collections.abc import Sequence


def share(count: int, total: int) -> float:
    """``count / total``; nan of nothing."""
    return count / total if total else float("nan")


def generation_rate(generated: Sequence[bool]) -> float:
    """Share of the inputs for which another one was found (the paper's gen_rate)."""
    return share(sum(generated), len(generated))


def orientation_rate(generated: Sequence[bool], by_chance: Sequence[bool]) -> float:
    """Share of the generated inputs that the gradient found, not chance (orient_rate)."""
    led = [not lucky for made, lucky in zip(generated, by_chance, strict=True) if made]
    return share(sum(led), len(led))


def success_rate(generated: Sequence[bool], success: Sequence[bool]) -> float:
    """Share of the generated inputs that do what is counted as a success (suc_rate)."""
    harmful = [good for made, good in zip(generated, success, strict=True) if made]
    return share(sum(harmful), len(harmful))


def correction_lost(original: str, mistaken: str, corrected: str, answer: str) -> bool:
    """Whether a word that a spell checker had corrected is no longer in its answer.

    Args:
        original: the sentence without mistakes.
        mistaken: the sentence as it was given, word for word beside it.
        corrected: what the network made of it.
        answer: what it makes of the changed sentence.

    Raises:
        ValueError: the sentences have different numbers of words.

    >>> correction_lost("the cat", "the cta", "the cat", "the bat")
    True

    Source: Guo et al. (RNN-Test), section IV-A (suc_rate).
    """
    right, wrong = original.split(), mistaken.split()
    if len(right) != len(wrong):
        raise ValueError(f"sentences have one number of words; got {len(right)} and {len(wrong)}")
    known, now = set(corrected.split()), set(answer.split())
    return any(a != b and a in known and a not in now for a, b in zip(right, wrong, strict=True))
