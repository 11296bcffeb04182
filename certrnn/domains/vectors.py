"""Compiled arithmetic on centers, radii and boxes: one pass a node instead of dozens of small tensor operations.

Every array is (B, n) float64. Factors named ``raise_*`` are those of :func:`certrnn.domains.rounding.up`; gammas come
from :func:`certrnn.domains.rounding.gamma`. Comparisons are written so that nan stays nan.
"""

from __future__ import annotations

import numpy as np

from certrnn.domains.rounding import TINY
from transformers_abs.compilation import kernel
from transformers_abs.rounding import next_down, next_up


@kernel
def box_inputs(lower, upper, raise_one, middle, radii):
    """What an affine map multiplies: ``middle`` by W; ``radii`` (2, B, n), the radius and the magnitude, by ``|W|``."""
    batch, size = middle.shape
    for b in range(batch):
        for j in range(size):
            low, high = lower[b, j], upper[b, j]
            point = 0.5 * low + 0.5 * high
            above, below = high - point, point - low
            radius = (above if above > below else below) * raise_one + TINY
            middle[b, j] = point
            radii[0, b, j] = radius
            radii[1, b, j] = abs(point) + radius


@kernel
def box_outputs(middle, radii, bias, error, raise_all, box):
    """``box`` (2, B, k) from the products: rounding costs ``error * (|W| magnitude + |bias|)``."""
    batch, width = middle.shape
    for b in range(batch):
        for j in range(width):
            spread = (radii[0, b, j] + error * (radii[1, b, j] + abs(bias[j]))) * raise_all + TINY
            point = middle[b, j] + bias[j]
            box[0, b, j] = next_down(point - spread)
            box[1, b, j] = next_up(point + spread)


@kernel
def affine_outputs(points, radii, bias, error, raise_all, results):
    """Center, slack and size (3, B, k) of an affine map: ``points`` is W times the center, ``radii`` (2, B, k) ``|W|``
    times slack and magnitude; rounding costs ``error * (|W| magnitude + |bias|)``."""
    _, batch, width = results.shape
    for b in range(batch):
        for j in range(width):
            terms = radii[1, b, j] + abs(bias[j])
            results[0, b, j] = points[b, j] + bias[j]
            results[1, b, j] = (radii[0, b, j] + error * terms) * raise_all + TINY
            # the size holds the slack that is added here as well: later nodes are charged relative to it
            results[2, b, j] = (results[1, b, j] + terms) * raise_all + TINY


@kernel
def add_box(coefficient, lowers, uppers, totals):
    """Add ``coefficient`` times a box to ``totals`` (3, B, n): lower, upper, magnitude."""
    _, batch, width = totals.shape
    share = abs(coefficient)
    for b in range(batch):
        for j in range(width):
            low, high = lowers[b, j], uppers[b, j]
            totals[0, b, j] += coefficient * (low if coefficient >= 0.0 else high)
            totals[1, b, j] += coefficient * (high if coefficient >= 0.0 else low)
            totals[2, b, j] += share * (abs(low) if abs(low) > abs(high) else abs(high))


@kernel
def widen_box(totals, error, raise_all):
    """Account in place for the rounding of a sum: the box grows by ``error`` times its terms' magnitude."""
    _, batch, width = totals.shape
    for b in range(batch):
        for j in range(width):
            spread = (error * totals[2, b, j]) * raise_all + TINY
            totals[0, b, j] = next_down(totals[0, b, j] - spread)
            totals[1, b, j] = next_up(totals[1, b, j] + spread)


@kernel
def add_scaled(coefficient, centers, slacks, sizes, totals):
    """Add ``coefficient`` times a value to ``totals`` (3, B, n): center, slack and size."""
    _, batch, width = totals.shape
    share = abs(coefficient)
    for b in range(batch):
        for j in range(width):
            totals[0, b, j] += coefficient * centers[b, j]
            totals[1, b, j] += share * slacks[b, j]
            totals[2, b, j] += share * sizes[b, j]


@kernel
def sum_outputs(totals, error, raise_all):
    """Account in place for the rounding of a sum: slack grows by ``error * size``."""
    _, batch, width = totals.shape
    for b in range(batch):
        for j in range(width):
            size = totals[2, b, j]
            totals[1, b, j] = (totals[1, b, j] + error * size) * raise_all + TINY
            totals[2, b, j] = (size + error * size) * raise_all + TINY


@kernel
def read(center, absolute, slack, lower, upper, raise_all, results):
    """``results`` (4, B, n): the radius ``sum |g| + r``, the magnitude ``|c| + radius``, and the bounds of the zonotope
    intersected with its box."""
    batch, size = center.shape
    for b in range(batch):
        for j in range(size):
            middle = center[b, j]
            radius = (absolute[b, j] + slack[b, j]) * raise_all + TINY
            results[0, b, j] = radius
            results[1, b, j] = (abs(middle) + radius) * raise_all + TINY
            low, high = next_down(middle - radius), next_up(middle + radius)
            results[2, b, j] = low if low >= lower[b, j] else (lower[b, j] if lower[b, j] > low else np.nan)
            results[3, b, j] = (
                high if high <= upper[b, j] else (upper[b, j] if upper[b, j] < high else np.nan)
            )


@kernel
def relax_argument(slope, center, slack, magnitude, first, totals):
    """Add one argument of a relaxed function to ``totals`` (3, B, n): center, slack and size; set them if ``first``."""
    batch, width = center.shape
    for b in range(batch):
        for j in range(width):
            a = slope[b, j]
            share = abs(a)
            if first:
                totals[0, b, j] = a * center[b, j]
                totals[1, b, j] = share * slack[b, j]
                totals[2, b, j] = share * magnitude[b, j]
            else:
                totals[0, b, j] += a * center[b, j]
                totals[1, b, j] += share * slack[b, j]
                totals[2, b, j] += share * magnitude[b, j]


@kernel
def relax_outputs(lower, upper, error, raise_one, raise_all, totals, fresh):
    """Put the residual's enclosure on top: its middle moves the center; its radius and all the slack become the radius
    of a ``fresh`` symbol, since what the slack stands for is one number from here on."""
    _, batch, width = totals.shape
    for b in range(batch):
        for j in range(width):
            low, high = lower[b, j], upper[b, j]
            middle = 0.5 * low + 0.5 * high
            above, below = high - middle, middle - low
            radius = (above if above > below else below) * raise_one + TINY
            totals[0, b, j] += middle
            terms = totals[2, b, j] + abs(middle)
            slack = (totals[1, b, j] + error * terms) * raise_all + TINY
            fresh[b, j] = (slack + radius) * raise_one + TINY
            totals[1, b, j] = 0.0
            totals[2, b, j] = (terms + fresh[b, j]) * raise_all + TINY
