"""The size of a perturbation."""

from __future__ import annotations

import numpy as np


def l2(moved: np.ndarray) -> float:
    """Euclidean norm of what was added, over all its elements."""
    return float(np.linalg.norm(np.asarray(moved, dtype=np.float64)))
