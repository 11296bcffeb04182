"""Boosting: the states that are nearly covered are driven over the edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certrnn.attacks.rnn_test.guides.strategy import Strategy
from certrnn.coverage import Sections


@dataclass(frozen=True)
class Boost(Strategy):
    """With sections: the n/2 values just above the lowest section are driven down, the n/2 just below the highest one
    up. Without: the n largest values that are not covered yet are driven up.

    Algorithm 2 prints the ends of the whole range, outside of which no state lies; those of the boundary sections are
    meant, as in the authors' code.

    Source: Guo et al. (RNN-Test), Algorithm 2 and eq. (10).
    """

    def weights(
        self,
        values: np.ndarray,
        covered: np.ndarray,
        sections: Sections | None,
        count: int,
        generator: np.random.Generator,
    ) -> np.ndarray:
        out, order = np.zeros(len(values)), np.argsort(values, kind="stable")
        if sections is None:
            left = order[~covered[0, order]]
            out[left[::-1][:count]] = 1.0
            return out
        above = order[values[order] > sections.ends[1]]
        below = order[values[order] < sections.ends[-2]]
        out[below[::-1][: count // 2]] += 1.0
        out[above[: count // 2]] -= 1.0
        return out
