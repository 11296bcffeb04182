"""How far a single-precision evaluation of a graph may reasonably lie from ours, number by number.

Not a bound and no part of any proof: a yardstick by which the reading of a file is checked. Rounding of a sum grows
with the absolute values of its terms, however they cancel, and rounding before a nonlinear function is measured by
moving the input a little. A number's tolerance therefore depends on nothing but what that number is made of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from certrnn.domains.interpret import propagate
from certrnn.domains.points import PointsRun, evaluate
from certrnn.ir import Affine, Constant, Elementwise, Gather, Graph, Input, Sum
from transformers_abs import SIGMOID

NUDGE = 2.0**-20
"""How far an input is moved to measure what rounding before a nonlinear function does, as a share of its size."""
SIGMOID_SIZE = 2.0**-8
"""What a sigmoid counts for however small it is: libraries compute one half plus something."""
NUDGES = 16.0
"""How many times the change that this makes is allowed."""


@dataclass(frozen=True, eq=False)
class Accounted:
    """Numbers (N, n) and how far each may be off, (N, n)."""

    values: np.ndarray
    allowed: np.ndarray


@dataclass(frozen=True, eq=False)
class _Magnitudes(PointsRun):
    """Values beside the sizes of what they are sums of, side by side in one tensor (B, 2, size)."""

    def input(self, node: Input) -> torch.Tensor:
        return _doubled(self.x[:, node.frame])

    def constant(self, node: Constant) -> torch.Tensor:
        return _doubled(node.value.expand(len(self.x), -1))

    def affine(self, node: Affine, value: torch.Tensor) -> torch.Tensor:
        size, bias = node.weight.abs(), torch.stack([node.bias, node.bias.abs()])
        if node.diagonal:
            return value * torch.stack([node.weight, size]) + bias
        return torch.stack([value[:, 0] @ node.weight.T, value[:, 1] @ size.T], dim=1) + bias

    def sum(self, node: Sum, values: list[torch.Tensor]) -> torch.Tensor:
        both = [torch.tensor([[c], [abs(c)]], dtype=torch.float64) for c in node.coefficients]
        return torch.stack([c * v for c, v in zip(both, values, strict=True)]).sum(dim=0)

    def gather(self, node: Gather, values: list[torch.Tensor]) -> torch.Tensor:
        return torch.cat(values, dim=2)[..., torch.from_numpy(node.index)]

    def elementwise(self, node: Elementwise, values: list[torch.Tensor], region: object) -> torch.Tensor:
        pairs = _doubled(node.transformer.value(*(value[:, 0] for value in values), xp=torch))
        if node.transformer is SIGMOID:
            pairs[:, 1] += SIGMOID_SIZE
        return pairs


def _doubled(value: torch.Tensor) -> torch.Tensor:
    return torch.stack([value, value.abs()], dim=1)


def accounted(graph: Graph, x: torch.Tensor, limit: float) -> Accounted:
    """Scores of sequences ``x`` (N, T, D), and for each what a difference of ``limit`` times its terms' sizes, and of
    the input's own rounding, may make of it."""
    with torch.no_grad():
        pairs = propagate(graph, _Magnitudes(x))
        values, sizes = pairs[:, 0], pairs[:, 1]
        random = torch.from_numpy(np.random.default_rng(0).choice([-1.0, 1.0], size=tuple(x.shape)))
        share = limit / 1e-4  # of other number types, that much more or less
        near = x + NUDGE * share * random * (x.abs() + x.abs().mean(dim=(1, 2), keepdim=True))
        moved = (evaluate(graph, near) - values).abs()
    return Accounted(values.numpy(), (limit * sizes + NUDGES * moved).numpy())
