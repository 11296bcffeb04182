"""The smallest eps at which an attack finds a violation: an upper bound on every certified eps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from certrnn.attacks._protocol import Attack, pull_inside, verify, worst_margin
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec

Ball = Callable[[torch.Tensor, torch.Tensor], Region]
"""``ball(rows, eps)``: regions of the batch rows ``rows`` (R,) at radius ``eps`` (R,), nested as eps grows."""


@dataclass(frozen=True)
class Descent:
    """How eps is searched: up by ``stride`` from ``start`` until something is found, then below the best found.

    Parameters
    ----------
    start, floor, ceiling: first, smallest and largest eps attacked.
    stride: factor upwards while nothing is found.
    shrink: the share of the best eps that is attacked next, until that fails; bisection follows.
    tolerance: the search of a row ends when the attack fails within this factor of the best eps.

    Raises
    ------
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
        """(B,) bool: rows whose search goes on; ``low`` is the last eps that failed, ``high`` the best found."""
        return (high > self.floor) & (low < self.ceiling) & (high > low * (1.0 + self.tolerance))

    def next(self, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        """(B,) eps to attack next."""
        up = torch.where(low == 0, self.start, low * self.stride).clamp_max(self.ceiling)
        down = torch.maximum((low * high).sqrt(), high * self.shrink)
        return torch.where(torch.isinf(high), up, down)


@dataclass(frozen=True, eq=False)
class Smallest:
    """``eps`` (B,) and ``x`` (B, frames, features): ``x`` violates the specification in float64 and lies, in exact
    arithmetic, in the region of radius ``eps``. inf and the center where nothing was found."""

    eps: torch.Tensor
    x: torch.Tensor


def smallest_eps(
    attack: Attack, graph: Graph, ball: Ball, spec: Spec, descent: Descent | None = None
) -> Smallest:
    """The smallest eps with a verified violation, for every row of the specification's batch at once.

    Each violation found is drawn back towards the center as far as it stays one; its own distance is the next upper end.

    Parameters
    ----------
    ball: regions by rows and eps.
    spec: B specifications.
    """
    search = Descent() if descent is None else descent
    batch = spec.rows.shape[0]
    nothing = torch.zeros(batch, dtype=torch.float64)
    at_center = verify(graph, r := ball(torch.arange(batch), nothing), spec, r.center)
    low, x = nothing.clone(), at_center.x.clone()
    high = torch.where(at_center.success, 0.0, torch.inf).to(torch.float64)
    while bool((going := search.open(low, high)).any()):
        rows = going.nonzero().flatten()
        eps, part = search.next(low[rows], high[rows]), Spec(spec.rows[rows], spec.offset[rows])
        hinted = attack.starting_at(x[rows]) if bool(torch.isfinite(high[rows]).all()) else attack
        outcome = hinted(graph, ball(rows, eps), part)
        won = outcome.success.nonzero().flatten()
        low[rows] = torch.where(outcome.success, low[rows], eps)
        if won.numel():
            at = rows[won]
            part = Spec(spec.rows[at], spec.offset[at])
            high[at], x[at] = draw_back(graph, lambda e, at=at: ball(at, e), part, outcome.x[won], eps[won])
            low[at] = torch.minimum(low[at], high[at] * search.shrink**2)
    return Smallest(high, x)


def draw_back(
    graph: Graph, ball: Callable[[torch.Tensor], Region], spec: Spec, x: torch.Tensor, eps: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The violations ``x`` (B, frames, features) of radius ``eps`` (B,), moved towards the center; never to larger eps."""
    center = ball(eps).center
    share = _smallest_share(graph, spec, center, x)
    drawn = center + share[:, None, None] * (x - center)
    for candidate in (distance(drawn, center), share * eps * (1.0 + 1e-12)):
        region = ball(torch.minimum(candidate, eps))
        outcome = verify(graph, region, spec, drawn)
        better = outcome.success & (candidate < eps)
        eps = torch.where(better, candidate, eps)
        x = torch.where(better[:, None, None], drawn, x)
    return eps, x


def _smallest_share(graph: Graph, spec: Spec, center: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """(B,) a share of the way from the center to ``x`` at which the specification is violated, found by refined grids."""
    batch, points = x.shape[0], 16
    low, high = torch.zeros(batch, dtype=x.dtype), torch.ones(batch, dtype=x.dtype)
    grid = torch.arange(1, points + 1, dtype=x.dtype) / points
    many = torch.arange(batch).repeat_interleave(points)
    wide = Spec(spec.rows[many], spec.offset[many])
    for _ in range(4):
        shares = low[:, None] + (high - low)[:, None] * grid
        at = center[:, None] + shares[..., None, None] * (x - center)[:, None]
        with torch.no_grad():
            violated = (worst_margin(graph, wide, at.flatten(0, 1)) <= 0).reshape(batch, points)
        violated[:, -1] = True
        first = violated.to(torch.int64).argmax(dim=1)
        high, low = (
            shares.gather(1, first[:, None])[:, 0],
            torch.where(first > 0, shares.gather(1, (first - 1).clamp_min(0)[:, None])[:, 0], low),
        )
    return high


def distance(x: torch.Tensor, center: torch.Tensor) -> torch.Tensor:
    """(B,) the largest absolute difference of two sequences, rounded up: at least its exact value."""
    rounded = (x - center).abs().flatten(1).amax(dim=1)
    return torch.where(rounded > 0, torch.nextafter(rounded, torch.full_like(rounded, torch.inf)), rounded)
