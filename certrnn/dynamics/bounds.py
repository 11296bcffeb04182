"""Growth of solutions: Coppel's inequality by matrix measures, Groenwall's by norms, and both of a network's own steps.

In continuous time ``dh/dt = A(t) h`` has ``exp(-int mu(-A)) <= |h(t)| / |h(0)| <= exp(int mu(A))`` (eq. 12). A network
takes steps ``e' = (I + Delta A) e``, of which no limit is needed: ``th -> |e + th A e|`` is convex with a right
derivative of at least ``-mu(-A) |e|`` at 0, so ``|e'| >= (1 - Delta mu(-A)) |e|``. Hence where ``mu(-A) < 0`` along the
way the error of the network itself grows at every step, without any further disturbance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from certrnn.domains.rounding import gamma
from transformers_abs.rounding import EXP_ULPS


def coppel(
    measures: Sequence[float], opposite: Sequence[float], durations: Sequence[float]
) -> tuple[float, float]:
    """Least and largest ``|h(T)| / |h(0)|`` of ``dh/dt = A(t) h``, rounded outward (eq. 12).

    Args:
        measures: upper bounds on ``mu(A)`` over each stretch of time.
        opposite: upper bounds on ``mu(-A)``.
        durations: lengths of the stretches, at least 0.

    >>> low, high = coppel([-1.0], [1.0], [2.0])  # dh/dt = -h
    >>> low <= math.exp(-2.0) <= high
    True
    """
    least = min(
        -_integral(opposite, durations), 700.0
    )  # exp of more overflows, and a lower bound may be lower
    return math.exp(least) * (1.0 - _SLACK), _exp_up(_integral(measures, durations))


def groenwall(beta: Sequence[float], gamma_: Sequence[float], durations: Sequence[float]) -> float:
    """``gamma(T) exp(int beta)``, at least ``|a|_min / |a| |h2(T) - h1(T)|`` (eq. 11), rounded up.

    Args:
        beta: upper bounds on ``|grad_h f|``, at least 0.
        gamma_: upper bounds on ``|grad_x f| |d|`` over each stretch; their integral is the paper's gamma(t).
        durations: lengths of the stretches.
    """
    total = max(0.0, _integral(gamma_, durations))
    return total * _exp_up(_integral(beta, durations)) * (1.0 + _SLACK)


def discrete_growth(opposite: Sequence[float], delta: float = 1.0) -> float:
    """At most ``|e(K)| / |e(0)|`` of K steps ``e' = (I + Delta A) e``: the product of ``1 - Delta mu(-A)``.

    Rounded down; zero where some step's factor is not positive: nothing is known then.

    >>> 1.0 < discrete_growth([-0.5, -0.25]) <= 1.5 * 1.25
    True
    """
    factor = 1.0
    for measure in opposite:
        # the product up and the difference down: near 1 the two cancel
        step = math.nextafter(1.0 - math.nextafter(delta * measure, math.inf), -math.inf)
        if not step > 0.0:
            return 0.0
        factor = factor * step * (1.0 - _SLACK)
    return factor


def discrete_groenwall(
    across: Sequence[float], inward: Sequence[float], sizes: Sequence[float], start: float = 0.0
) -> float:
    """At least ``|e(K)|`` of ``e' = F_h e + F_x d``, rounded up.

    Args:
        across, inward: upper bounds on ``|F_h|`` and ``|F_x|`` at every step.
        sizes: upper bounds on ``|d|`` at every step.
        start: an upper bound on ``|e(0)|``.

    >>> 2.5 <= discrete_groenwall([2.0], [1.0], [0.5], start=1.0) < 2.5 + 1e-9
    True
    """
    error = start
    for recurrent, entering, size in zip(across, inward, sizes, strict=True):
        error = (recurrent * error + entering * size) * (1.0 + _SLACK)
    return error if error == error else math.inf


_SLACK = 2.0 * gamma(64) + EXP_ULPS * 2.0**-51
"""Covers the few roundings of a product or sum, and the platform's exp."""


def _integral(values: Sequence[float], durations: Sequence[float]) -> float:
    """``sum values * durations``, rounded up."""
    terms = [v * d for v, d in zip(values, durations, strict=True)]
    size = math.fsum(abs(t) for t in terms)
    return math.nextafter(math.fsum(terms) + gamma(4) * size, math.inf)


def _exp_up(value: float) -> float:
    try:
        return math.exp(value) * (1.0 + _SLACK)
    except OverflowError:
        return math.inf
