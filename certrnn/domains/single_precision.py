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
"""Products that are added up in a row before their sum is added to what stands there."""

_MOST = 1 << 15
"""Roundings in a row for which :func:`gamma` holds."""


def passes(depth: int) -> int:
    """Roundings of what already stands there, where a matrix product of this depth is put on top."""
    return -(-depth // BLOCK)


def roundings(depth: int) -> int:
    """Roundings in a row of one entry of a matrix product: of the weights and of their slopes, within a block, of the
    sums of blocks."""
    return 2 + min(depth, BLOCK) + passes(depth)


def gamma(n: int, total: int = 0) -> float:
    """Upper bound on the relative error of n roundings to single precision in a row, and of as many in double.

    It is linear in n: what is paid for a and for b roundings in a row pays for a + b. That holds as long as the
    ``total`` of all of them is at most 2^15; beyond, the bound is infinite.

    >>> gamma(1) > 2.0**-24
    True
    >>> gamma(1, total=40_000)
    inf
    """
    return n * UNIT_ROUNDOFF * (1.0 + 2.0**-8) if max(n, total) <= _MOST else math.inf


def summed(factor: float) -> float:
    """The factor that raises a sum of absolute values, raised for the sums of up to eight rows in single precision."""
    return factor * (1.0 + 2.0 * gamma(3))
