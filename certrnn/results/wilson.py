"""How far a share of some samples may be from the share of all."""

from __future__ import annotations

import math

NORMAL_975 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""


def wilson(successes: int, samples: int) -> tuple[float, float]:
    """The 95 % score interval of a share (E. B. Wilson, JASA 22, 1927); (0, 1) of no samples.

    Unlike the interval from the normal approximation it stays in [0, 1] and has a width where all or none succeed.

    >>> [round(end, 3) for end in wilson(10, 10)], [round(end, 3) for end in wilson(5, 10)]
    ([0.722, 1.0], [0.237, 0.763])
    """
    if samples == 0:
        return 0.0, 1.0
    share, z2 = successes / samples, NORMAL_975**2
    center = (share + z2 / (2 * samples)) / (1 + z2 / samples)
    reach = (
        NORMAL_975
        / (1 + z2 / samples)
        * math.sqrt(share * (1 - share) / samples + z2 / (4 * samples * samples))
    )
    # exact at the ends, where rounding would leave 1 - 1e-17
    low = 0.0 if successes == 0 else max(0.0, center - reach)
    high = 1.0 if successes == samples else min(1.0, center + reach)
    return low, high
