"""Chance: what every other order is measured against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certrnn.datasets import Sequences
from certrnn.model import Model
from certrnn.testing.priorities.priority import Priority


@dataclass(frozen=True)
class Chance(Priority):
    """Random numbers of a seed."""

    seed: int = 0

    def scores(self, model: Model, sequences: Sequences) -> np.ndarray:
        return np.random.default_rng(self.seed).random(len(sequences))
