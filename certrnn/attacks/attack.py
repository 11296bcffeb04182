"""What an attack is: it proposes sequences, and only verified ones count."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import torch

from certrnn.domains.points import evaluate
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an attack found in B regions.

    ``x`` (B, frames, features) is the proposed sequence of each region and ``margin`` (B,) its smallest margin in
    float64; ``success`` (B,) says that this margin is at most 0 and that the sequence lies in its region in exact
    arithmetic.
    """

    x: torch.Tensor
    success: torch.Tensor
    margin: torch.Tensor


class Attack(ABC):
    """Looks for a sequence of each region that violates the specification. Independent of every bound.

    ``minimises`` is the norm (``inf``, ``2``, ``0``) of the disturbance that the attack makes small by itself, or None
    where any violation in the region will do.
    """

    minimises: ClassVar[str | None] = None

    @abstractmethod
    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        """Candidates (B, frames, features), one for each region. Nothing is assumed of them."""

    def starting_at(self, x: torch.Tensor) -> Attack:
        """The same attack with the hint that ``x`` (B, frames, features) lies near violations.

        The hint is ignored by default.
        """
        return self

    @final
    def __call__(self, graph: Graph, region: Region, spec: Spec) -> Outcome:
        """Run, project into the region, and verify: an outcome never claims more than was checked.

        Args:
            region: B sets of sequences.
            spec: B specifications, one a set.
        """
        proposed = self.run(graph, region, spec).detach()
        return verify(graph, region, spec, pull_inside(region, proposed))


def verify(graph: Graph, region: Region, spec: Spec, x: torch.Tensor) -> Outcome:
    """The outcome of sequences ``x`` (B, frames, features) as they are."""
    with torch.no_grad():
        margin = worst_margin(graph, spec, x)
    success = margin <= 0
    hits = success.nonzero().flatten()
    if hits.numel():
        success[hits] = region.select(hits).contains(x[hits])
    return Outcome(x, success, margin)


def worst_margin(graph: Graph, spec: Spec, x: torch.Tensor) -> torch.Tensor:
    """(B,) smallest margin in float64; nan where one is nan, which no comparison takes for a violation."""
    return spec.margins(evaluate(graph, x)).amin(dim=1)


def select(spec: Spec, rows: torch.Tensor) -> Spec:
    """The specification whose row ``i`` of the batch is row ``rows[i]`` of this one's; rows may repeat."""
    return spec.select(rows)


def pull_inside(region: Region, x: torch.Tensor) -> torch.Tensor:
    """The projection of ``x``, moved a few units in the last place towards the center where rounding left it outside.

    Rows that still lie outside after that come back as the center; elements that are not finite are taken from it.
    """
    center = region.center
    x = region.project(torch.where(torch.isfinite(x), x, center))
    for shrinks in range(8):
        outside = ~region.contains(x)
        if not bool(outside.any()):
            return x
        share = 1.0 - 2.0 ** (2 * shrinks - 53) if shrinks else 1.0
        closer = torch.nextafter(center + (x - center) * share, center)
        x = torch.where(outside[:, None, None], closer, x)
    return torch.where(region.contains(x)[:, None, None], x, center)
