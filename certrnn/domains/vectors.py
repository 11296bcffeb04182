"""Compiled arithmetic on centers, radii and boxes: one pass a node instead of dozens of small tensor operations.

Every array is (B, n) float64; ``charges`` and all formulas are those of :mod:`certrnn.domains.accounts`.
"""

from __future__ import annotations

from certrnn.domains import accounts
from transformers_abs.compilation import kernel


@kernel
def box_inputs(lower, upper, middle, radii):
    """What an affine map multiplies: ``middle`` by W; ``radii`` (2, B, n), the radius and the magnitude, by ``|W|``."""
    batch, size = middle.shape
    for b in range(batch):
        for j in range(size):
            low, high = lower[b, j], upper[b, j]
            point = accounts.middle(low, high)
            radius = accounts.radius(low, high, point, accounts.ONE)
            middle[b, j] = point
            radii[0, b, j] = radius
            radii[1, b, j] = abs(point) + radius


@kernel
def box_outputs(middle, radii, bias, charges, box):
    """``box`` (2, B, k) from the products; the terms are ``|W| magnitude + |bias|``."""
    batch, width = middle.shape
    for b in range(batch):
        for j in range(width):
            reach = radii[0, b, j] + accounts.box_cost(radii[1, b, j] + abs(bias[j]), charges)
            point = middle[b, j] + bias[j]
            box[0, b, j], box[1, b, j] = accounts.widened(point, point, reach, charges)


@kernel
def affine_outputs(points, radii, bias, charges, results):
    """Center, slack and size (3, B, k) of an affine map: ``points`` is W times the center, ``radii`` (2, B, k) ``|W|``
    times slack and magnitude."""
    _, batch, width = results.shape
    for b in range(batch):
        for j in range(width):
            terms = radii[1, b, j] + abs(bias[j])
            slack = radii[0, b, j] + accounts.cost(terms, 0.0, charges)
            results[0, b, j] = points[b, j] + bias[j]
            slack, size, _ = accounts.mapped(slack, terms, 0.0, charges, accounts.lost(charges))
            results[1, b, j], results[2, b, j] = slack, size


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
def widen_box(totals, charges):
    """Account in place for the rounding of a sum of boxes."""
    _, batch, width = totals.shape
    for b in range(batch):
        for j in range(width):
            reach = accounts.box_cost(totals[2, b, j], charges)
            ends = accounts.widened(totals[0, b, j], totals[1, b, j], reach, charges)
            totals[0, b, j], totals[1, b, j] = ends


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
def sum_outputs(totals, charges):
    """Account in place for the rounding of a sum."""
    _, batch, width = totals.shape
    for b in range(batch):
        for j in range(width):
            slack, size = totals[1, b, j], totals[2, b, j]
            slack, size, _ = accounts.added(slack, size, 0.0, charges, accounts.lost(charges))
            totals[1, b, j], totals[2, b, j] = slack, size


@kernel
def read(center, absolute, slack, lower, upper, factor, results):
    """``results`` (4, B, n): the radius ``sum |g| + r``, the magnitude ``|c| + radius``, and the bounds of the zonotope
    intersected with its box."""
    batch, size = center.shape
    for b in range(batch):
        for j in range(size):
            reading = accounts.reading(center[b, j], absolute[b, j], slack[b, j], factor)
            results[0, b, j], results[1, b, j], low, high = reading
            low, high = accounts.within(low, high, lower[b, j], upper[b, j])
            results[2, b, j], results[3, b, j] = low, high


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
def relax_outputs(lower, upper, charges, totals, fresh):
    """Put the residual's enclosure on top; its radius and all the slack become the radius of a ``fresh`` symbol."""
    _, batch, width = totals.shape
    for b in range(batch):
        for j in range(width):
            slack, terms, below, above = totals[1, b, j], totals[2, b, j], lower[b, j], upper[b, j]
            shift, fresh[b, j], terms = accounts.relaxed(slack, terms, 0.0, below, above, charges)
            totals[0, b, j] += shift
            totals[1, b, j] = 0.0
            totals[2, b, j] = accounts.raised(terms + fresh[b, j], charges.raising)
