"""Every account of rounding that intervals and zonotopes keep, by tensors as in the compiled pass: derived here, once.

**What is enclosed.** A zonotope ``c + sum_k s_k g_k + r b`` encloses a value by the numbers that are stored, exactly. A
node computes its numbers with roundings; what these may amount to is added to the slack r (or, for a box, to its ends).

**What it costs.** An expression that is evaluated in n roundings in a row errs by at most ``gamma(n)`` times the sum of
its terms' absolute values, in any order (Higham, Accuracy, Lemma 3.1), and by TINY where it underflows. Summed over all
symbols, the terms of a node's generators, its center and its slack are bounded by its *size*, and those of generators
alone, which the compiled pass keeps in single precision, by its *spread*: :func:`cost` is a share of each. The size
that counts is that of the terms as they are written down, so that what an earlier node was charged for is not charged
again and again: those of a value taken apart, or the *magnitude* ``|c| + sum |g| + r`` of one that is read as a value.

**What is computed of it.** The cost itself is rounded, but is a sum of numbers that are not negative: n roundings lower
it by a share of less than ``2 gamma(n + 2)``, by which :func:`.raised` raises it, and TINY besides.

First, for each kind of node, the *charges*: how many roundings there are. Then the formulas that apply them, plain
arithmetic on numbers, arrays or tensors, which kernels compile into themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from certrnn.domains import single_precision
from certrnn.domains.rounding import TINY, gamma, lowered, raised, raising
from certrnn.domains.single_precision import UNDERFLOW
from transformers_abs.compilation import formula
from transformers_abs.rounding import next_down, next_up


class LinearCharges(NamedTuple):
    """What a linear node pays: ``error``, a share of the size; ``raising``, the factor that raises what is computed of
    it; both for the box; and ``single``, a share of the spread (zero where nothing is in single precision)."""

    error: float
    raising: float
    box_error: float
    box_raising: float
    single: float


class RelaxedCharges(NamedTuple):
    """What a relaxed function, or a width, pays: ``error``, a share of the size; ``one`` and ``raising``, factors for a
    single rounding and for all; and ``single``, a share of the spread."""

    error: float
    one: float
    raising: float
    single: float


ONE = raising(1)
"""Raises the result of one rounding."""


def affine(depth: int, relative_error: float, single: float = 0.0) -> LinearCharges:
    """``W x + b`` of that depth: a product and its sums round each term ``depth`` times, b is added in one more, and
    two are spare. What is computed of the cost is another sum of ``depth + 1`` products, each of up to six roundings on
    the way in and out. Coefficients that err by ``relative_error`` err like one more rounding of each term."""
    terms = depth + 3
    box = gamma(terms) + relative_error
    return LinearCharges(gamma(terms) + relative_error, raising(terms + 8), box, raising(terms + 5), single)


def scale(depth: int, relative_error: float, single: float = 0.0) -> LinearCharges:
    """``w x + b`` element by element: two roundings, and eight at most in what is computed of the cost. The box is
    charged as a map of that ``depth``, which is more."""
    box = gamma(depth + 3) + relative_error
    return LinearCharges(gamma(4) + relative_error, raising(8), box, raising(depth + 6), single)


def add(count: int, in_a_row: int, relative_error: float, single: float = 0.0) -> LinearCharges:
    """A sum of ``count`` multiples of values: centers and slacks take a product and ``count`` additions, generators
    ``in_a_row`` roundings in double precision (zero where they are in single precision, which pays for them)."""
    terms = max(in_a_row, count + 2) + 4
    box = gamma(count + 3) + relative_error
    return LinearCharges(gamma(terms) + relative_error, raising(terms + 4), box, raising(count + 3), single)


def relax(single: float = 0.0) -> RelaxedCharges:
    """``slope . x + residual`` of one or two arguments: at most two products, two additions and the middle of the
    residual; twelve roundings at most in what is computed of the cost."""
    return RelaxedCharges(gamma(8), raising(1), raising(12), single)


def directions(symbols: int, single: float = 0.0) -> RelaxedCharges:
    """``sum_k |a g_k s + b h_k t|`` over so many symbols: two products of each term, an addition within each symbol,
    sums over all, and the slacks. Twice, as the terms' own sizes are computed as well, in two roundings."""
    return RelaxedCharges(2.0 * gamma(symbols + 8), raising(2), raising(symbols + 8), single)


def rows(size: int, symbols: int, single: float = 0.0) -> LinearCharges:
    """``row . y + offset`` for a row of that size over a value of so many symbols: its center and each generator are
    sums of ``size`` products, added up over the symbols; by the box, sums of ``size`` products of middles and radii.
    Twice, as the size is computed as well."""
    terms = size + symbols + 4
    return LinearCharges(
        2.0 * gamma(terms + 3), raising(terms), 2.0 * gamma(size + 6), raising(size + 3), single
    )


def read(symbols: int, single: bool = False) -> float:
    """The factor that raises ``sum_k |g_k| + r`` over so many symbols, and ``|c|`` on top; ``single`` where absolute
    values of a few rows are added up in single precision first."""
    factor = raising(symbols + 2)
    return single_precision.summed(factor) if single else factor


