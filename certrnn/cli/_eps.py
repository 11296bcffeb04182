"""The eps of a curve."""

from __future__ import annotations

import math

from certrnn.errors import UsageError

MOST = 1000
"""Points of the longest range."""


def eps_axis(text: str) -> tuple[float, ...]:
    """Ascending eps, each once, from numbers and ranges ``LOW:HIGH:COUNT`` (both ends included) between commas.

    Raises:
        UsageError: no such list, a negative eps, or a range that does not ascend.

    >>> eps_axis("0:0.05:6"), eps_axis("0.2,0.1,0:0.1:2")
    ((0.0, 0.01, 0.02, 0.03, 0.04, 0.05), (0.0, 0.1, 0.2))
    """
    points: set[float] = set()
    for part in text.split(","):
        ends, count = _range(part)
        low, high = ends
        if not (0 <= low <= high < math.inf):
            raise UsageError("reading --eps", "every eps is a number from 0, and ranges ascend", repr(part))
        # twelve digits: 0.05 * 3 / 10 is meant as 0.015, not as 0.015000000000000001
        points |= {float(f"{low + (high - low) * i / max(count - 1, 1):.12g}") for i in range(count)}
    return tuple(sorted(points))


def _range(part: str) -> tuple[tuple[float, float], int]:
    names = part.split(":")
    try:
        if len(names) == 1:
            return (float(part), float(part)), 1
        low, high, count = names
        if 2 <= int(count) <= MOST:
            return (float(low), float(high)), int(count)
    except ValueError:
        pass
    raise UsageError(
        "reading --eps",
        f"numbers or LOW:HIGH:COUNT (2 to {MOST} of them) between commas, as 0:0.05:11",
        repr(part),
    )
