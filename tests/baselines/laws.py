"""Laws of planes, and what the tests of the baseline share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from flint import arb

from certrnn.baselines.popqorn import Envelope, Fit, PlanePair
from certrnn.baselines.popqorn.boxes import Boxes
from certrnn.regions import L1Ball, L2Ball, LinfBall, Region
from tests.laws.laws import Violation, _outside
from tests.laws.networks import numbers
from tests.laws.oracle import Oracle, Points, function
from tests.transformers_abs.regions import fitted
from transformers_abs import Region as Box
from transformers_abs import Transformer


class AnyPlanes:
    """Slopes by chance, other ones for each side."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, transformer: Transformer, region: Box) -> tuple[np.ndarray, np.ndarray]:
        del transformer
        shape = region.lower.shape
        return tuple(self.rng.normal(0, 1, shape) * 10.0 ** self.rng.uniform(-3, 1, shape) for _ in range(2))  # pyright: ignore[reportReturnType]


def boxes(rng: np.random.Generator, arity: int, count: int) -> Box:
    """Boxes of widths from nothing to large, some of them flat along one axis."""
    center = rng.normal(0, 2, (arity, count))
    half = 10.0 ** rng.uniform(-17, 1, (arity, count)) * (rng.random((arity, count)) < 0.9)
    return Box(center - half, center + half)


def planes_outside(transformer: Transformer, fit: Fit, count: int = 60) -> list[tuple[int, str, str]]:
    """Planes above or below the function at a point of their box, in exact arithmetic: box, side, distance."""
    rng = np.random.default_rng(3)
    found = fitted(transformer, boxes(rng, transformer.arity, count))
    pair = PlanePair.of(transformer, found, fit, torch.zeros(1, count, dtype=torch.float64))
    exact, outside = function(transformer), []
    sides = {
        "lower": (pair.lower_slopes, pair.lower_offset, 1),
        "upper": (pair.upper_slopes, pair.upper_offset, -1),
    }
    for share in (0.0, 1.0, *rng.random((6, *found.lower.shape))):
        points = np.clip(found.lower + share * (found.upper - found.lower), found.lower, found.upper)
        for i in range(count):
            x = [arb(v) for v in points[:, i].tolist()]
            for side, (slopes, offset, sign) in sides.items():
                plane = sum((arb(a) * v for a, v in zip(slopes[:, 0, i].tolist(), x, strict=True)), arb(0))
                beyond = sign * (plane + arb(float(offset[0, i])) - exact(*x))
                if not beyond <= 0:
                    outside.append((i, side, beyond.str(10)))
    return outside


def members(ball: LinfBall | L1Ball | L2Ball, rng: np.random.Generator, count: int) -> Points:
    """The center, points pushed onto the sphere, and steps along few features: row after row of the batch."""
    parts = [ball.center]
    for k in range(count):
        away = numbers(rng, *ball.center.shape, gain=30.0)
        if k % 2:
            away = torch.where(torch.from_numpy(rng.random(away.shape)) < 0.3, away, 0.0)
        moved = replace(ball, clip=None).project(ball.center + away)
        if ball.clip is not None:
            # towards the center in every feature
            moved = moved.clamp(*ball.clip)
        parts.append(torch.where(ball.contains(moved)[:, None, None], moved, ball.center))
    return Points.of(torch.stack(parts, dim=1).flatten(0, 1))


def arguments_outside(oracle: Oracle, ball: Region) -> list[Violation]:
    """Exact arguments of nonlinearities beyond their backward bounds, at every node that has them."""
    with torch.no_grad():
        found, _ = Boxes.of(oracle.graph, ball, Envelope())
    return [
        violation
        for position, (lower, upper) in found.ends.items()
        for violation in _outside("ends", position, lower, upper, oracle.values[position])
    ]
