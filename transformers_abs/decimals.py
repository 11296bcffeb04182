"""Decimal numbers as people write them, enclosed by float64: 0.3 is no float64, and the nearest one lies below it.

A float stands for the decimal that it is written as (its shortest one): a request for 0.3 means three tenths.
"""

from __future__ import annotations

import math
from fractions import Fraction


def meant(number: float | str) -> Fraction:
    """The decimal number that a finite float, or its text, is written as, exactly.

    >>> meant(0.3), meant("0.30000000000000000001") > meant(0.3)
    (Fraction(3, 10), True)
    """
    return Fraction(number if isinstance(number, str) else repr(float(number)))


def at_least(number: float | str) -> float:
    """The smallest float64 that is not below the number as it is written; infinite where there is none.

    >>> at_least(0.3), at_least(0.25), at_least("-0.3")
    (0.30000000000000004, 0.25, -0.3)
    """
    nearest = float(number)
    if not math.isfinite(nearest) or Fraction(nearest) >= meant(number):
        return nearest
    return math.nextafter(nearest, math.inf)


def at_most(number: float | str) -> float:
    """The largest float64 that is not above the number as it is written.

    >>> at_most(0.1), at_most(0.3)
    (0.09999999999999999, 0.3)
    """
    nearest = float(number)
    if not math.isfinite(nearest) or Fraction(nearest) <= meant(number):
        return nearest
    return math.nextafter(nearest, -math.inf)
