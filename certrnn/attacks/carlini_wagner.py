"""The attacks of Carlini and Wagner: the closest violation in l2 and in l-inf, by descent on a weighted sum."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch

from certrnn.attacks.attack import Attack
from certrnn.attacks.copies import Closest, Copies, drawn_back, nearest
from certrnn.attacks.pgd import descent
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec

Penalty = Callable[[torch.Tensor], torch.Tensor]
"""The gradient (N, frames, features) of a distance in the disturbance of that shape."""


@dataclass(frozen=True, eq=False)
class CarliniWagnerL2(Attack):
    """Minimises ``|d|_2^2 + c max(margin(x + d), 0)`` and searches the weight ``c`` by bisection.

    Distances and margins are measured in units of the linear estimate at the center, ``margin / |gradient|_2``, so that
    no option depends on the scale of inputs or scores; the region is kept by projecting after every step (in place of
    the original's change of variable, which knows boxes only). Each try descends one row of the specification, and
    what was found is drawn back towards the center.

    Args:
        searches: weights tried.
        steps: descent steps for each weight.
        targets: rows of each specification tried, the nearest first.
        rate: length of a step in l2 as a share of the linear estimate.
        first: the first weight; on a linear network 2 is the smallest that succeeds.

    Raises:
        UsageError: a count below 1, or a rate or weight that is not positive.

    Source: Carlini and Wagner, Towards evaluating the robustness of neural networks (S&P 2017), section VI A.
    """

    searches: int = 6
    steps: int = 80
    targets: int = 5
    rate: float = 0.3
    first: float = 4.0
    minimises: ClassVar[str | None] = "2"

    def __post_init__(self) -> None:
        _check(self.searches, self.steps, self.targets, self.rate, self.first)

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        copies = nearest(graph, region, spec, self.targets, order=2)
        scale = copies.scale(2)
        best, disturbance = Closest.none(copies.center), torch.zeros_like(copies.center)
        low = torch.zeros_like(scale)
        high, weight = torch.full_like(scale, torch.inf), torch.full_like(scale, self.first)
        rate = self.rate * scale / math.sqrt(copies.features)
        square = scale[:, None, None] ** 2
        for _ in range(self.searches):
            best, succeeded, _ = _descend(
                graph,
                copies,
                best,
                disturbance,
                weight,
                rate,
                self.steps,
                lambda d: 2.0 * d / square,
                order=2,
            )
            high = torch.where(succeeded, weight, high)
            low = torch.where(succeeded, low, weight)
            weight = torch.where(high.isinf(), 10.0 * low, (low.clamp_min(self.first / 100) * high).sqrt())
            # from the closest violation so far, else from where the last weight ended
            disturbance = best.x - copies.center
        return drawn_back(graph, region, spec, best.of_each(copies.each))


@dataclass(frozen=True, eq=False)
class CarliniWagnerLinf(Attack):
    """Minimises ``sum_i max(|d_i| - tau, 0) / tau + c max(margin(x + d), 0)`` and lowers ``tau`` while that succeeds.

    Where a round fails the weight ``c`` grows. Units, projection, tries and the drawing back are those of
    :class:`CarliniWagnerL2`, with the linear estimate ``margin / |gradient|_1``.

    Args:
        rounds: values of tau or c tried.
        steps: descent steps for each of them.
        targets: rows of each specification tried, the nearest first.
        rate: length of a step in l-inf as a share of tau.
        first: the first weight.
        shrink: factor on tau after a success.

    Raises:
        UsageError: a count below 1, or a rate, weight or factor that makes no sense.

    Source: Carlini and Wagner, Towards evaluating the robustness of neural networks (S&P 2017), section VI C.
    """

    rounds: int = 20
    steps: int = 20
    targets: int = 5
    rate: float = 0.05
    first: float = 1.0
    shrink: float = 0.9
    minimises: ClassVar[str | None] = "inf"

    def __post_init__(self) -> None:
        _check(self.rounds, self.steps, self.targets, self.rate, self.first)
        if not 0 < self.shrink < 1:
            raise UsageError("attacking", "the factor on tau lies in (0, 1)", self.shrink)

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        copies = nearest(graph, region, spec, self.targets, order=1)
        best, disturbance = Closest.none(copies.center), torch.zeros_like(copies.center)
        tau = torch.minimum(1.5 * copies.scale(1), copies.extent.clamp_min(torch.finfo(torch.float64).tiny))
        weight = torch.full_like(tau, self.first * copies.features)
        for _ in range(self.rounds):
            wide = tau[:, None, None]

            def beyond(d: torch.Tensor, wide: torch.Tensor = wide) -> torch.Tensor:
                return torch.where(d.abs() > wide, d.sign() / wide, 0.0)

            closest, _, disturbance = _descend(
                graph, copies, best, disturbance, weight, self.rate * tau, self.steps, beyond, order=math.inf
            )
            closer = closest.distance < best.distance
            best = closest
            lowered = self.shrink * torch.minimum(tau, closest.distance)
            never = closest.distance.isinf()
            tau = torch.where(
                closer, lowered, torch.where(never, torch.minimum(2.0 * tau, copies.extent), tau)
            )
            weight = torch.where(closer, weight, 4.0 * weight)
        return drawn_back(graph, region, spec, best.of_each(copies.each))


def _descend(
    graph: Graph,
    copies: Copies,
    best: Closest,
    disturbance: torch.Tensor,
    weight: torch.Tensor,
    rate: torch.Tensor,
    steps: int,
    penalty: Penalty,
    order: float,
) -> tuple[Closest, torch.Tensor, torch.Tensor]:
    """Projected Adam on penalty and margin: the closest violation so far, whether this descent saw any, and where it
    ended."""
    center, unit = copies.center, copies.margin.clamp_min(1e-150)
    pulled = (weight / unit)[:, None, None]
    first, second = torch.zeros_like(center), torch.zeros_like(center)
    succeeded = torch.zeros_like(weight, dtype=torch.bool)
    for step in range(steps + 1):
        x = copies.region.project(center + disturbance)
        disturbance = x - center
        margins, slope = descent(graph, copies.spec, x, copies.target)
        lowest = margins.amin(dim=1)
        distance = torch.linalg.vector_norm(disturbance.flatten(1), ord=order, dim=1)
        best = best.seen(x, lowest, distance)
        succeeded |= lowest <= 0
        if step == steps:
            break
        own = margins.gather(1, copies.target[:, None])[:, 0]
        pull = torch.where((own > 0)[:, None, None], pulled * slope, 0.0)
        gradient = torch.nan_to_num(penalty(disturbance) + pull, 0.0, 1e150, -1e150)
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        size = (second / (1.0 - 0.99 ** (step + 1))).sqrt().clamp_min(1e-300)
        # long steps first, short ones at the end: the last iterates settle
        length = rate * 0.05 ** (step / max(1, steps - 1))
        disturbance = disturbance - length[:, None, None] * first / (1.0 - 0.9 ** (step + 1)) / size
    return best, succeeded, disturbance


def _check(outer: int, steps: int, targets: int, rate: float, first: float) -> None:
    if min(outer, steps, targets) < 1 or not (rate > 0 and first > 0):
        raise UsageError(
            "attacking",
            "rounds, steps and targets are at least 1, the rate and the first weight positive",
            (outer, steps, targets, rate, first),
        )
