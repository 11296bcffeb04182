"""The smallest eps at which an attack finds a violation: an upper bound on every certified eps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from certrnn.attacks.attack import Attack, select, verify, worst_margin
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec

Ball = Callable[[torch.Tensor, torch.Tensor], Region]
"""``ball(rows, eps)``: regions of the batch rows ``rows`` (R,) at radii ``eps`` (R,), nested as eps grows."""


@dataclass(frozen=True)
class Descent:
    """How eps is searched: up by ``stride`` from ``start`` until something is found, then below the best eps.

    Args:
        start, floor, ceiling: first, smallest and largest eps attacked.
        stride: factor upwards while nothing is found.
        shrink: the share of the best eps that is attacked next, until that fails; bisection follows.
        tolerance: the search of a row ends when the attack fails within this factor of the best eps.

    Raises:
        UsageError: a tolerance that is not positive.
    """

    start: float = 0.25
    floor: float = 2.0**-40
    ceiling: float = 2.0**20
    stride: float = 4.0
    shrink: float = 0.9
    tolerance: float = 0.01

    def __post_init__(self) -> None:
        if not 0 < self.tolerance < 10:
            raise UsageError("attacking", "the relative tolerance lies in (0, 10)", self.tolerance)

    def open(self, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        """(B,) bool: rows whose search goes on; ``low`` is the eps that failed, ``high`` the best found."""
        return (high > self.floor) & (low < self.ceiling) & (high > low * (1.0 + self.tolerance))

    def next(self, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        """(B,) eps to attack next."""
        up = torch.where(low == 0, self.start, low * self.stride).clamp_max(self.ceiling)
        down = torch.maximum((low * high).sqrt(), high * self.shrink)
        return torch.where(torch.isinf(high), up, down)


@dataclass(frozen=True, eq=False)
class Smallest:
    """The smallest eps found, (B,), and its violation ``x`` (B, frames, features).

    ``x`` violates the specification in float64 and lies, in exact arithmetic, in the region of radius ``eps``. Where
    nothing was found ``eps`` is inf and ``x`` the center.
    """

    eps: torch.Tensor
    x: torch.Tensor


def smallest_eps(
    attack: Attack,
    graph: Graph,
    ball: Ball,
    spec: Spec,
    descent: Descent | None = None,
    spent: Callable[[], bool] = lambda: False,
) -> Smallest:
    """The smallest eps with a verified violation, for every row of the specification's batch at once.

    Each violation found is drawn back towards the center as far as it stays one; its own distance becomes the best
    eps, and the attack goes on below it with the violation as a hint.

    Args:
        ball: regions by rows and eps.
        spec: B specifications.
        descent: how eps is searched.
        spent: asked before each step; the search ends where it is true.
    """
    search = Descent() if descent is None else descent
    low = torch.zeros_like(spec.offset[:, 0])
    center = ball(torch.arange(len(low), device=low.device), low)
    undisturbed = verify(graph, center, spec, center.center)
    high = torch.where(undisturbed.success, 0.0, torch.full_like(low, torch.inf))
    x = undisturbed.x.clone()
    while bool((going := search.open(low, high)).any()) and not spent():
        for rows in (going & high.isfinite()).nonzero().flatten(), (going & high.isinf()).nonzero().flatten():
            if not rows.numel():
                continue
            eps = search.next(low[rows], high[rows])
            attacker = attack.starting_at(x[rows]) if bool(high[rows].isfinite().all()) else attack
            outcome = attacker(graph, ball(rows, eps), select(spec, rows))
            low[rows] = torch.where(outcome.success, low[rows], eps)
            hits = rows[outcome.success]
            if hits.numel():
                violations = outcome.x[outcome.success]
                high[hits], x[hits] = _draw_back(
                    graph, ball, select(spec, hits), hits, violations, eps[outcome.success]
                )
                # an eps that failed is no proof: where less was found than failed before, the search goes on below
                low[hits] = torch.minimum(low[hits], high[hits] * search.shrink**2)
    return Smallest(high, x)


def _draw_back(
    graph: Graph, ball: Ball, spec: Spec, rows: torch.Tensor, x: torch.Tensor, eps: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Violations ``x`` of radius ``eps``, moved towards the center while they stay verified; never to a larger eps."""
    center = ball(rows, eps).center
    share = smallest_share(graph, spec, center, x)
    for drawn in (x, center + share[:, None, None] * (x - center)):
        # the region's own distance where it knows one, and the share; membership is verified either way
        for radius in (share * eps * (1.0 + 1e-12), ball(rows, eps).distance(drawn)):
            closer = torch.minimum(radius, eps)
            better = verify(graph, ball(rows, closer), spec, drawn).success & (closer < eps)
            eps = torch.where(better, closer, eps)
            x = torch.where(better[:, None, None], drawn, x)
    return eps, x


def smallest_share(graph: Graph, spec: Spec, center: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """(B,) a share of the way from the center to ``x`` at which the specification is violated, by refined grids."""
    batch, points = x.shape[0], 16
    low, high = torch.zeros_like(x[:, 0, 0]), torch.ones_like(x[:, 0, 0])
    grid = torch.arange(1, points + 1, dtype=x.dtype, device=x.device) / points
    wide = select(spec, torch.arange(batch, device=x.device).repeat_interleave(points))
    for _ in range(4):
        shares = low[:, None] + (high - low)[:, None] * grid
        along = center[:, None] + shares[..., None, None] * (x - center)[:, None]
        with torch.no_grad():
            violated = (worst_margin(graph, wide, along.flatten(0, 1)) <= 0).reshape(batch, points)
        violated[:, -1] = True  # the end of the bracket is a violation already
        first = violated.to(torch.int64).argmax(dim=1, keepdim=True)
        high = shares.gather(1, first)[:, 0]
        low = torch.where(first[:, 0] > 0, shares.gather(1, (first - 1).clamp_min(0))[:, 0], low)
    return high


def distance(x: torch.Tensor, center: torch.Tensor) -> torch.Tensor:
    """(B,) the largest absolute difference of two sequences, rounded up: at least its exact value."""
    rounded = (x - center).abs().flatten(1).amax(dim=1)
    return torch.where(rounded > 0, torch.nextafter(rounded, torch.full_like(rounded, torch.inf)), rounded)
