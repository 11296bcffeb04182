"""Random regions of every kind that must be survived, with adversarial slopes and quadratics."""

from __future__ import annotations

import numpy as np

from transformers_abs import Quadratic, Region, Transformer

KINDS = (
    "ordinary",
    "small",
    "wide",
    "saturated",
    "one ulp",
    "point",
    "around zero",
    "subnormal",
    "touches zero",
)


def boxes(kind: str, arity: int, count: int, rng: np.random.Generator) -> Region:
    """``count`` boxes of one kind."""
    shape = (arity, count)
    center = rng.normal(size=shape) * 3.0
    half = rng.exponential(size=shape)
    if kind == "small":
        half = 10.0 ** rng.uniform(-14, -1, size=shape)
    elif kind == "wide":
        half = 10.0 ** rng.uniform(0, 3.5, size=shape)
        center = center * half
    elif kind == "saturated":
        center = rng.choice([-1.0, 1.0], size=shape) * rng.uniform(8, 700, size=shape)
        half = 10.0 ** rng.uniform(-3, 2, size=shape)
    elif kind == "around zero":
        center = center * 10.0 ** rng.uniform(-300, -1, size=shape)
        half = 10.0 ** rng.uniform(-300, 0, size=shape)
    elif kind == "subnormal":
        center, half = center * 1e-321, half * 1e-321
    lower, upper = center - half, center + half
    if kind == "one ulp":
        lower, upper = center, np.nextafter(center, np.inf)
    elif kind == "point":
        upper = lower
    elif kind == "touches zero":
        side = rng.random(shape) < 0.5
        lower, upper = np.where(side, -0.0, -half), np.where(side, half, 0.0)
    return Region(lower, upper)


def fitted(transformer: Transformer, region: Region) -> Region:
    """The region brought into the function's domain: a half line takes absolute values, what is beyond is cut off."""
    (least, most), lower, upper = transformer.domain, region.lower, region.upper
    if least >= 0.0:
        lower, upper = np.minimum(np.abs(lower), np.abs(upper)), np.maximum(np.abs(lower), np.abs(upper))
    return Region(np.clip(lower, least, most), np.clip(upper, least, most), region.cuts)


def slopes(region: Region, secant: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One slope an element: near the secant, ordinary, of any size, flat, or out of the function's range."""
    shape = region.lower.shape
    choices = [
        secant,
        secant * (1.0 + 1e-3 * rng.normal(size=shape)),
        rng.uniform(0.0, 1.0, size=shape),
        rng.normal(size=shape) * 3.0,
        rng.choice([-1.0, 1.0], size=shape) * 10.0 ** rng.uniform(-320, 6, size=shape),
        rng.choice([0.0, -0.0, 1.0, 0.25, -1.0, np.nextafter(1.0, 0.0), np.nextafter(0.25, 0.0)], size=shape),
    ]
    pick = rng.integers(len(choices), size=shape)
    return np.take_along_axis(np.stack(choices), pick[None], axis=0)[0]


def quadratic(region: Region, rng: np.random.Generator) -> Quadratic:
    """Quadratics as the analyses make them (deviations scaled to the box), with small, large, zero coefficients."""
    arity, count = region.lower.shape
    half = 0.5 * (region.upper - region.lower)
    center = region.lower + half + half * rng.normal(size=half.shape) * 0.1
    scale = 1.0 / np.maximum(half, 1e-290) * 10.0 ** rng.uniform(-1, 0.3, size=half.shape)
    size = (1 if arity == 1 else 3, count)
    coefficients = rng.normal(size=size) * 10.0 ** rng.uniform(-8, 2, size=size)
    coefficients[:, rng.random(count) < 0.1] = 0.0
    return Quadratic(coefficients, center, scale)


def extreme(
    arity: int,
    count: int,
    rng: np.random.Generator,
    largest: float,
    transformer: Transformer | None = None,
) -> tuple[Region, np.ndarray, Quadratic]:
    """Boxes, slopes and quadratics in which every number has a size of its own, from subnormal to ``10^largest``.

    Products of such numbers underflow at every step. In half of the quadratics the deviations are scaled to the box, so
    that extrema lie inside; no deviation exceeds ``10^largest``, so that squares stay finite. Boxes lie in the
    domain of the ``transformer``.
    """
    shape = (arity, count)
    picks = rng.integers(len(KINDS), size=count)
    kinds = [boxes(kind, arity, count, rng) for kind in KINDS]
    lower, upper = (
        np.choose(picks, [getattr(region, end) for region in kinds]) for end in ("lower", "upper")
    )
    lower, upper = np.maximum(lower, -(10.0**largest)), np.minimum(upper, 10.0**largest)
    if transformer is not None:
        inner = fitted(transformer, Region(lower, upper))
        lower, upper = inner.lower, inner.upper
    half = np.maximum(0.5 * (upper - lower), 1e-290)
    inclination = np.where(rng.random(shape) < 0.5, 0.0, _any_size(shape, rng, largest))
    near = lower + (upper - lower) * rng.uniform(-0.2, 1.2, size=shape)
    center = np.where(rng.random(shape) < 0.5, near, _any_size(shape, rng, largest))
    center = np.where(rng.random(shape) < 0.2, 0.0, center)
    scale = np.where(rng.random(shape) < 0.5, 1.0 / half, _any_size(shape, rng, largest))
    reach = np.maximum(np.maximum(np.abs(lower - center), np.abs(upper - center)), 10.0 ** (largest - 300))
    scale = np.clip(scale, -(10.0**largest) / reach, 10.0**largest / reach)
    size = (1 if arity == 1 else 3, count)
    coefficients = np.where(rng.random(size) < 0.1, 0.0, _any_size(size, rng, largest))
    return Region(lower, upper), inclination, Quadratic(coefficients, center, scale)


def _any_size(shape: tuple[int, ...], rng: np.random.Generator, largest: float) -> np.ndarray:
    """Numbers of either sign whose exponents are uniform."""
    return rng.choice([-1.0, 1.0], size=shape) * 10.0 ** rng.uniform(-324, largest, size=shape)
