"""The random strategy: uncovered states, drawn by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certrnn.attacks.rnn_test.guides.strategy import Strategy
from certrnn.coverage import Sections


@dataclass(frozen=True)
class Chance(Strategy):
    """With sections: n pairs of a state and one of the two boundary sections that it has not covered yet, driven
    towards that section. Without: n states that are not covered yet, driven up.

    Source: Guo et al. (RNN-Test), section III-F; Pei et al., DeepXplore (SOSP 2017), which takes one neuron.
    """

    def weights(
        self,
        values: np.ndarray,
        covered: np.ndarray,
        sections: Sections | None,
        count: int,
        generator: np.random.Generator,
    ) -> np.ndarray:
        ends = [(0, 1.0)] if sections is None else [(0, -1.0), (len(sections) - 1, 1.0)]
        open_ = [(state, sign) for row, sign in ends for state in np.flatnonzero(~covered[row]).tolist()]
        out = np.zeros(len(values))
        for place in generator.permutation(len(open_))[:count].tolist():
            state, sign = open_[place]
            out[state] += sign
        return out
