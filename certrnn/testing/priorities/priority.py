"""What orders samples for testing."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from certrnn.datasets import Sequences
from certrnn.model import Model


class Priority(ABC):
    """Says which samples to look at first. Labels are not known to it."""

    @abstractmethod
    def scores(self, model: Model, sequences: Sequences) -> np.ndarray:
        """(N,) a number of each sample; the larger, the sooner it is looked at."""

    def order(self, scores: np.ndarray) -> np.ndarray:
        """Positions of the samples, the first to look at first; equal scores keep the order of the data."""
        return np.argsort(-scores, kind="stable")
