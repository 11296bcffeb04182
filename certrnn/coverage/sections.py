"""Sections of the range of an activation: where the recorded values may fall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from certrnn.errors import UsageError


@dataclass(frozen=True)
class Sections:
    """Sections ``[v_0, v_1], [v_1, v_2], ..`` of a range, both ends belonging to each, as eq. (4) has them.

    Args:
        ends: v, ascending, at least two numbers.

    Raises:
        UsageError: the ends do not ascend.
    """

    ends: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.ends) < 2 or any(a >= b for a, b in zip(self.ends, self.ends[1:], strict=False)):
            raise UsageError("reading sections", "their ends ascend, two or more", self.ends)

    def __len__(self) -> int:
        return len(self.ends) - 1

    @property
    def names(self) -> tuple[str, ...]:
        """Each section as it is shown.

        >>> Sections((-1.0, -0.8, 1.0)).names
        ('[-1,-0.8]', '[-0.8,1]')
        """
        pairs = zip(self.ends, self.ends[1:], strict=False)
        return tuple(f"[{low:g},{high:g}]" for low, high in pairs)

    def hold(self, values: torch.Tensor) -> torch.Tensor:
        """(B, K, ..) whether each of K sections holds each of the values (B, ..); a value may lie in none."""
        low = [values >= end for end in self.ends[:-1]]
        high = [values <= end for end in self.ends[1:]]
        return torch.stack([a & b for a, b in zip(low, high, strict=True)], dim=1)


@dataclass(frozen=True)
class Ranges:
    """The sections of values that a sigmoid and that tanh gives."""

    sigmoid: Sections
    tanh: Sections


RANGES: Mapping[str, Ranges] = {
    "paper": Ranges(Sections((0.0, 0.1, 0.4, 0.6, 0.9, 1.0)), Sections((-1.0, -0.8, -0.2, 0.2, 0.8, 1.0))),
    "ptb": Ranges(Sections((0.0, 0.2, 0.4, 0.6, 0.8, 1.0)), Sections((-1.0, -0.75, -0.2, 0.2, 0.75, 1.0))),
    "spell": Ranges(Sections((0.0, 0.3, 0.4, 0.6, 0.7, 1.0)), Sections((-1.0, -0.7, -0.2, 0.2, 0.7, 1.0))),
}
"""By name: those that section III-B prints, and the ones with wider boundary sections with which the authors' code
records coverage of their language model and of their spell checker (footnote 1)."""


def ranges(name: str) -> Ranges:
    """The sections of that name.

    Raises:
        UsageError: there are none.
    """
    if name not in RANGES:
        raise UsageError("reading --sections", f"they are one of {', '.join(RANGES)}", repr(name))
    return RANGES[name]
