"""What a slope policy is."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from transformers_abs._protocol import Region, Transformer


class SlopePolicy(Protocol):
    """Chooses the slopes of a linear enclosure. Soundness does not depend on them, the width does."""

    def __call__(self, transformer: Transformer, region: Region) -> np.ndarray:
        """Finite slopes, shape (arity, N), for each of the N regions.

        Raises:
            ValueError: the region is malformed.
        """
        ...
