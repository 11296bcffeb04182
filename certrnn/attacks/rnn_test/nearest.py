"""From a gradient to another word: the nearest vector of the table at a growing scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from certrnn.errors import UsageError

SCALES: tuple[float, ...] = tuple(float(k) for k in range(0, 70, 5))
"""Those of the paper's language model; its spell checker takes 1, 3, .., 199."""

MOST = 10_000
"""Scales that are tried, at most."""


@dataclass(frozen=True)
class Change:
    """Another word: its number, the scale at which it was nearest, and the l2 norm of the scaled gradient."""

    word: int
    scale: float
    l2: float


@dataclass(frozen=True, eq=False)
class Words:
    """The words that may stand for another.

    Args:
        table: (V, D) vectors, float64.
        barred: words that are never put in, such as padding and the end of a sentence.
    """

    table: torch.Tensor
    barred: frozenset[int] = frozenset()
    _squares: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        squares = self.table.square().sum(dim=1)
        object.__setattr__(self, "_squares", squares)

    def another(self, word: int, gradient: torch.Tensor, scales: Sequence[float] = SCALES) -> Change | None:
        """The first word with another vector that lies nearest to the word's own plus the scaled gradient (D,); None
        where no scale leads to one.

        Source: Guo et al. (RNN-Test), GEN_ADV of Algorithm 1.
        """
        own = self.table[word]
        ahead = torch.tensor(scales, dtype=torch.float64)
        moved = own + ahead[:, None] * gradient
        # |v - m|^2 without |m|^2, which is the same for every word
        distance = self._squares - 2.0 * (moved @ self.table.T)
        others = [one for one in self.barred if one != word]
        distance[:, others] = torch.inf
        nearest = distance.argmin(dim=1)
        changed = (self.table[nearest] != own).any(dim=1)
        if not bool(changed.any()):
            return None
        first = int(changed.nonzero()[0])
        scale = float(ahead[first])
        return Change(int(nearest[first]), scale, scale * float(gradient.norm()))

    def random(self, word: int, generator: np.random.Generator) -> int | None:
        """A word with another vector, drawn at random; None where there is none."""
        differs = (self.table != self.table[word]).any(dim=1).numpy()
        differs[[*self.barred]] = False
        choices = np.flatnonzero(differs)
        return int(generator.choice(choices)) if len(choices) else None


def parse_scales(text: str) -> tuple[float, ...]:
    """Scales written as ``start:stop:step``, as Python's range has them.

    >>> parse_scales("1:8:2")
    (1.0, 3.0, 5.0, 7.0)

    Raises:
        UsageError: three numbers that give no scale, or something else.
    """
    problem = UsageError("reading --scales", "they are START:STOP:STEP, such as 0:70:5", repr(text))
    try:
        start, stop, step = (float(part) for part in text.split(":"))
    except ValueError:
        raise problem from None
    if not (np.isfinite([start, stop, step]).all() and 0 <= start < stop and step > 0):
        raise problem
    count = int(np.ceil((stop - start) / step))
    if count > MOST:
        raise problem
    return tuple(start + k * step for k in range(count))
