"""Boxes clipped by cuts, and the containment law on them. Tolerance zero."""

from __future__ import annotations

import numpy as np

from tests.transformers_abs import exact
from transformers_abs import DIRECTIONS, Cuts, Quadratic, Region, Residual, Transformer


def clip(region: Region, rng: np.random.Generator) -> Region:
    """The region with cuts: mostly those of random zonogons that fill the box, as the zonotope domain makes them; some
    widths are infinite, some far too small (the clipped region is then a sliver, a point or empty), some centres and
    scales have nothing to do with the box."""
    count = region.lower.shape[1]
    half = 0.5 * (region.upper - region.lower)
    center, scale = region.lower + half, 1.0 / np.maximum(half, 1e-290)
    generators = rng.normal(size=(2, 10, count)) * np.exp(rng.normal(size=(2, 10, count)))
    generators[1] += rng.normal(size=count) * 2.0 * generators[0]
    generators /= np.abs(generators).sum(axis=1, keepdims=True)
    width = np.abs(np.einsum("kd,dmn->kmn", DIRECTIONS, generators)).sum(axis=1)
    odd = rng.random(count) < 0.15
    width = np.where(rng.random(width.shape) < 0.05, np.inf, width)
    width = np.where(rng.random(width.shape) < 0.05, width * 10.0 ** rng.uniform(-17, 0, width.shape), width)
    width = np.where(rng.random(count) < 0.01, 0.0, width)
    center = np.where(odd, center + half * rng.normal(size=center.shape), center)
    scale = np.where(odd, scale * 10.0 ** rng.uniform(-2, 0, scale.shape), scale)
    return Region(region.lower, region.upper, Cuts(center, scale, width))


def part(region: Region, keep: slice) -> Region:
    """Some of the regions."""
    cuts = region.cuts
    if cuts is not None:
        cuts = Cuts(cuts.center[:, keep], cuts.scale[:, keep], cuts.width[:, keep])
    return Region(region.lower[:, keep], region.upper[:, keep], cuts)


def inside(region: Region, points: np.ndarray, slack: float = 0.0) -> np.ndarray:
    """Whether points (2, N, P) lie in their clipped boxes, in floating point; ``slack`` widens the cuts."""
    box = (points >= region.lower[:, :, None]) & (points <= region.upper[:, :, None])
    holds = box.all(axis=0)
    if region.cuts is not None:
        e = (points - region.cuts.center[:, :, None]) * region.cuts.scale[:, :, None]
        reach = np.abs(np.einsum("kd,dnp->knp", DIRECTIONS, e))
        holds &= (reach <= region.cuts.width[:, :, None] * (1.0 + slack) + slack).all(axis=0)
    return holds


def vertices(region: Region) -> np.ndarray:
    """Points (2, N, P) where two sides of strips, or one and a side of the box, meet; clamped to the box."""
    cuts = region.cuts
    if cuts is None:
        return region.lower[:, :, None]
    sides = [(d, s * w) for d, w in zip(DIRECTIONS, cuts.width, strict=True) for s in (-1.0, 1.0)]
    for k, axis in enumerate(np.eye(2)):
        for end in (region.lower, region.upper):
            sides.append((axis, (end[k] - cuts.center[k]) * cuts.scale[k]))
    found = []
    for i, (c, v) in enumerate(sides):
        for d, w in sides[i + 1 :]:
            det = c[0] * d[1] - c[1] * d[0]
            if det != 0.0:
                found.append(np.stack([v * d[1] - w * c[1], w * c[0] - v * d[0]]) / det)
    e = np.stack(found, axis=-1)
    points = cuts.center[:, :, None] + np.where(np.isfinite(e), e, 0.0) / cuts.scale[:, :, None]
    return np.minimum(np.maximum(points, region.lower[:, :, None]), region.upper[:, :, None])


