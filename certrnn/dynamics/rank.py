"""Full row rank, proved: of exact matrices, and of every matrix of an interval matrix."""

from __future__ import annotations

import torch

from certrnn.domains.rounding import gamma, up
from certrnn.dynamics.intervals import IntervalMatrix


def full_row_rank(matrix: IntervalMatrix) -> torch.Tensor:
    """(B,) bool: True only where every matrix (n, m) of the set has rank n.

    X, a computed right inverse of the center C, is a witness: where ``|I - C X| + R |X| < 1`` in the infinity norm,
    ``M X`` is invertible for every M of the set.
    """
    center, radius = matrix.middle()
    rows, columns = center.shape[1:]
    usable = torch.isfinite(center).flatten(1).all(1) & torch.isfinite(radius).flatten(1).all(1)
    if rows > columns:
        return torch.zeros_like(usable)
    center = torch.where(usable[:, None, None], center, 0.0)
    radius = torch.where(usable[:, None, None], radius, torch.inf)
    inverse = torch.linalg.pinv(center)
    unit = torch.eye(rows, dtype=center.dtype)
    size = center.abs() @ inverse.abs() + unit
    rest = (unit - center @ inverse).abs() + 2.0 * gamma(columns + 4) * size + radius @ inverse.abs()
    total = up(rest.sum(dim=2).amax(dim=1), columns + rows + 6)
    return usable & (total < 1.0)
