"""Order reduction: what to do when a zonotope has gathered too many generators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch

from certrnn.domains.rounding import up
from certrnn.domains.zonotope.generators import Generators
from certrnn.domains.zonotope.terms import absolute_sums
from certrnn.domains.zonotope.value import Zonotope


class Reduction(ABC):
    """Maps a zonotope to one that contains it."""

    @abstractmethod
    def __call__(self, value: Zonotope) -> Zonotope: ...

    @abstractmethod
    def limit(self, symbols: int) -> int:
        """How many of that many symbols a value keeps at most."""


@dataclass(frozen=True)
class Keep(Reduction):
    """No reduction."""

    def __call__(self, value: Zonotope) -> Zonotope:
        return value

    def limit(self, symbols: int) -> int:
        return symbols


@dataclass(frozen=True)
class Fold(Reduction):
    """Folds the smallest generators of a value into its slack (Girard, HSCC 2005), down to ``most`` rows.

    Generators are ranked by their largest share of an element's radius over the batch, so that one choice of symbols
    serves every row of it. The newest symbols are kept.
    """

    most: int

    def __call__(self, value: Zonotope) -> Zonotope:
        generators = value.generators
        excess = generators.count - self.most
        if excess <= 0 or excess > len(generators.rows) or not len(value.center):
            return value
        share = (generators.dense.abs() / value.radius.clamp_min(2.0**-900)).amax(dim=(1, 2))
        order = torch.argsort(share)
        folded, rest = order[:excess], torch.sort(order[excess:]).values
        extra = up(absolute_sums(generators.dense[folded]), excess + 1)
        dense = Generators.of(
            generators.rows[rest.cpu().numpy()], generators.dense[rest], generators.diagonal
        )
        slack = up(value.slack + extra, 1)
        return replace(value, generators=dense, slack=slack, size=up(value.size + extra, 2))

    def limit(self, symbols: int) -> int:
        return min(symbols, self.most)
