"""The supply of noise symbols of one propagation."""

from __future__ import annotations

from certrnn.domains.zonotope.groups import Groups
from certrnn.domains.zonotope.symbols import Symbols


class SymbolSpace:
    """Append-only supply of noise symbols for one propagation; ``groups`` are those that lie in less than their
    cube."""

    def __init__(self, groups: Groups | None = None) -> None:
        self.size = 0
        self.groups = groups

    def append(self, count: int) -> Symbols:
        """``count`` symbols that no value has used."""
        start, self.size = self.size, self.size + count
        return ((start, self.size),) if count else ()
