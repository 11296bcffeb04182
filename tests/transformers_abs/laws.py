"""The laws of an enclosure, as plain functions that return what breaks them. Tolerance zero.

A test asserts that a registered transformer breaks none; the mutants' test asserts that each planted error breaks one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.transformers_abs import exact
from transformers_abs import Quadratic, Region, Residual, Transformer


@dataclass(frozen=True)
class Violation:
    """A point of region ``index`` whose true residual lies outside ``bound``; shown with all it takes to repeat it."""

    index: int
    side: str
    point: tuple[float, ...]
    truth: str
    bound: float
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    slopes: tuple[float, ...]


def violations(
    transformer: Transformer,
    slopes: np.ndarray,
    region: Region,
    quadratic: Quadratic | None = None,
    seed: int = 0,
) -> list[Violation]:
    """Points where the residual, in exact arithmetic, leaves the enclosure; at most one a side and region.

    Candidates are the corners, the witnesses and their neighbours, random points, and the extremes found by a grid
    that zooms in without asking the code under test. Only near-ties in extended precision go to 60 digits.
    """
    enclosure = transformer.residual(slopes, region, quadratic)
    points = candidates(transformer, slopes, region, quadratic, enclosure, seed)
    values, errors = exact.extended(transformer, points, slopes, quadratic)
    outside = ~_inside_boxes(points, region)
    found = []
    for side, bound, sign in (("lower", enclosure.lower, -1.0), ("upper", enclosure.upper, 1.0)):
        height = np.where(outside, -np.inf, sign * (values - bound[:, None].astype(np.longdouble)) + errors)
        for index in np.flatnonzero(~(height.max(axis=1) <= 0.0)):
            # The five highest: the very highest may lie outside the cuts.
            order = np.argsort(-height[index])[:5] if region.cuts is None else np.argsort(-height[index])
            for column in order:
                if not height[index, column] > 0.0:
                    break
                point = points[:, index, column]
                violation = _check(transformer, slopes, region, quadratic, int(index), side, bound, point)
                if violation is not None:
                    found.append(violation)
                    break
    return found


def _check(
    transformer: Transformer,
    slopes: np.ndarray,
    region: Region,
    quadratic: Quadratic | None,
    index: int,
    side: str,
    bounds: np.ndarray,
    point: np.ndarray,
) -> Violation | None:
    """The violation at ``point``, decided to 60 digits, or None."""
    if not exact.inside(region, index, point):
        return None
    truth = exact.residual(transformer, point, slopes[:, index], quadratic, index)
    bound = exact.CONTEXT.mpf(float(bounds[index]))
    if (truth >= bound) if side == "lower" else (truth <= bound):
        return None
    return Violation(
        index,
        side,
        tuple(point.tolist()),
        exact.CONTEXT.nstr(truth, 25),
        float(bounds[index]),
        tuple(region.lower[:, index].tolist()),
        tuple(region.upper[:, index].tolist()),
        tuple(slopes[:, index].tolist()),
    )


def candidates(
    transformer: Transformer,
    slopes: np.ndarray,
    region: Region,
    quadratic: Quadratic | None,
    enclosure: Residual,
    seed: int,
) -> np.ndarray:
    """Points (arity, N, P), all inside their boxes."""
    rng = np.random.default_rng(seed)
    lower, upper = region.lower[:, :, None], region.upper[:, :, None]
    arity, count = region.lower.shape
    grid = _grid(arity, 33 if arity == 1 else 9)
    parts = [lower + grid[:, None, :] * (upper - lower)]
    parts.append(lower + rng.random((arity, count, 8)) * (upper - lower))
    for witness in (enclosure.argmin, enclosure.argmax):
        parts.append(witness[:, :, None])
        parts += [np.nextafter(witness, end)[:, :, None] for end in (-np.inf, np.inf)]
    parts.append(np.zeros((arity, count, 1)))
    points = _clipped(np.concatenate(parts, axis=2), lower, upper)
    for sign in (-1.0, 1.0):
        points = _zoomed(transformer, slopes, quadratic, points, lower, upper, sign)
    return points


def _grid(arity: int, size: int) -> np.ndarray:
    """A regular grid on the unit box, ends included, shape (arity, size^arity)."""
    axes = [np.linspace(0.0, 1.0, size)] * arity
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])


def _clipped(points: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    return np.minimum(np.maximum(points, lower), upper)


def _zoomed(
    transformer: Transformer,
    slopes: np.ndarray,
    quadratic: Quadratic | None,
    points: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    sign: float,
) -> np.ndarray:
    """``points`` and, three times, a finer grid around the best of them."""
    arity = len(points)
    steps = 2.0 * _grid(arity, 9 if arity == 1 else 5) - 1.0
    radius = (upper - lower) / (32.0 if arity == 1 else 8.0)
    for _ in range(3):
        values, _ = exact.extended(transformer, points, slopes, quadratic)
        best = np.argmax(np.where(np.isnan(values), -np.inf, sign * values), axis=1)
        around = np.take_along_axis(points, best[None, :, None], axis=2)
        points = np.concatenate([points, _clipped(around + radius * steps[:, None, :], lower, upper)], axis=2)
        radius = radius / (4.0 if arity == 1 else 2.0)
    return points


def _inside_boxes(points: np.ndarray, region: Region) -> np.ndarray:
    lower, upper = region.lower[:, :, None], region.upper[:, :, None]
    return ((points >= lower) & (points <= upper)).all(axis=0)


def looseness(
    transformer: Transformer, slopes: np.ndarray, region: Region, quadratic: Quadratic | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """How far each enclosure is wider than the sampled residual, and that residual's spread, shapes (N,)."""
    enclosure = transformer.residual(slopes, region, quadratic)
    points = candidates(transformer, slopes, region, quadratic, enclosure, seed=0)
    values: Any = exact.extended(transformer, points, slopes, quadratic)[0]
    high, low = values.max(axis=1), values.min(axis=1)
    excess = (enclosure.upper - high) + (low - enclosure.lower)
    return excess.astype(np.float64), (high - low).astype(np.float64)


def outside_boxes(region: Region, enclosure: Residual) -> list[int]:
    """Regions with a witness outside their box."""
    holds = np.ones(region.lower.shape[1], dtype=bool)
    for witness in (enclosure.argmin, enclosure.argmax):
        holds &= ((witness >= region.lower) & (witness <= region.upper)).all(axis=0)
    return np.flatnonzero(~holds).tolist()
