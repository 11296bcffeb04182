"""Regions of every kind around random sequences, and members of them."""

from __future__ import annotations

from collections.abc import Callable

import torch

import certrnn.regions
from certrnn.domains import evaluate
from certrnn.ir import Graph
from certrnn.regions import (
    Ball,
    Box,
    Edits,
    Fading,
    Finite,
    L1Ball,
    L2Ball,
    LinfBall,
    NormBall,
    Region,
    Substitutes,
)
from tests.laws.networks import Rng, numbers
from tests.laws.oracle import Points

EPS = (0.0, 1e-9, 0.02, 0.4)
"""Radii of one batch."""

Make = Callable[[Rng, torch.Tensor, torch.Tensor, tuple[int, ...]], Region]
"""A region from a generator, centers in [0, 1], eps and frames."""


def _radii(rng: Rng, x: torch.Tensor) -> torch.Tensor:
    return numbers(rng, *x.shape).abs() * torch.from_numpy(rng.choice([0.0, 1.0, 3.0], tuple(x.shape)))


def _box(rng: Rng, x: torch.Tensor, eps: torch.Tensor, frames: tuple[int, ...]) -> Box:
    low, high = (x + sign * eps[:, None, None] * numbers(rng, *x.shape).abs() for sign in (-1.0, 1.0))
    return Box(x, torch.minimum(low, x), torch.maximum(high, x), frames)


def _words(rng: Rng, x: torch.Tensor, eps: torch.Tensor, frames: tuple[int, ...]) -> Substitutes:
    batch, length, features = x.shape
    moved = eps[:, None, None, None] * numbers(rng, batch, length, 4, features)
    return Substitutes(x, x[:, :, None] + moved, frames)


def _edits(rng: Rng, x: torch.Tensor, eps: torch.Tensor, frames: tuple[int, ...]) -> Edits:
    batch, length, features = x.shape
    pool = 0.5 + float(eps.max()) * numbers(rng, 5, features)
    allowed = torch.from_numpy(rng.random((batch, length, 5)) < 0.7)
    free = torch.from_numpy(rng.random((batch, length)) < 0.2)
    return Edits(x, pool, allowed, frames, torch.arange(batch) % 3, free)


REGIONS: dict[str, Make] = {
    "l-inf": lambda rng, x, eps, frames: LinfBall(x, eps, frames),
    "l-inf, radii": lambda rng, x, eps, frames: LinfBall(x, eps, frames, (0.0, 1.0), _radii(rng, x)),
    "l2": lambda rng, x, eps, frames: L2Ball(x, eps, frames),
    "l2, joint": lambda rng, x, eps, frames: L2Ball(x, eps, frames, joint=True),
    "l2, clipped": lambda rng, x, eps, frames: L2Ball(x, eps, frames, (0.0, 1.0)),
    "l2, joint, clipped, radii": lambda rng, x, eps, frames: L2Ball(
        x, eps, frames, (0.0, 1.0), _radii(rng, x), True
    ),
    "l1": lambda rng, x, eps, frames: L1Ball(x, eps, frames),
    "l1, joint": lambda rng, x, eps, frames: L1Ball(x, eps, frames, joint=True),
    "l1, joint, clipped": lambda rng, x, eps, frames: L1Ball(x, eps, frames, (0.0, 1.0), joint=True),
    "l1, radii": lambda rng, x, eps, frames: L1Ball(x, eps, frames, None, _radii(rng, x)),
    "box": _box,
    "words": _words,
    "edits": _edits,
    "fading": lambda rng, x, eps, frames: Fading(x, eps.clamp(max=1.0), x + numbers(rng, *x.shape), frames),
}
"""Every kind of region, with the options that change what it is."""


def registered() -> set[type]:
    """Every region that the package exports and that is not abstract."""
    exported = (getattr(certrnn.regions, name) for name in certrnn.regions.__all__)
    members = {x for x in exported if isinstance(x, type) and issubclass(x, Region)}
    return members - {Region, Ball, NormBall, Finite}


def made(name: str, rng: Rng, graph: Graph, frames: tuple[int, ...], eps: tuple[float, ...] = EPS) -> Region:
    """A batch of the named region, one row for each eps, around centers of their own."""
    features = graph.nodes[graph.inputs[0]].size
    center = 0.5 + 0.5 * numbers(rng, len(eps), graph.frames, features)
    return REGIONS[name](rng, center, torch.tensor(eps, dtype=torch.float64), frames)


def members(rng: Rng, graph: Graph, region: Region, count: int = 1) -> Points:
    """Members of every row: the center, far and near random ones, those towards small and large scores, and of norm
    balls the exact ends of single features. Each row has ``3 * count + 2`` of them."""
    parts = [Points.of(region.center)]
    for _ in range(count):
        parts.append(_inside(region, region.center + 1e3 * numbers(rng, *region.center.shape)))
        parts.append(_inside(region, region.center + 0.1 * numbers(rng, *region.center.shape)))
        parts.append(_inside(region, region.center - 1e6 * _gradient(rng, graph, region)))
    parts.append(_single(rng, region))
    joined = [torch.stack([getattr(p, name) for p in parts], dim=1).flatten(0, 1) for name in ("x", "moved")]
    return Points(*joined)


def _inside(region: Region, x: torch.Tensor) -> Points:
    x = region.project(x)
    return Points.of(torch.where(region.contains(x)[:, None, None], x, region.center))


def _single(rng: Rng, region: Region) -> Points:
    """One feature at the exact end of its range, which floating-point numbers may not hold."""
    moved = torch.zeros_like(region.center)
    plain = isinstance(region, Ball) and region.clip is None and region.radii is None
    if isinstance(region, Ball) and plain:
        for row in range(region.batch):
            index = row, int(rng.choice(region.frames)), int(rng.integers(moved.shape[2]))
            moved[index] = region.eps[row] * float(rng.choice([-1.0, 1.0]))
    return Points(region.center.clone(), moved)


def _gradient(rng: Rng, graph: Graph, region: Region) -> torch.Tensor:
    rows = numbers(rng, region.batch, graph.outputs)
    leaf = region.center.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((rows * evaluate(graph, leaf)).sum(), leaf, allow_unused=True)
    if gradient is None:
        return torch.zeros_like(leaf)
    gradient = torch.nan_to_num(gradient)
    return gradient / gradient.abs().flatten(1).amax(1).clamp_min(1e-300)[:, None, None]
