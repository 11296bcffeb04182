"""Outputs of a regression stay between two values."""

from __future__ import annotations

import math

import torch

from certrnn.specs.margin import Spec


def threshold_spec(batch: int, low: float, high: float, outputs: int) -> Spec:
    """``low < y < high`` for every output; an infinite end asks nothing.

    Raises:
        ValueError: an empty range, or one without ends.

    >>> spec = threshold_spec(1, -1.0, 2.0, 1)
    >>> spec.rows[0].tolist(), spec.offset[0].tolist()
    ([[1.0], [-1.0]], [1.0, 2.0])
    """
    if not low < high or (math.isinf(low) and math.isinf(high)):
        raise ValueError(
            f"the lower end lies below the upper one, and one of them is finite; got {low} and {high}"
        )
    eye = torch.eye(outputs, dtype=torch.float64)
    ends = [(eye, -low)] * math.isfinite(low) + [(-eye, high)] * math.isfinite(high)
    rows = torch.cat([sign for sign, _ in ends])
    offset = torch.cat([torch.full((outputs,), end, dtype=torch.float64) for _, end in ends])
    return Spec(rows.expand(batch, -1, -1), offset.expand(batch, -1))
