"""A zonotope with slack and a box, as one value.

``{ c + sum_k s_k g_k + r b : s in [-1,1]^m, b in [-1,1]^n }``: the slack r holds rounding errors and folded generators.
Next to it every value carries the box that interval arithmetic gives for it; each reading intersects the two, so that
no bound is looser than the interval domain's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch

from certrnn.arrays import to_numpy
from certrnn.domains import accounts, vectors
from certrnn.domains.interval import Interval, arrays
from certrnn.domains.rounding import down, up
from certrnn.domains.zonotope.generators import Generators
from certrnn.domains.zonotope.groups import Groups
from certrnn.domains.zonotope.space import SymbolSpace


@dataclass(frozen=True, eq=False)
class Zonotope:
    """A batch of zonotopes: ``center`` (B, n), ``generators`` by symbol, ``slack`` (B, n) >= 0, and a ``box`` that the
    value lies in as well. ``space`` is the propagation that the symbols belong to.

    What rounding costs is derived in :mod:`certrnn.domains.accounts`: the slack pays for the terms of ``generators`` as
    they are written down, and for the numbers that they are added up to; ``size`` (B, n) bounds ``|c| + sum |terms of
    g| + r``, summed over all symbols. A sum is charged for the terms that it writes down
    (:attr:`.Generators.roundings`): those of a value taken apart, whose ``size`` counts; and of one that is read as a
    value, one product by its coefficient, and its ``magnitude`` counts.
    """

    center: torch.Tensor
    generators: Generators
    slack: torch.Tensor
    box: Interval
    space: SymbolSpace
    size: torch.Tensor

    @cached_property
    def _reading(self) -> torch.Tensor:
        results = self.center.new_empty(4, *self.center.shape)
        inputs = (self.center, self.generators.absolute_sums(), self.slack, self.box.lower, self.box.upper)
        vectors.read(*arrays(*inputs), accounts.read(self.generators.count), to_numpy(results))
        if self.space.groups:
            self._read_groups(self.space.groups, results)
        return results

    def _read_groups(self, groups: Groups, results: torch.Tensor) -> None:
        """Intersect the bounds in ``results`` with what the groups reach. Radius and magnitude stay those of the cube:
        they also bound roundings, which no norm makes smaller."""
        formed, diagonal = self.generators.formed, self.generators.diagonal
        low, high = groups.reach(formed.symbols, formed.view)
        rest = self.slack if diagonal is None else up(self.slack + diagonal.values.abs(), 1)
        size = up(self.center.abs() + torch.maximum(low.abs(), high.abs()) + rest, 3)
        low, high = down(self.center + low - rest, size, 3), -down(-self.center - high - rest, size, 3)
        # a comparison with nan leaves what stands there
        results[2] = torch.where(low > results[2], low, results[2])
        results[3] = torch.where(high < results[3], high, results[3])

    @property
    def radius(self) -> torch.Tensor:
        """``sum_k |g_k| + r``, rounded up, (B, n)."""
        return self._reading[0]

    @property
    def magnitude(self) -> torch.Tensor:
        """``|c| + sum_k |g_k| + r``, rounded up."""
        return self._reading[1]

    @property
    def interval(self) -> Interval:
        """The zonotope's own interval intersected with the box."""
        return Interval(self._reading[2], self._reading[3])
