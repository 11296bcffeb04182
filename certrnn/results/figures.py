"""Numbers as results print them: what is proved is rounded down, what an attack reached is rounded up.

A printed number is a claim. A question at the printed eps must find it certified, and a count must find at least the
printed share; so each number names its direction, and the rounding is exact decimal arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from statistics import median

from transformers_abs.decimals import meant

ABSENT = "-"
"""Stands where there is no number."""
DIGITS = 4
"""Significant digits of a printed number."""
LONGEST = 9
"""Letters of the longest printed number that is not negative, such as 1.234e-05."""
Number = float | Fraction
_DECIMALS = 12
"""Most decimals of a percentage: enough to tell any countable share from none and from all."""
_WIDE = Context(DIGITS + 20, ROUND_HALF_EVEN, MIN_EMIN, MAX_EMAX)


def lower(value: Number | None, digits: int = DIGITS) -> str:
    """A number that is proved from below: never more than the value.

    >>> lower(0.0206668), lower(0.25), lower(-0.00012345678), lower(None), lower(12345.0), lower(0.0)
    ('0.02066', '0.2500', '-0.0001235', '-', '1.234e+04', '0')
    """
    return _written(value, digits, ROUND_FLOOR)


def eps_lower(value: float | None, digits: int = DIGITS) -> str:
    """A certified eps: never more than the decimal that it is written as, which is what was certified.

    >>> eps_lower(0.3), lower(0.3)
    ('0.3000', '0.2999')
    """
    known = value is not None and math.isfinite(value)
    return lower(meant(value) if known and value is not None else value, digits)


def upper(value: Number | None, digits: int = DIGITS) -> str:
    """A number that bounds from above, such as an attack's distance: never less than the value.

    >>> upper(0.0206612), upper(0.25), upper(12341.0)
    ('0.02067', '0.2500', '1.235e+04')
    """
    return _written(value, digits, ROUND_CEILING)


def near(value: Number | None, digits: int = DIGITS) -> str:
    """A number that claims nothing, such as a deviation.

    >>> near(0.0206668), near(1e-7)
    ('0.02067', '1.000e-07')
    """
    return _written(value, digits, ROUND_HALF_EVEN)


def exact(value: Number | None) -> str:
    """A number that was asked for, as it is written: all of its digits.

    >>> exact(0.3), exact(2.0), exact(0.0123456789), exact(float("-inf")), exact(1e-07)
    ('0.3', '2', '0.0123456789', '-inf', '1e-07')
    """
    return ABSENT if value is None else repr(float(value)).removesuffix(".0")


def percent_lower(part: Number, whole: Number = 1) -> str:
    """A share that is proved from below: 100.0 % means all of them.

    >>> percent_lower(2, 3), percent_lower(9996, 10000), percent_lower(5, 5), percent_lower(1, 10**6)
    ('66.6 %', '99.9 %', '100.0 %', '0.0001 %')
    """
    return _percent(part, whole, ROUND_FLOOR)


def percent_upper(part: Number, whole: Number = 1) -> str:
    """A share that bounds from above.

    >>> percent_upper(2, 3), percent_upper(9996, 10000), percent_upper(0, 5)
    ('66.7 %', '99.96 %', '0.0 %')
    """
    return _percent(part, whole, ROUND_CEILING)


def percent(part: Number, whole: Number = 1) -> str:
    """A share that was counted; 0 and 100 mean none and all.

    >>> percent(2, 3), percent(1, 3), percent(9996, 10000)
    ('66.7 %', '33.3 %', '99.96 %')
    """
    return _percent(part, whole, ROUND_HALF_EVEN)


def mean(values: Iterable[Number]) -> Fraction | None:
    """The exact mean of finite numbers; None of none."""
    known = [Fraction(value) for value in values]
    return sum(known, Fraction(0)) / len(known) if known else None


def middle(values: Iterable[Number]) -> Fraction | None:
    """The exact median of finite numbers; None of none."""
    known = [Fraction(value) for value in values]
    return median(known) if known else None


def float_lower(value: Fraction | None) -> float | None:
    """The largest float64 that is not above a number."""
    if value is None:
        return None
    nearest = float(value)
    return math.nextafter(nearest, -math.inf) if Fraction(nearest) > value else nearest


def _written(value: Number | None, digits: int, rounding: str) -> str:
    if value is None or value != value:
        return ABSENT
    if value in (math.inf, -math.inf):
        return str(value)
    if value == 0:
        return "0"
    rounded = _rounded(Fraction(value), digits, rounding)
    power = rounded.adjusted()
    if -4 <= power < digits:
        return f"{rounded:.{digits - 1 - power}f}"
    return f"{rounded.scaleb(-power, _WIDE):.{digits - 1}f}e{power:+03d}"


def _rounded(value: Fraction, digits: int, rounding: str) -> Decimal:
    """To so many significant digits, in one rounding of the exact number."""
    context = Context(digits, rounding, MIN_EMIN, MAX_EMAX)
    return context.divide(Decimal(value.numerator), Decimal(value.denominator))


def _percent(part: Number, whole: Number, rounding: str) -> str:
    """One decimal, and as many more as it takes to tell some from none, and not all from all."""
    share = 100 * Fraction(part) / Fraction(whole)
    for decimals in range(1, _DECIMALS):
        shown = _scaled(share, decimals, rounding)
        if (shown > 0 or share == 0) and (shown < 100 or share >= 100):
            return f"{shown} %"
    return f"{_scaled(share, _DECIMALS, rounding)} %"


def _scaled(share: Fraction, decimals: int, rounding: str) -> Decimal:
    return Decimal(_whole(share * 10**decimals, rounding)).scaleb(-decimals)


def _whole(value: Fraction, rounding: str) -> int:
    if rounding == ROUND_FLOOR:
        return math.floor(value)
    return math.ceil(value) if rounding == ROUND_CEILING else round(value)
