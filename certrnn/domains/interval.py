"""Intervals: every element on its own. Cheap, and the floor that no other domain may fall below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

import transformers_abs as ta
from certrnn.arrays import to_numpy, to_tensor
from certrnn.domains import accounts, vectors
from certrnn.domains.domain import Domain, Propagation
from certrnn.domains.rounding import outward, up
from certrnn.ir import Affine, Constant, Elementwise, Gather, Graph, Input, Sum
from certrnn.regions import Region

LARGEST_FACTOR = 2.0**128
"""Largest argument of a function of two arguments, about where float32 ends: products of a few of them stay finite."""


@dataclass(frozen=True, eq=False)
class Interval:
    """``lower <= value <= upper``, each (B, n). nan where the run failed."""

    lower: torch.Tensor
    upper: torch.Tensor

    def midpoint(self) -> tuple[torch.Tensor, torch.Tensor]:
        """A midpoint and a radius, rounded up, that cover the interval."""
        middle = accounts.middle(self.lower, self.upper)
        return middle, up(torch.maximum(self.upper - middle, middle - self.lower), 1)

    def magnitude(self) -> torch.Tensor:
        """The largest absolute value."""
        return torch.maximum(self.lower.abs(), self.upper.abs())


def constant_interval(node: Constant, batch: int, device: torch.device) -> Interval:
    value = node.value.to(device).expand(batch, -1)
    if not node.relative_error:
        return Interval(value, value)
    spread = up(node.relative_error * value.abs(), 1)
    return Interval(*outward(value - spread, value + spread))


def arrays(*tensors: torch.Tensor) -> tuple[np.ndarray, ...]:
    """In the one memory layout that the kernels are compiled for."""
    return tuple(to_numpy(t.contiguous()) for t in tensors)


def affine_interval(node: Affine, value: Interval) -> Interval:
    """Midpoint-radius form: ``W m + b -+ (|W| r + rounding)``."""
    like, weight = value.lower, node.weight
    middle, radii = torch.empty_like(like), like.new_empty(2, *like.shape)
    vectors.box_inputs(*arrays(like, value.upper), to_numpy(middle), to_numpy(radii))
    if node.diagonal:
        point, spread = middle * weight, radii * weight.abs()
    else:
        point, spread = (
            middle @ weight.T,
            (radii.flatten(0, 1) @ weight.abs().T).view(2, len(like), node.size),
        )
    charges = (accounts.scale if node.diagonal else accounts.affine)(like.shape[1], node.relative_error)
    box = like.new_empty(2, *point.shape)
    vectors.box_outputs(*arrays(point, spread, node.bias), charges, to_numpy(box))
    silent = _silent_ends(node, value)
    if silent is not None:
        # W 0 + b is b: nothing is rounded, and b itself does not err
        exact = (node.bias == 0.0) | (node.relative_error == 0.0)
        box = torch.where(torch.stack(silent) & exact, node.bias, box)
    return Interval(box[0], box[1])


FEW_OUTPUTS = 16
"""Of affine maps with more outputs it is not asked which of them read zeros only."""


def _silent_ends(node: Affine, value: Interval) -> tuple[torch.Tensor, torch.Tensor] | None:
    """(B, k) bool: where the smallest, and where the largest value of ``W x`` is 0 exactly, as every product that makes
    it up reads an end that is; None where that is nowhere or was not asked."""
    low, high = value.lower != 0.0, value.upper != 0.0
    if bool(low.all()) and bool(high.all()):
        return None
    up, down = node.weight > 0.0, node.weight < 0.0
    if node.diagonal:
        return ~((low & up) | (high & down)), ~((high & up) | (low & down))
    if node.size > FEW_OUTPUTS:
        return None
    low, high, up, down = (v.to(value.lower) for v in (low, high, up.T, down.T))
    return (low @ up + high @ down) == 0.0, (high @ up + low @ down) == 0.0


def _zero(value: Interval) -> torch.Tensor:
    """(B, n) bool: elements that are 0 exactly."""
    return (value.lower == 0.0) & (value.upper == 0.0)


def sum_interval(node: Sum, values: list[Interval]) -> Interval:
    totals = values[0].lower.new_zeros(3, *values[0].lower.shape)
    for coefficient, value in zip(node.coefficients, values, strict=True):
        vectors.add_box(coefficient, *arrays(value.lower, value.upper), to_numpy(totals))
    vectors.widen_box(to_numpy(totals), accounts.add(len(values), 0, node.relative_error))
    nothing = torch.stack([_zero(value) for value in values]).all(dim=0)
    low, high = (torch.where(nothing, 0.0, end) for end in (totals[0], totals[1]))
    return Interval(low, high)


def gather_interval(node: Gather, values: list[Interval]) -> Interval:
    index = torch.from_numpy(node.index).to(values[0].lower.device)
    return Interval(
        torch.cat([v.lower for v in values], dim=1)[:, index],
        torch.cat([v.upper for v in values], dim=1)[:, index],
    )


def elementwise_interval(node: Elementwise, box: Interval, region: ta.Region) -> Interval:
    """The range of the transformer on the box of ``region``; ``box`` gives shape and device."""
    result = node.transformer.range(ta.Region(region.lower, region.upper))
    shape = (box.lower.shape[0], node.size)
    return Interval(*(to_tensor(r.reshape(shape), box.lower) for r in (result.lower, result.upper)))


def rows_lower(value: Interval, rows: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
    """Sound lower bounds (B, K) of ``rows @ value + offset``."""
    middle, radius = value.midpoint()
    center = torch.einsum("bkn,bn->bk", rows, middle) + offset
    spread = torch.einsum("bkn,bn->bk", rows.abs(), radius)
    size = torch.einsum("bkn,bn->bk", rows.abs(), middle.abs() + radius) + offset.abs()
    charges = accounts.rows(value.lower.shape[1], 0)
    bound = accounts.lower_bound(center - spread, size, charges.box_error, charges.box_raising)
    # a row all of whose products have 0 as their least value is at least its offset, exactly
    ends = torch.where(rows > 0.0, value.lower[:, None], value.upper[:, None])
    nothing = ((rows == 0.0) | (ends == 0.0)).all(dim=2)
    return torch.where(nothing, offset.expand_as(bound), bound)


def stack_arguments(
    transformer: ta.Transformer, boxes: list[Interval], failed: torch.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds (arity, B * n) of an elementwise node's arguments. Rows of the batch with a bound that is not finite,
    outside of the function's domain, or too large for the products that a function of two arguments is enclosed with,
    are marked in ``failed`` (B,). Failed rows stand as one point of the domain from then on: their results mean nothing
    and never count as certified."""
    lower, upper = torch.stack([b.lower for b in boxes]), torch.stack([b.upper for b in boxes])
    least, most = transformer.domain if len(boxes) == 1 else (-LARGEST_FACTOR, LARGEST_FACTOR)
    failed |= ~((lower >= least) & (lower <= most) & (upper >= least) & (upper <= most)).all(2).all(0)
    if bool(failed.any()):
        # all failed rows, not only those that fail here: what they hold need not be consistent any more
        point = min(max(0.0, least), most)
        lower, upper = (
            torch.where(failed[None, :, None], torch.full_like(b, point), b) for b in (lower, upper)
        )
    return to_numpy(lower.reshape(len(boxes), -1)), to_numpy(upper.reshape(len(boxes), -1))