def candidates(
    transformer: Transformer, slopes: np.ndarray, region: Region, quadratic: Quadratic | None, seed: int
) -> np.ndarray:
    """Points (2, N, P) of the boxes: a grid, random ones, vertices of the cuts, and the extremes inside the cuts found
    by zooming in, without asking the code under test."""
    rng = np.random.default_rng(seed)
    lower, upper = region.lower[:, :, None], region.upper[:, :, None]
    ticks = np.linspace(0.0, 1.0, 7)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(ticks, ticks)])[:, None]
    parts = [lower + grid * (upper - lower), lower + rng.random((2, lower.shape[1], 8)) * (upper - lower)]
    corner = vertices(region)
    middle = 0.5 * lower + 0.5 * upper
    parts += [corner, corner + (middle - corner) * 1e-15, corner + (middle - corner) * 1e-7]
    points = np.minimum(np.maximum(np.concatenate(parts, axis=2), lower), upper)
    ticks = np.linspace(-1.0, 1.0, 5)
    steps = np.stack([axis.ravel() for axis in np.meshgrid(ticks, ticks)])[:, None]
    for sign in (-1.0, 1.0):
        radius = 0.25 * (upper - lower)
        for _ in range(4):
            values = sign * _values(transformer, slopes, quadratic, points)
            values = np.where(inside(region, points, 1e-15) & ~np.isnan(values), values, -np.inf)
            best = np.take_along_axis(points, values.argmax(axis=1)[None, :, None], axis=2)
            around = np.minimum(np.maximum(best + radius * steps, lower), upper)
            points, radius = np.concatenate([points, around], axis=2), radius / 3.0
    return points


def _values(
    transformer: Transformer, slopes: np.ndarray, quadratic: Quadratic | None, points: np.ndarray
) -> np.ndarray:
    values = transformer.value(*points) - (slopes[:, :, None] * points).sum(axis=0)
    if quadratic is None:
        return values
    c, e = quadratic.coefficients[:, :, None], points - quadratic.center[:, :, None]
    e = e * quadratic.scale[:, :, None]
    return values - (c[0] * e[0] ** 2 + 2.0 * c[1] * e[0] * e[1] + c[2] * e[1] ** 2)


def violations(
    transformer: Transformer,
    slopes: np.ndarray,
    region: Region,
    quadratic: Quadratic | None = None,
    seed: int = 0,
) -> list[tuple[int, str, tuple[float, ...], str, float]]:
    """(region, side, point, truth, bound) where the residual, in exact arithmetic, leaves the enclosure."""
    with np.errstate(all="ignore"):
        enclosure = transformer.residual(slopes, region, quadratic)
        points = candidates(transformer, slopes, region, quadratic, seed)
        values, errors = exact.extended(transformer, points, slopes, quadratic)
        near = inside(region, points, 1e-9)
    found = []
    for side, bound, sign in (("lower", enclosure.lower, -1.0), ("upper", enclosure.upper, 1.0)):
        height = np.where(near, sign * (values - bound[:, None].astype(np.longdouble)) + errors, -np.inf)
        for index in np.flatnonzero(~(height.max(axis=1) <= 0.0)):
            for column in np.argsort(-height[index]):
                if not height[index, column] > 0.0:
                    break
                point = points[:, index, column]
                if not exact.inside(region, index, point):
                    continue
                truth = exact.residual(transformer, point, slopes[:, index], quadratic, index)
                limit = exact.CONTEXT.mpf(float(bound[index]))
                if truth < limit if side == "lower" else truth > limit:
                    place = tuple(point.tolist())
                    found.append(
                        (int(index), side, place, exact.CONTEXT.nstr(truth, 25), float(bound[index]))
                    )
                break
    return found


def excess(
    transformer: Transformer, slopes: np.ndarray, region: Region, enclosure: Residual, rounds: int = 6
) -> np.ndarray:
    """(hi - lo) / (true hi - true lo) - 1 for each region, the truth found by zooming in on both extremes."""
    widths = np.zeros(region.lower.shape[1])
    ticks = np.linspace(0.0, 1.0, 31)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(ticks, ticks)])[:, None]
    for sign in (-1.0, 1.0):
        lower, upper = region.lower[:, :, None], region.upper[:, :, None]
        best = np.full(widths.shape, -np.inf)
        for _ in range(rounds):
            points = np.concatenate([lower + grid * (upper - lower), vertices(region)], axis=2)
            values = sign * _values(transformer, slopes, None, points)
            values = np.where(inside(region, points, 1e-12), values, -np.inf)
            best = np.maximum(best, values.max(axis=1))
            middle = np.take_along_axis(points, values.argmax(axis=1)[None, :, None], axis=2)
            reach = 0.12 * (upper - lower)
            lower = np.maximum(region.lower[:, :, None], middle - reach)
            upper = np.minimum(region.upper[:, :, None], middle + reach)
        widths += best
    return (enclosure.upper - enclosure.lower) / widths - 1.0
