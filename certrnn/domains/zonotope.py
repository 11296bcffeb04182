"""Zonotopes with slack: ``{ c + sum_k s_k g_k + r b : s in [-1,1]^m, b in [-1,1]^n }``, kept with a box.

The slack r holds rounding errors and folded generators. Next to it every value carries the box that interval arithmetic
gives for it; each reading intersects the two, so that no bound is looser than the interval domain's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch

import transformers_abs as ta
from certrnn.arrays import to_numpy, to_tensor
from certrnn.domains import _generators as gen
from certrnn.domains._generators import Diagonal, Generators
from certrnn.domains._kernels import directional_sums
from certrnn.domains._protocol import Domain, Propagation
from certrnn.domains._rounding import down, gamma, outward, up
from certrnn.domains._rows import SymbolSpace, segments, union
from certrnn.domains.interval import (
    Interval,
    affine_interval,
    constant_interval,
    elementwise_interval,
    gather_interval,
    rows_lower,
    stack_arguments,
    sum_interval,
    unless_failed,
)
from certrnn.domains.reduction import Keep, Reduction
from certrnn.ir import Affine, Constant, Elementwise, Gather, Graph, Input, Sum
from certrnn.regions import Region
from transformers_abs.slopes import Secant, SlopePolicy


@dataclass(frozen=True, eq=False)
class Zonotope:
    """A batch of zonotopes: ``center`` (B, n), ``generators`` by symbol, ``slack`` (B, n) >= 0, and a ``box`` that the
    value lies in as well. ``space`` is the propagation that the symbols belong to."""

    center: torch.Tensor
    generators: Generators
    slack: torch.Tensor
    box: Interval
    space: SymbolSpace

    @cached_property
    def radius(self) -> torch.Tensor:
        """``sum_k |g_k| + r``, rounded up, (B, n)."""
        return up(self.generators.absolute_sums() + self.slack, self.generators.count + 2)

    @cached_property
    def interval(self) -> Interval:
        """The zonotope's own interval intersected with the box."""
        lower, upper = outward(self.center - self.radius, self.center + self.radius)
        return Interval(torch.maximum(lower, self.box.lower), torch.minimum(upper, self.box.upper))

    @cached_property
    def magnitude(self) -> torch.Tensor:
        """``|c| + sum_k |g_k| + r``, rounded up."""
        return up(self.center.abs() + self.radius, 1)