def unless_failed(value: Interval, failed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Bounds of the value; everything where the run failed or a bound is nan."""
    bad = failed[:, None] | value.lower.isnan() | value.upper.isnan()
    return torch.where(bad, -torch.inf, value.lower), torch.where(bad, torch.inf, value.upper)


@dataclass(frozen=True, eq=False)
class IntervalRun(Propagation[Interval]):
    """One propagation; ``failed`` (B,) marks rows whose numbers left the floating-point range."""

    region: Region
    failed: torch.Tensor

    def input(self, node: Input) -> Interval:
        if node.frame in self.region.frames:
            return Interval(*self.region.box(node.frame))
        x = self.region.center[:, node.frame]
        return Interval(x, x)

    def constant(self, node: Constant) -> Interval:
        return constant_interval(node, self.region.batch, self.region.center.device)

    def affine(self, node: Affine, value: Interval) -> Interval:
        return affine_interval(node, value)

    def sum(self, node: Sum, values: list[Interval]) -> Interval:
        return sum_interval(node, values)

    def gather(self, node: Gather, values: list[Interval]) -> Interval:
        return gather_interval(node, values)

    def arguments(self, node: Elementwise, values: list[Interval]) -> ta.Region:
        return ta.Region(*stack_arguments(node.transformer, values, self.failed))

    def elementwise(self, node: Elementwise, values: list[Interval], region: ta.Region | None) -> Interval:
        assert region is not None
        return elementwise_interval(node, values[0], region)

    def bounds(self, value: Interval) -> tuple[torch.Tensor, torch.Tensor]:
        return unless_failed(value, self.failed)

    def lower(self, value: Interval, rows: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        bound = rows_lower(value, rows, offset)
        return torch.where(self.failed[:, None] | bound.isnan(), -torch.inf, bound)


@dataclass(frozen=True)
class Intervals(Domain[Interval]):
    """Interval bound propagation with outward rounding."""

    name: str = "interval"

    def start(self, region: Region) -> IntervalRun:
        return IntervalRun(region, torch.zeros(region.batch, dtype=torch.bool, device=region.center.device))

    def bytes_per_row(self, graph: Graph, frames: tuple[int, ...]) -> int:
        return 64 * max(node.size for node in graph.nodes) + 16 * sum(node.size for node in graph.nodes)
