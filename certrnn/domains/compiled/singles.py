"""What it costs that generators are kept and multiplied in single precision. All else is double precision.

The entries as they are stored define the zonotope, exactly. An entry is computed from others by at most ``n``
roundings to single precision in a row, so that it differs from what it stands for by at most ``gamma(n)`` times the sum
of its terms' absolute values (Higham, Accuracy, Lemma 3.1), and by UNDERFLOW times a sum of absolute factors where
numbers leave the normal range of single precision. Every node adds that, summed over all symbols, to its slack; hence
each value has a bound of ``sum |terms of g|`` (its SPREAD) next to that of everything (its SIZE). Numbers beyond the
range become infinite or nan, and so do the sums of absolute values that everything reads.
"""

from __future__ import annotations

import math

UNIT_ROUNDOFF = 2.0**-24
"""Largest relative error of one operation rounded to single precision."""

UNDERFLOW = 2.0**-100
"""Covers 2^49 operations that underflow, each of which errs by at most 2^-150."""

BLOCK = 16
"""Products that are added up in a row before the sum is added to others: an entry of a product of depth n takes
:func:`roundings` and not n."""


def roundings(depth: int) -> int:
    """Roundings in a row of one entry of a matrix product: of the weights and their slopes, of the products within a
    block, of the sums of blocks."""
    return min(depth, BLOCK) + -(-depth // BLOCK) + 4


def summed(factor: float) -> float:
    """The factor that raises a sum of absolute values, raised for the sums of up to eight rows in single precision."""
    return factor * (1.0 + 2.0 * gamma(3))


def gamma(n: int) -> float:
    """Upper bound on the relative error of n roundings to single precision in a row, and of as many in double.

    >>> gamma(1) > 2.0**-24
    True

    Raises
    ------
    ValueError: ``n`` is negative or at least 2^20.
    """
    if not 0 <= n < 2**20:
        raise ValueError(f"gamma: the number of roundings lies in [0, 2^20); got {n}")
    u = n * UNIT_ROUNDOFF * (1.0 + 2.0**-26)
    return math.nextafter(u / (1.0 - u), math.inf) * (1.0 + 2.0**-50)
