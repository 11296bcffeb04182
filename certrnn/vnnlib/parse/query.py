"""A query: what is declared, and what is asserted."""

from __future__ import annotations

import math
from dataclasses import dataclass

from certrnn.vnnlib.parse.formula import Formula
from certrnn.vnnlib.parse.source import Source

MAX_ELEMENTS = 1 << 24
"""Most elements of a declared tensor."""


@dataclass(frozen=True)
class Tensor:
    """A declared tensor: its name and element type as written, and its shape; None where only the number of elements
    is known (version 1.0)."""

    name: str
    type: str
    size: int
    shape: tuple[int, ...] | None = None

    @staticmethod
    def shaped(name: str, kind: str, shape: tuple[int, ...]) -> Tensor:
        return Tensor(name, kind, math.prod(shape), shape)

    def element(self, index: int) -> str:
        """The name of one element, by its row-major number, as queries write it."""
        if self.shape is None:
            return f"{self.name}_{index}"
        places = []
        for length in reversed(self.shape):
            index, place = divmod(index, length)
            places.append(str(place))
        return f"{self.name}[{','.join(reversed(places))}]" if places else self.name


@dataclass(frozen=True)
class Query:
    """Is there an input for which the formula holds of it and the network's output?

    Args:
        version: ``"1.0"``, ``"2.0"`` or ``"2.1"``.
        network: the name it is declared by; None in version 1.0.
        formula: the conjunction of all assertions.
    """

    source: Source
    version: str
    network: str | None
    input: Tensor
    output: Tensor
    formula: Formula
