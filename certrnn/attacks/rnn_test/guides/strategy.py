"""How a guide chooses the states that it drives."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from certrnn.coverage import Sections


class Strategy(ABC):
    """Chooses among the M values of a sample, all layers, steps and units one after the other."""

    @abstractmethod
    def weights(
        self,
        values: np.ndarray,
        covered: np.ndarray,
        sections: Sections | None,
        count: int,
        generator: np.random.Generator,
    ) -> np.ndarray:
        """(M,) what the values are multiplied with in the sum that is driven up: 1, -1 or 0.

        Args:
            values: (M,) as the metric has them.
            covered: (K, M) what earlier samples covered, in each of the metric's K sections.
            sections: those of the metric, or None.
            count: n, the number of states chosen, at most.
            generator: where chance comes from.
        """
