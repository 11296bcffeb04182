"""Numbers that change while a network is trained, as values."""

from __future__ import annotations

from dataclasses import dataclass

from certrnn.errors import UsageError


@dataclass(frozen=True)
class Ramp:
    """From ``start`` to ``stop`` on a straight line between the epochs ``begin`` and ``end``, constant outside.

    Raises:
        UsageError: the ramp ends before it begins.

    >>> eps = Ramp(0.0, 0.1, begin=2, end=4)
    >>> [eps(epoch) for epoch in (0, 2, 3, 4, 9)]
    [0.0, 0.0, 0.05, 0.1, 0.1]
    """

    start: float
    stop: float
    begin: float
    end: float

    def __post_init__(self) -> None:
        if not 0 <= self.begin <= self.end:
            raise UsageError(
                "making a ramp", "it begins at 0 or later and ends after it begins", (self.begin, self.end)
            )

    def __call__(self, epoch: float) -> float:
        """The value at an epoch, fractions of one included."""
        if epoch >= self.end:
            return self.stop
        share = max(0.0, (epoch - self.begin) / (self.end - self.begin))
        return self.start + share * (self.stop - self.start)
