"""Outward rounding of tensor expressions: the policy of ``transformers_abs.rounding`` carried to whole arrays.

A computed dot product of length n errs by at most ``gamma(n) |a|.|b|`` for any order of summation (blocked, fused,
threaded); underflow adds at most half a subnormal a product, which ``TINY`` covers for every length below 2^60.
"""

from __future__ import annotations

import math

import torch

from transformers_abs import rounding

TINY = 2.0**-1000


def gamma(roundings: int) -> float:
    """Upper bound on the relative error of that many roundings in a row; infinite where none is known, so that what is
    charged by it proves nothing.

    >>> gamma(1) > 2.0**-53, gamma(2**60)
    (True, inf)
    """
    return rounding.gamma(roundings) if roundings < 2**52 else math.inf


def raising(roundings: int) -> float:
    """The factor that :func:`up` raises by, for kernels; they add TINY as well."""
    return 1.0 + 2.0 * gamma(roundings + 2)


def up(value: torch.Tensor, roundings: int) -> torch.Tensor:
    """At least the exact value of a non-negative expression evaluated to ``value`` with that many roundings."""
    return value * raising(roundings) + TINY


def down(value: torch.Tensor, magnitude: torch.Tensor, roundings: int) -> torch.Tensor:
    """At most the exact value of an expression evaluated to ``value`` whose terms sum up to ``magnitude`` in absolute
    value, with that many roundings."""
    return value - (2.0 * gamma(roundings + 3)) * magnitude - TINY


def outward(lower: torch.Tensor, upper: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Each bound one representable number outward: covers the one rounding that made it."""
    inf = torch.tensor(torch.inf, dtype=lower.dtype, device=lower.device)
    return torch.nextafter(lower, -inf), torch.nextafter(upper, inf)