@dataclass(frozen=True, eq=False)
class ZonotopeRun(Propagation[Zonotope]):
    """One propagation; ``failed`` (B,) marks rows whose numbers left the floating-point range."""

    region: Region
    policy: SlopePolicy
    reduction: Reduction
    cuts: bool
    failed: torch.Tensor
    space: SymbolSpace = field(default_factory=SymbolSpace)

    def _checked(self, values: list[Zonotope]) -> list[Zonotope]:
        for value in values:
            if value.space is not self.space:
                raise ValueError(
                    "combining zonotopes: all symbols belong to one propagation; got two symbol spaces"
                )
        return values

    def _concrete(self, box: Interval, center: torch.Tensor, slack: torch.Tensor) -> Zonotope:
        return Zonotope(center, gen.none(*center.shape, like=center), slack, box, self.space)

    def input(self, node: Input) -> Zonotope:
        x = self.region.center[:, node.frame]
        if node.frame not in self.region.frames:
            return self._concrete(Interval(x, x), x, torch.zeros_like(x))
        box = Interval(*self.region.box(node.frame))
        center, radius = box.midpoint()
        none = gen.none(*center.shape, like=center)
        symbols = Diagonal(self.space.append(node.size), radius)
        return Zonotope(
            center, Generators(none.rows, none.dense, symbols), torch.zeros_like(center), box, self.space
        )

    def constant(self, node: Constant) -> Zonotope:
        box = constant_interval(node, self.region.batch, self.region.center.device)
        center, radius = box.midpoint()
        return self._concrete(box, center, radius)

    def affine(self, node: Affine, value: Zonotope) -> Zonotope:
        (value,) = self._checked([value])
        weight, bias = node.weight.to(value.center.device), node.bias.to(value.center.device)
        if node.diagonal:
            center, generators = value.center * weight + bias, gen.scale(value.generators, weight)
            slack, size = value.slack * weight.abs(), value.magnitude * weight.abs()
        else:
            center = torch.addmm(bias, value.center, weight.T)
            generators = gen.map_dense(value.generators, weight)
            slack, size = (torch.cat([value.slack, value.magnitude]) @ weight.abs().T).chunk(2)
        terms = value.center.shape[1] + 2
        # |W| r, and gamma(|W| (|c| + sum |g_k| + r) + |b|) for the rounding of every product
        slack = up(slack + (gamma(terms) + node.relative_error) * (size + bias.abs()), terms + 3)
        return Zonotope(center, generators, slack, affine_interval(node, value.box), self.space)

    def sum(self, node: Sum, values: list[Zonotope]) -> Zonotope:
        values = self._checked(values)
        center, slack, size = (torch.zeros_like(values[0].center) for _ in range(3))
        for coefficient, value in zip(node.coefficients, values, strict=True):
            center = torch.add(center, value.center, alpha=coefficient)
            slack = slack + abs(coefficient) * value.slack
            size = size + abs(coefficient) * value.magnitude
        terms = len(values) + 2
        slack = up(slack + (gamma(terms) + node.relative_error) * size, terms + 3)
        generators = gen.combine([(v.generators, c) for c, v in zip(node.coefficients, values, strict=True)])
        return Zonotope(center, generators, slack, sum_interval(node, [v.box for v in values]), self.space)

    def gather(self, node: Gather, values: list[Zonotope]) -> Zonotope:
        values = self._checked(values)
        index = torch.from_numpy(node.index).to(values[0].center.device)
        center, slack = (
            torch.cat([getattr(v, name) for v in values], dim=1)[:, index] for name in ("center", "slack")
        )
        box = gather_interval(node, [v.box for v in values])
        return Zonotope(center, gen.gather([v.generators for v in values], index), slack, box, self.space)

    def arguments(self, values: list[Zonotope]) -> ta.Region:
        values = self._checked(values)
        lower, upper = stack_arguments([v.interval for v in values], self.failed)
        symbols = any(v.generators.count for v in values)
        return ta.Region(
            lower, upper, self._cuts(values) if self.cuts and len(values) == 2 and symbols else None
        )

    def _cuts(self, values: list[Zonotope]) -> ta.Cuts:
        """Widths of the zonogon of (x, y) in the fixed directions: x and y share symbols, so that the pair lies in a
        set much smaller than its box."""
        # a box may be finite where the zonotope is not; no cut is known there
        finite = torch.stack([torch.isfinite(v.center) & torch.isfinite(v.radius) for v in values]).all(0)
        ok = ~self.failed[:, None] & finite
        center = torch.stack([torch.where(ok, v.center, 0.0) for v in values])
        radius = torch.stack([torch.where(ok, v.radius, 1.0) for v in values])
        scale = 1.0 / radius.clamp_min(2.0**-900)
        x, y = (v.generators.expand() for v in values)
        count = x.count + y.count
        size = up(radius * scale, 2)
        width = torch.zeros((len(ta.DIRECTIONS), *center.shape[1:]), dtype=center.dtype, device=center.device)
        for segment in segments(union([x.rows, y.rows]), [x.rows, y.rows]):
            blocks = [
                None if source is None else g.dense[source : source + segment.stop - segment.start]
                for g, source in zip((x, y), segment.sources, strict=True)
            ]
            width = width + _segment_width(blocks[0], blocks[1], scale)
        for k, (a, b) in enumerate(ta.DIRECTIONS):
            slack = abs(a) * values[0].slack * scale[0] + abs(b) * values[1].slack * scale[1]
            # every term errs relative to |a g_x s_x| + |b g_y s_y|, whatever cancels: bounded through both radii
            total = abs(a) * size[0] + abs(b) * size[1]
            width[k] = up(width[k] + slack + 2.0 * gamma(count + 8) * total, count + 8)
        width = torch.where(ok[None], width, torch.inf)
        flat = [to_numpy(v.reshape(len(v), -1)) for v in (center, scale, width)]
        return ta.Cuts(*flat)

    def elementwise(self, node: Elementwise, values: list[Zonotope], region: ta.Region | None) -> Zonotope:
        assert region is not None
        slopes = self.policy(node.transformer, region)
        residual = node.transformer.residual(slopes, region)
        shape = values[0].center.shape
        like = values[0].center
        slope = to_tensor(slopes.reshape(len(values), *shape), like)
        offset = Interval(*(to_tensor(r.reshape(shape), like) for r in (residual.lower, residual.upper)))
        middle, fresh = offset.midpoint()
        box = elementwise_interval(node, values[0].box, region)
        center, slack, size = middle, torch.zeros_like(middle), middle.abs()
        for a, value in zip(slope, values, strict=True):
            center = center + a * value.center
            slack = slack + a.abs() * value.slack
            size = size + a.abs() * value.magnitude
        slack = up(slack + gamma(8) * size, 12)
        if not any(v.generators.count for v in values):
            return self._concrete(box, center, up(slack + fresh, 1))
        generators = gen.combine([(v.generators, a) for a, v in zip(slope, values, strict=True)])
        generators = Generators(
            generators.rows, generators.dense, Diagonal(self.space.append(node.size), fresh)
        )
        return self.reduction(Zonotope(center, generators, slack, box, self.space))

    def bounds(self, value: Zonotope) -> tuple[torch.Tensor, torch.Tensor]:
        return unless_failed(value.interval, self.failed)

    def lower(self, value: Zonotope, rows: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        (value,) = self._checked([value])
        dense = value.generators.expand().dense
        spread = torch.einsum("mbn,bkn->mbk", dense, rows).abs().sum(0)
        spread = spread + torch.einsum("bkn,bn->bk", rows.abs(), value.slack)
        center = torch.einsum("bkn,bn->bk", rows, value.center) + offset
        size = torch.einsum("bkn,bn->bk", rows.abs(), value.magnitude) + offset.abs()
        terms = value.center.shape[1] + dense.shape[0] + 4
        bound = down(center - spread, up(size, terms), terms)
        bound = torch.fmax(bound, rows_lower(value.interval, rows, offset))
        return torch.where(self.failed[:, None] | bound.isnan(), -torch.inf, bound)


def _segment_width(x: torch.Tensor | None, y: torch.Tensor | None, scale: torch.Tensor) -> torch.Tensor:
    """``sum |a gx sx + b gy sy|`` (K, B, n) over one run of rows; one of the two may be absent."""
    if x is not None and y is not None:
        return directional_sums(x, y, scale)
    present, s, column = (x, scale[0], 0) if y is None else (y, scale[1], 1)
    assert present is not None
    total = gen.absolute_sums(present) * s
    return torch.stack([abs(float(d)) * total for d in ta.DIRECTIONS[:, column]])


@dataclass(frozen=True)
class Zonotopes(Domain[Zonotope]):
    """The zonotope domain of Cert-RNN.

    Parameters
    ----------
    policy: chooses the slopes of every enclosure; any choice is sound.
    reduction: folds generators into the slack where there are too many.
    cuts: clip the argument region of two-argument functions by directional bounds.
    """

    policy: SlopePolicy = field(default_factory=Secant)
    reduction: Reduction = field(default_factory=Keep)
    cuts: bool = True
    name: str = "zonotope"

    def start(self, region: Region) -> ZonotopeRun:
        failed = torch.zeros(region.batch, dtype=torch.bool, device=region.center.device)
        return ZonotopeRun(region, self.policy, self.reduction, self.cuts, failed)

    def bytes_per_row(self, graph: Graph, frames: tuple[int, ...]) -> int:
        symbols, live, peak, held = 0, 0, 0, {}
        for position, node in enumerate(graph.nodes):
            disturbed = (
                node.frame in frames if isinstance(node, Input) else any(held.get(s) for s in node.sources)
            )
            if disturbed and isinstance(node, Input | Elementwise):
                symbols += node.size
            limit = self.reduction.limit(symbols)
            held[position] = 8 * (limit + 8) * node.size if disturbed else 0
            live += held[position]
            # arguments that are expanded or copied on the way exist twice
            peak = max(peak, live + sum(held[s] for s in node.sources))
            for source in {position, *node.sources}:
                if graph.last_use[source] <= position:
                    live -= held[source]
        return peak + 64 * sum(node.size for node in graph.nodes)
