"""Paired bootstrap: how far the difference of two figures of the same inputs can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Figure = Callable[[np.ndarray], float]
"""A figure of some of the inputs, by their positions (repeated ones count as often)."""


@dataclass(frozen=True)
class Interval:
    """A difference, its 95 % interval, and the share of resamples in which it is not above 0."""

    value: float
    low: float
    high: float
    not_above: float


def paired(one: Figure, other: Figure, count: int, draws: int = 2000, seed: int = 0) -> Interval:
    """The difference ``one - other`` over ``count`` inputs that are drawn with replacement, the same for both.

    Source: Efron and Tibshirani, An introduction to the bootstrap (1993), percentile intervals.
    """
    generator, differences = np.random.default_rng(seed), np.empty(draws)
    for draw in range(draws):
        rows = generator.integers(0, count, count)
        differences[draw] = one(rows) - other(rows)
    every = np.arange(count)
    low, high = np.quantile(differences, [0.025, 0.975])
    return Interval(one(every) - other(every), float(low), float(high), float((differences <= 0).mean()))
