"""Certified eps: samples whose answer is proved for the least around them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from certrnn.datasets import Sequences
from certrnn.model import Model
from certrnn.testing.priorities.priority import Priority


@dataclass(frozen=True)
class LeastCertified(Priority):
    """Minus the largest certified eps of the network's own answer, all frames disturbed together (l-infinity).

    Args:
        method: the analysis.
        clip: valid range of inputs, or None.
    """

    method: str = "zonotope"
    clip: tuple[float, float] | None = None

    def scores(self, model: Model, sequences: Sequences) -> np.ndarray:
        own = replace(sequences, labels=None)
        rows = model.radius(own, frames="all", clip=self.clip, method=self.method, attack=False)
        radii = {row.sample: row.eps_certified or 0.0 for row in rows}
        return np.array([-radii[number] for number in sequences.numbers])