def join(count: int) -> float:
    """The factor that raises the sum of ``count`` radii."""
    return raising(count + 1)


def place() -> float:
    """The factor that raises bounds of a value whose own symbols become rows, see :func:`placed`."""
    return raising(4)


def in_a_row(terms: Iterable[tuple[int, int]]) -> int:
    """The most roundings in a row of one number of a sum of terms that are added up in any order.

    Each term is given by the roundings of one of its own numbers, its addition included, and by those of a number that
    stands there already when the term is put on top.

    >>> in_a_row([(5, 1), (1, 1), (1, 2)])
    8
    """
    counts = list(terms)
    total = sum(through for _, through in counts)
    return max((own + total - through for own, through in counts), default=0)


@formula
def lost(charges):
    """What underflow may cost a node: less where no number is single precision."""
    return UNDERFLOW if charges.single > 0.0 else TINY


@formula
def middle(low, high):
    """A middle of [low, high] that neither over- nor underflows; any number near it will do, since radii are measured
    from it."""
    return 0.5 * low + 0.5 * high


@formula
def radius(low, high, center, one):
    """At least what reaches from the center to both ends, each difference being one rounding."""
    above, below = high - center, center - low
    return raised(above if above > below else below, one)


@formula
def cost(terms, spread, charges):
    """What roundings may change, summed over all symbols: shares of the size and of the spread (see the module)."""
    return charges.error * terms + charges.single * spread


@formula
def box_cost(size, charges):
    """What roundings may change of a box whose terms' absolute values sum up to ``size``."""
    return charges.box_error * size


@formula
def widened(lower, upper, reach, charges):
    """Ends at ``reach`` around a computed interval: the reach, a sum of radii and costs that are not negative, is
    raised for its own roundings, and the last difference is one more, for which the ends step outward."""
    more = raised(reach, charges.box_raising)
    return next_down(lower - more), next_up(upper + more)


@formula
def mapped(slack, terms, spread, charges, underflow):
    """Slack, size and spread of a linear map, from the slack with its costs and the terms as they were computed.

    The size is that of the terms and of the slack that is added here as well: later nodes are charged relative to it.
    Generators are computed in single precision, which may enlarge their terms by its share.
    """
    slack = raised(slack, charges.raising, underflow)
    size = raised(slack + terms, charges.raising, underflow)
    return slack, size, raised(spread, charges.raising * (1.0 + charges.single), underflow)


@formula
def added(slack, total, spread, charges, underflow):
    """Slack, size and spread of a sum from the sums over its values.

    ``total`` holds their slacks already, so that the size grows by the cost alone: sums of sums are not charged for the
    slack over and over.
    """
    more = cost(total, spread, charges)
    size = raised(total + more, charges.raising, underflow)
    wide = raised(spread, charges.raising * (1.0 + charges.single), underflow)
    return raised(slack + more, charges.raising, underflow), size, wide


@formula
def placed(bound, spread, single, factor, underflow):
    """A slack, size or spread of a value whose own symbols become rows in single precision: each number is rounded at
    most twice, by the share ``single`` of the spread."""
    more = raised(single * spread, factor, underflow)
    return (bound + more) * factor


@formula
def relaxed(slack, terms, spread, below, above, charges):
    """Put the residual's enclosure [below, above] on top: its middle moves the center; its radius and all the slack,
    with the cost, become the radius of a fresh symbol, since what the slack stands for is one number from here on.
    Returns the shift of the center, the fresh radius, and the terms with the shift."""
    shift = middle(below, above)
    reach = radius(below, above, shift, charges.one)
    terms += abs(shift)
    slack = raised(slack + cost(terms, spread, charges), charges.raising, lost(charges))
    return shift, raised(slack + reach, charges.one), terms


@formula
def reading(center, total, slack, factor):
    """Radius ``sum |g| + r``, magnitude ``|c| + radius``, and the bounds ``c -+ radius``: each one more rounding."""
    reach = raised(total + slack, factor)
    return reach, raised(abs(center) + reach, factor), next_down(center - reach), next_up(center + reach)


@formula
def within(low, high, lower, upper):
    """[low, high] intersected with [lower, upper]; what is nan stays nan."""
    low = low if low >= lower else (lower if lower > low else np.nan)
    high = high if high <= upper else (upper if upper < high else np.nan)
    return low, high


@formula
def width(sums, total, scales, charges, underflow):
    """At least the width in one direction: every term errs relative to ``|a g_x s_x| + |b g_y s_y|``, whatever cancels,
    which ``total`` bounds through both radii; generators that underflow err relative to the ``scales``."""
    return raised(sums + ((charges.error + charges.single) * total + underflow * scales), charges.raising)


@formula
def lower_bound(value, size, error, factor):
    """At most a sum that was computed as ``value``, whose terms' absolute values were summed up to ``size``."""
    return lowered(value, raised(size, factor), error)
