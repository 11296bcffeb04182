"""Outward rounding of tensor expressions: the policy of ``transformers_abs.rounding`` carried to whole arrays.

A computed dot product of length n errs by at most ``gamma(n) |a|.|b|`` for any order of summation (blocked, fused,
threaded); underflow adds at most half a subnormal a product, which ``TINY`` covers for every length below 2^60.
"""

from __future__ import annotations

import math

import torch

from transformers_abs import rounding
from transformers_abs.compilation import formula

TINY = 2.0**-1000


def gamma(roundings: int) -> float:
    """Upper bound on the relative error of that many roundings in a row; infinite where none is known, so that what is
    charged by it proves nothing.

    >>> gamma(1) > 2.0**-53, gamma(2**60)
    (True, inf)
    """
    return rounding.gamma(roundings) if roundings < 2**52 else math.inf


def raising(roundings: int) -> float:
    """The factor by which :func:`raised` covers that many roundings of a sum of terms that are not negative.

    They lower it by at most ``gamma(n)``, and the product and the sum in :func:`raised` by two roundings more:
    ``(1 + 2 gamma(n + 2)) (1 - gamma(n + 2)) >= 1`` as long as ``gamma(n + 2) <= 1/2``.
    """
    return 1.0 + 2.0 * gamma(roundings + 2)


def share(roundings: int) -> float:
    """The share of its terms' magnitude by which :func:`lowered` covers that many roundings; three more are its own,
    and twice, as the magnitude is computed as well."""
    return 2.0 * gamma(roundings + 3)


@formula
def raised(value, factor, underflow=TINY):
    """At least the exact value of a non-negative expression that was evaluated to ``value``, see :func:`raising`."""
    return value * factor + underflow


@formula
def lowered(value, magnitude, error):
    """At most the exact value of an expression that was evaluated to ``value``, whose terms sum up to ``magnitude`` in
    absolute value; ``error`` is their :func:`share`."""
    return value - error * magnitude - TINY


def up(value: torch.Tensor, roundings: int) -> torch.Tensor:
    """At least the exact value of a non-negative expression evaluated to ``value`` with that many roundings."""
    return raised(value, raising(roundings))


def down(value: torch.Tensor, magnitude: torch.Tensor, roundings: int) -> torch.Tensor:
    """At most the exact value of an expression evaluated to ``value`` whose terms sum up to ``magnitude`` in absolute
    value, with that many roundings."""
    return lowered(value, magnitude, share(roundings))


def outward(lower: torch.Tensor, upper: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Each bound one representable number outward: covers the one rounding that made it."""
    inf = torch.tensor(torch.inf, dtype=lower.dtype, device=lower.device)
    return torch.nextafter(lower, -inf), torch.nextafter(upper, inf)
