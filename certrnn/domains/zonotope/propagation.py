"""Zonotopes pushed through a graph, node by node.

Where a region is smaller than its box, symbols of its frames form groups (see :mod:`.groups`) whose reach is read by
its own norm.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

import transformers_abs as ta
from certrnn.arrays import to_numpy, to_tensor
from certrnn.domains import accounts, vectors
from certrnn.domains.domain import Domain, Propagation
from certrnn.domains.interval import (
    Interval,
    affine_interval,
    arrays,
    constant_interval,
    elementwise_interval,
    gather_interval,
    rows_lower,
    stack_arguments,
    sum_interval,
    unless_failed,
)
from certrnn.domains.rounding import raised, up
from certrnn.domains.zonotope import generators as gen
from certrnn.domains.zonotope.accumulate import directional_sums
from certrnn.domains.zonotope.groups import Groups
from certrnn.domains.zonotope.reduction import Keep, Reduction
from certrnn.domains.zonotope.space import SymbolSpace
from certrnn.domains.zonotope.symbols import meet
from certrnn.domains.zonotope.terms import Diagonal
from certrnn.domains.zonotope.value import Zonotope
from certrnn.ir import Affine, Constant, Elementwise, Gather, Graph, Input, Node, Sum
from certrnn.regions import Region
from transformers_abs.slopes import Secant, SlopePolicy

if TYPE_CHECKING:
    from certrnn.domains.zonotope.compiled import Compiled


@dataclass(frozen=True, eq=False)
class ZonotopeRun(Propagation[Zonotope]):
    """One propagation; ``failed`` (B,) marks rows whose numbers left the floating-point range."""

    region: Region
    policy: SlopePolicy
    reduction: Reduction
    cuts: bool
    failed: torch.Tensor
    space: SymbolSpace = field(default_factory=SymbolSpace)
    _joining: set[Node] = field(default_factory=set)
    _weights: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)

    def begin(self, graph: Graph) -> None:
        """Note the sums all of whose symbols of one element come from relaxed arguments that no other node reads."""
        for node in graph.nodes:
            alone = (
                isinstance(graph.nodes[s], Elementwise) and graph.readers[s] == 1 and s != graph.output
                for s in node.sources
            )
            if isinstance(node, Sum) and all(alone):
                self._joining.add(node)

    def _checked(self, values: list[Zonotope]) -> list[Zonotope]:
        for value in values:
            if value.space is not self.space:
                raise ValueError(
                    "combining zonotopes: all symbols belong to one propagation; got two symbol spaces"
                )
        return values

    def _concrete(self, box: Interval, center: torch.Tensor, slack: torch.Tensor) -> Zonotope:
        size = up(center.abs() + slack, 1)
        return Zonotope(center, gen.none(center), slack, box, self.space, size)

    def input(self, node: Input) -> Zonotope:
        x = self.region.center[:, node.frame].contiguous()
        if node.frame not in self.region.frames:
            return self._concrete(Interval(x, x), x, torch.zeros_like(x))
        box = Interval(*self.region.box(node.frame))
        center, radius = box.midpoint()
        symbols = self.space.append(node.size)
        if self.space.groups:
            self.space.groups.place(node.frame, symbols, center, radius)
        generators = gen.none(center, Diagonal(symbols, radius))
        size = up(center.abs() + radius, 1)
        return Zonotope(center, generators, torch.zeros_like(center), box, self.space, size)

    def constant(self, node: Constant) -> Zonotope:
        box = constant_interval(node, self.region.batch, self.region.center.device)
        center, radius = box.midpoint()
        return self._concrete(box, center, radius)

    def affine(self, node: Affine, value: Zonotope) -> Zonotope:
        (value,) = self._checked([value])
        if node.diagonal:
            return self._scale(node, value)
        batch = len(value.center)
        weight, share = self._weight(node.weight)
        points, radii = value.center @ weight, torch.cat([value.slack, value.magnitude]) @ share
        results = points.new_empty(3, batch, node.size)
        # |W| r, and a share of |W| (|c| + sum |g_k| + r) + |b| for the rounding of every product
        inputs = arrays(points, radii.view(2, batch, node.size), node.bias)
        charges = accounts.affine(node.weight.shape[1], node.relative_error)
        vectors.affine_outputs(*inputs, charges, to_numpy(results))
        center, slack, size = results
        generators = gen.dense_map(value.generators, node.weight, center)
        return Zonotope(center, generators, slack, affine_interval(node, value.box), self.space, size)

    def _weight(self, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``W.T`` and ``|W|.T``; a network's steps share their weights."""
        pair = self._weights.get(id(weight))
        if pair is None:
            pair = self._weights[id(weight)] = (weight.T, weight.abs().T)
        return pair

    def _scale(self, node: Affine, value: Zonotope) -> Zonotope:
        center, charges = (
            value.center * node.weight + node.bias,
            accounts.scale(node.size, node.relative_error),
        )
        share, generators = node.weight.abs(), gen.diagonal_map(value.generators, node.weight)
        # the generators are multiplied as they are stored
        terms = raised(share * value.magnitude + node.bias.abs(), charges.raising)
        slack = share * value.slack + accounts.cost(terms, 0.0, charges)
        slack, size, _ = accounts.mapped(slack, terms, 0.0, charges, accounts.lost(charges))
        return Zonotope(center, generators, slack, affine_interval(node, value.box), self.space, size)

    def sum(self, node: Sum, values: list[Zonotope]) -> Zonotope:
        values = self._checked(values)
        like = values[0].center
        totals = like.new_zeros(3, *like.shape)
        for coefficient, value in zip(node.coefficients, values, strict=True):
            size = value.size if value.generators.apart(coefficient) else value.magnitude
            vectors.add_scaled(coefficient, *arrays(value.center, value.slack, size), to_numpy(totals))
        generators = gen.combine(
            [v.generators for v in values], node.coefficients, self._joined(node, values), like
        )
        charges = accounts.add(len(values), generators.roundings, node.relative_error)
        vectors.sum_outputs(to_numpy(totals), charges)
        center, slack, size = totals
        box = sum_interval(node, [v.box for v in values])
        return Zonotope(center, generators, slack, box, self.space, size)

    def _joined(self, node: Sum, values: list[Zonotope]) -> Diagonal | None:
        """One diagonal for those of all values where no other value has their symbols: these occur in one and the same
        combination ever after, so that joining them loses nothing. (Joining others would lose, but stay sound.)"""
        if node not in self._joining:
            return None
        parts = [
            (c * v.generators.diagonal.values).abs()
            for c, v in zip(node.coefficients, values, strict=True)
            if v.generators.diagonal is not None
        ]
        if len(parts) < 2:
            return None
        total = raised(torch.stack(parts).sum(0), accounts.join(len(parts)))
        return Diagonal(self.space.append(node.size), total)

    def gather(self, node: Gather, values: list[Zonotope]) -> Zonotope:
        values = self._checked(values)
        index = torch.from_numpy(node.index)
        center, slack, size = (
            torch.cat([getattr(v, name) for v in values], dim=1)[:, index]
            for name in ("center", "slack", "size")
        )
        generators = gen.gather([v.generators for v in values], node.index, center)
        box = gather_interval(node, [v.box for v in values])
        return Zonotope(center, generators, slack, box, self.space, size)

    def arguments(self, node: Elementwise, values: list[Zonotope]) -> ta.Region:
        values = self._checked(values)
        lower, upper = stack_arguments(node.transformer, [v.interval for v in values], self.failed)
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
        x, y = (v.generators for v in values)
        charges = accounts.directions(x.count + y.count)
        size = raised(radius * scale, charges.one)
        if x.diagonal is not None and meet(x.diagonal.symbols, y.symbols):
            x = x.expand()
        if y.diagonal is not None and meet(y.diagonal.symbols, x.symbols):
            y = y.expand()
        width = directional_sums((x.formed, x.diagonal), (y.formed, y.diagonal), scale, self.space.groups)
        for k, (a, b) in enumerate(ta.DIRECTIONS):
            slack = abs(a) * values[0].slack * scale[0] + abs(b) * values[1].slack * scale[1]
            total = abs(a) * size[0] + abs(b) * size[1]
            width[k] = accounts.width(width[k] + slack, total, 0.0, charges, 0.0)
        width = torch.where(ok[None], width, torch.inf)
        flat = [to_numpy(v.reshape(len(v), -1)) for v in (center, scale, width)]
        return ta.Cuts(*flat)

    def elementwise(self, node: Elementwise, values: list[Zonotope], region: ta.Region | None) -> Zonotope:
        assert region is not None
        slopes = self.policy(node.transformer, region)
        residual = node.transformer.residual(slopes, region)
        like = values[0].center
        slope = to_tensor(slopes.reshape(len(values), *like.shape), like)
        totals, fresh = like.new_zeros(3, *like.shape), torch.empty_like(like)
        for number, (a, value) in enumerate(zip(slope, values, strict=True)):
            inputs = arrays(a, value.center, value.slack, value.magnitude)
            vectors.relax_argument(*inputs, number == 0, to_numpy(totals))
        offset = (residual.lower.reshape(like.shape), residual.upper.reshape(like.shape))
        vectors.relax_outputs(*offset, accounts.relax(), to_numpy(totals), to_numpy(fresh))
        center, slack, size = totals
        box = elementwise_interval(node, values[0].box, region)
        if not any(v.generators.count for v in values):
            return self._concrete(box, center, fresh)
        symbols = Diagonal(self.space.append(node.size), fresh)
        generators = gen.scale([v.generators for v in values], list(slope), symbols)
        return self.reduction(Zonotope(center, generators, slack, box, self.space, size))

    def bounds(self, value: Zonotope) -> tuple[torch.Tensor, torch.Tensor]:
        return unless_failed(value.interval, self.failed)

    def lower(self, value: Zonotope, rows: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        (value,) = self._checked([value])
        expanded = value.generators.expand()
        dense = expanded.dense
        matrix = torch.einsum("mbn,bkn->mbk", dense, rows)
        groups = self.space.groups
        spread = -groups.reach(expanded.symbols, matrix)[0] if groups else matrix.abs().sum(0)
        spread = spread + torch.einsum("bkn,bn->bk", rows.abs(), value.slack)
        center = torch.einsum("bkn,bn->bk", rows, value.center) + offset
        size = torch.einsum("bkn,bn->bk", rows.abs(), value.magnitude) + offset.abs()
        charges = accounts.rows(value.center.shape[1], dense.shape[0])
        bound = accounts.lower_bound(center - spread, size, charges.error, charges.raising)
        bound = torch.fmax(bound, rows_lower(value.interval, rows, offset))
        return torch.where(self.failed[:, None] | bound.isnan(), -torch.inf, bound)


@dataclass(frozen=True)
class Zonotopes(Domain[Zonotope]):
    """The zonotope domain of Cert-RNN.

    Args:
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
        space = SymbolSpace(Groups(region.constraints) if region.constraints else None)
        return ZonotopeRun(region, self.policy, self.reduction, self.cuts, failed, space)

    def compiled(self, graph: Graph, region: Region) -> Compiled | None:
        """The whole propagation as one compiled pass: for these options, boxes, and tensors on the CPU."""
        usual = type(self.policy) is Secant and type(self.reduction) is Keep and self.cuts
        if not usual or region.constraints or region.center.device.type != "cpu":
            return None
        from certrnn.domains.zonotope.compiled import compiled

        return compiled(graph, tuple(sorted(region.frames)))

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
