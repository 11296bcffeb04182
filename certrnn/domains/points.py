"""Points: plain evaluation, differentiable. Attacks, coverage and the importer's self-check run on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from certrnn.domains.domain import Domain, Propagation
from certrnn.domains.interpret import propagate
from certrnn.ir import Affine, Constant, Elementwise, Gather, Graph, Input, Sum
from certrnn.regions import Region


@dataclass(frozen=True, eq=False)
class PointsRun(Propagation[torch.Tensor]):
    """Values are (B, size) tensors; ``x`` is (B, frames, features)."""

    x: torch.Tensor

    def input(self, node: Input) -> torch.Tensor:
        return self.x[:, node.frame]

    def constant(self, node: Constant) -> torch.Tensor:
        return node.value.to(self.x.device).expand(self.x.shape[0], -1)

    def affine(self, node: Affine, value: torch.Tensor) -> torch.Tensor:
        weight, bias = node.weight.to(value.device), node.bias.to(value.device)
        return value * weight + bias if node.diagonal else torch.addmm(bias, value, weight.T)

    def sum(self, node: Sum, values: list[torch.Tensor]) -> torch.Tensor:
        total = node.coefficients[0] * values[0]
        for coefficient, value in zip(node.coefficients[1:], values[1:], strict=True):
            total = torch.add(total, value, alpha=coefficient)
        return total

    def gather(self, node: Gather, values: list[torch.Tensor]) -> torch.Tensor:
        joined = values[0] if len(values) == 1 else torch.cat(values, dim=1)
        return joined[:, torch.from_numpy(node.index).to(joined.device)]

    def arguments(self, node: Elementwise, values: list[torch.Tensor]) -> None:
        return None

    def elementwise(self, node: Elementwise, values: list[torch.Tensor], region: object) -> torch.Tensor:
        return node.transformer.value(*values, xp=torch)

    def bounds(self, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return value, value

    def lower(self, value: torch.Tensor, rows: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        return torch.einsum("bkn,bn->bk", rows, value) + offset


@dataclass(frozen=True)
class Points(Domain[torch.Tensor]):
    """The center of each region, in floating point. Not a sound domain: it encloses one point, up to rounding."""

    name: str = "points"

    def start(self, region: Region) -> PointsRun:
        return PointsRun(region.center)

    def bytes_per_row(self, graph: Graph, frames: tuple[int, ...]) -> int:
        return 8 * sum(node.size for node in graph.nodes)


def evaluate(graph: Graph, x: torch.Tensor) -> torch.Tensor:
    """Scores (B, n) of sequences ``x`` (B, frames, features), float64, differentiable in ``x``."""
    return propagate(graph, PointsRun(x))


def values_at(graph: Graph, x: torch.Tensor, positions: Sequence[int]) -> list[torch.Tensor]:
    """Values (B, size) of some nodes of a graph, differentiable in ``x`` (B, frames, features), float64.

    Only what these nodes depend on is computed, and released where no node reads it any more.
    """
    needed = set(positions)
    for position in range(max(needed, default=-1), -1, -1):
        if position in needed:
            needed.update(graph.nodes[position].sources)
    order = sorted(needed)
    left = Counter(source for position in order for source in graph.nodes[position].sources)
    left.update(positions)
    run, values = PointsRun(x), dict[int, torch.Tensor]()
    for position in order:
        node = graph.nodes[position]
        arguments = [values[source] for source in node.sources]
        if isinstance(node, Elementwise):
            values[position] = run.elementwise(node, arguments, None)
        else:
            values[position] = run.linear_step(node, arguments)
        left.subtract(node.sources)
        for source in set(node.sources):
            if not left[source]:
                del values[source]
    return [values[position] for position in positions]
