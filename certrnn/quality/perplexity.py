"""Perplexity of a language model, in total and input by input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def perplexity(costs: Sequence[float], words: Sequence[int]) -> float:
    """``exp(sum of costs / sum of words)``, the paper's ``pp``; nan without words.

    Args:
        costs: cross-entropy of each input in nats, summed over its words.
        words: how many words of each input were asked.

    >>> round(perplexity([np.log(8.0), np.log(2.0)], [1, 1]), 6)
    4.0
    """
    total = int(np.sum(words))
    return float(np.exp(np.sum(costs) / total)) if total else float("nan")


def perplexities(costs: Sequence[float], words: Sequence[int]) -> np.ndarray:
    """``exp(cost / words)`` of each input; their mean is the paper's ``pp_i``. nan where an input has no words."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.exp(np.asarray(costs, dtype=np.float64) / np.asarray(words, dtype=np.float64))
