"""Intervals: every element on its own (Gowal et al., On the effectiveness of interval bound propagation, 2019)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from certrnn.training.bounds.domain import Box, Domain, Gates, Propagation, midpoint, rows_of_box


@dataclass(frozen=True, eq=False)
class Interval:
    """``lower <= value <= upper``, each (B, n)."""

    lower: Tensor
    upper: Tensor


def ranged(name: str, boxes: Sequence[Interval]) -> Interval:
    """The exact range of a scalar function on a box."""
    one = boxes[0]
    if name == "negative":
        return Interval(-one.upper, -one.lower)
    if len(boxes) == 1:
        function: Callable[[Tensor], Tensor] = getattr(torch, name)
        return Interval(function(one.lower), function(one.upper))
    if name == "sigmoid_tanh":
        factor, gate = Interval(torch.tanh(boxes[1].lower), torch.tanh(boxes[1].upper)), one
    else:
        factor, gate = one, boxes[1]
    least, most = torch.sigmoid(gate.lower), torch.sigmoid(gate.upper)
    # a positive gate: the factor's sign says which of its ends counts
    return Interval(
        factor.lower * torch.where(factor.lower < 0, most, least),
        factor.upper * torch.where(factor.upper < 0, least, most),
    )


class IntervalRun(Propagation[Interval]):
    """One propagation."""

    def frames(self, box: Box) -> list[Interval]:
        return [Interval(*ends) for ends in zip(box.lower.unbind(1), box.upper.unbind(1), strict=True)]

    def zeros(self, like: Interval, size: int) -> Interval:
        zero = like.lower.new_zeros(len(like.lower), size)
        return Interval(zero, zero)

    def affine(self, value: Interval, weight: Tensor, bias: Tensor | None) -> Interval:
        middle, radius = midpoint(value.lower, value.upper)
        center, spread = torch.nn.functional.linear(middle, weight, bias), radius @ weight.abs().T
        return Interval(center - spread, center + spread)

    def scale(self, value: Interval, factor: Tensor) -> Interval:
        ends = factor * value.lower, factor * value.upper
        return Interval(torch.minimum(*ends), torch.maximum(*ends))

    def add(self, left: Interval, right: Interval) -> Interval:
        return Interval(left.lower + right.lower, left.upper + right.upper)

    def split(self, value: Interval, parts: int) -> list[Interval]:
        ends = zip(value.lower.chunk(parts, -1), value.upper.chunk(parts, -1), strict=True)
        return [Interval(*pair) for pair in ends]

    def join(self, values: Sequence[Interval]) -> Interval:
        return Interval(torch.cat([v.lower for v in values], -1), torch.cat([v.upper for v in values], -1))

    def apply(self, name: str, values: Sequence[Interval]) -> Interval:
        return ranged(name, values)

    def bounds(self, value: Interval) -> tuple[Tensor, Tensor]:
        return value.lower, value.upper

    def lower(self, value: Interval, rows: Tensor, offset: Tensor) -> Tensor:
        return rows_of_box(value.lower, value.upper, rows, offset)

    def project(self, frames: Sequence[Interval], weight: Tensor, bias: Tensor | None) -> list[Interval]:
        """All frames in one product."""
        stacked = Interval(torch.stack([f.lower for f in frames]), torch.stack([f.upper for f in frames]))
        mapped = self.affine(stacked, weight, bias)
        return [Interval(*ends) for ends in zip(mapped.lower, mapped.upper, strict=True)]

    def elman(self, frames: Sequence[Interval], gates: Gates, function: str) -> list[Interval]:
        """The bounds of a vanilla RNN are the states of one of twice the size: ``lower' = f(W+ lower + W- upper + b)``,
        upper likewise, since f rises. So torch's own kernel computes them."""
        ends = torch.stack([f.lower for f in frames]), torch.stack([f.upper for f in frames])
        batch = torch.cat(ends, -1)
        weights = [_doubled(gates.input), _doubled(gates.recurrent)]
        biases = [torch.cat([b, b]) for b in (gates.input_bias, gates.recurrent_bias) if b is not None]
        start = batch.new_zeros(1, batch.shape[1], 2 * gates.hidden)
        kernel = torch.rnn_tanh if function == "tanh" else torch.rnn_relu
        states, _ = kernel(batch, start, [*weights, *biases], bool(biases), 1, 0.0, False, False, False)
        lower, upper = states.chunk(2, -1)
        return [Interval(*pair) for pair in zip(lower.unbind(), upper.unbind(), strict=True)]


def _doubled(weight: Tensor) -> Tensor:
    """``[[W+, W-], [W-, W+]]``."""
    positive, negative = weight.clamp_min(0.0), weight.clamp_max(0.0)
    return torch.cat([torch.cat([positive, negative], 1), torch.cat([negative, positive], 1)])


@dataclass(frozen=True)
class Intervals(Domain):
    """Interval bound propagation."""

    name: str = "interval"

    def start(self) -> IntervalRun:
        return IntervalRun()
