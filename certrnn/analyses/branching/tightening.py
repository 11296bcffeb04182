"""What a cut says about all other arguments, since they share noise symbols.

With ``e_1`` the deviation that was cut, known to lie in [low, high], and any number g, another deviation is

    e_2 = a_2 . s = (a_2 - g a_1) . s + g e_1,   |e_2 - g (low + high) / 2| <= sum |a_2 - g a_1| + |g| (high - low) / 2.

g = 0 says nothing new; near the projection of a_2 on a_1 the sum is smallest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

import transformers_abs as ta
from certrnn.analyses.recording import NodeRecord, Recording
from transformers_abs.rounding import gamma

SHARES = (0.5, 1.0)
"""Multiples of the projection that are tried."""


@dataclass(frozen=True, eq=False)
class CutDeviation:
    """One deviation ``e = a . s + r`` (a (m,), |r| <= slack) and the interval that it is known to lie in."""

    row: torch.Tensor
    slack: float
    low: float
    high: float

    @property
    def strip(self) -> tuple[float, float]:
        """Bounds of ``a . s`` itself."""
        return math.nextafter(self.low - self.slack, -math.inf), math.nextafter(
            self.high + self.slack, math.inf
        )


def cut_deviation(
    recording: Recording, position: int, argument: int, element: int, region: ta.Region
) -> CutDeviation:
    """The deviation of one argument of a recording of batch size one, within its box in ``region``."""
    record = recording.nodes[position]
    deviation = record.deviations[argument]
    row = torch.zeros(recording.symbols, dtype=torch.float64)
    row[torch.from_numpy(deviation.rows)] = deviation.matrix[:, 0, element]
    center, scale = float(record.center[argument, 0, element]), float(record.scale[argument, 0, element])
    ends = [(float(bound[argument, element]) - center) * scale for bound in (region.lower, region.upper)]
    # two roundings each
    low, high = ends[0] - 4e-16 * abs(ends[0]) - 1e-300, ends[1] + 4e-16 * abs(ends[1]) + 1e-300
    return CutDeviation(row, float(deviation.slack[0, element]), low, high)


def tightened(record: NodeRecord, region: ta.Region, cut: CutDeviation) -> ta.Region | None:
    """The region of a node's arguments given a cut; None where it is empty, so that nothing lies beyond the cut."""
    lower, upper = region.lower.copy(), region.upper.copy()
    for argument in range(len(record.center)):
        low, high = _ends(record, argument, cut)
        np.fmax(lower[argument], low, out=lower[argument])
        np.fmin(upper[argument], high, out=upper[argument])
    if (lower > upper).any():
        return None
    return ta.Region(lower, upper, region.cuts)


def _ends(record: NodeRecord, argument: int, cut: CutDeviation) -> tuple[np.ndarray, np.ndarray]:
    """Bounds (n,) of one argument of every neuron of the node."""
    deviation = record.deviations[argument]
    matrix = torch.zeros(len(cut.row), deviation.matrix.shape[2], dtype=torch.float64)
    matrix[torch.from_numpy(deviation.rows)] = deviation.matrix[:, 0]
    slack, size, own = deviation.slack[0], matrix.abs().sum(0), float(cut.row.abs().sum())
    projection = (cut.row @ matrix) / (cut.row @ cut.row).clamp_min(1e-300)
    low, high = torch.full_like(slack, -torch.inf), torch.full_like(slack, torch.inf)
    for share in SHARES:
        g = share * projection
        rest = (matrix - g * cut.row[:, None]).abs().sum(0)
        ends = torch.stack([g * cut.low, g * cut.high])
        hidden = slack + g.abs() * cut.slack
        hidden = hidden + 2.0 * gamma(len(cut.row) + 12) * (
            size + g.abs() * own + rest + ends.abs().amax(0) + hidden
        )
        low = torch.maximum(low, ends.amin(0) - rest - hidden)
        high = torch.minimum(high, ends.amax(0) + rest + hidden)
    center, scale = record.center[argument, 0], record.scale[argument, 0]
    step = torch.tensor([-1.0, 1.0], dtype=torch.float64)[:, None]
    ends = torch.stack([low, high]) / scale
    ends = ends + step * 4e-16 * ends.abs()
    values = center + ends
    values = values + step * (4e-16 * (center.abs() + ends.abs() + values.abs()) + 1e-300)
    return values[0].numpy(), values[1].numpy()
