"""Generators of a group of symbols, kept as a product of factors while no product of two matrices is needed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Block:
    """What g symbols add to n elements.

    Args:
        core: None where each symbol belongs to one element; a weight (n, g) that all samples share; or the generators
            of each sample, (B, g, n).
        left: (B, n) factors of the elements, or None for ones.
        right: (B, g) factors of the symbols; with a weight only.
        magnitude: (n, g) absolute values of that weight, computed once for all its uses.
    """

    core: Tensor | None
    left: Tensor | None = None
    right: Tensor | None = None
    magnitude: Tensor | None = None

    def size(self) -> Tensor:
        """Sums of the absolute values of each element's generators, (B, n)."""
        if self.core is None:
            assert self.left is not None
            return self.left.abs()
        if self.core.ndim == 3:
            total = self.core.abs().sum(1)
        else:
            assert self.right is not None
            assert self.magnitude is not None
            total = self.right.abs() @ self.magnitude.T
        return total if self.left is None else total * self.left.abs()

    def dense(self) -> Tensor:
        """All generators, (B, g, n)."""
        if self.core is None:
            assert self.left is not None
            return torch.diag_embed(self.left)
        if self.core.ndim == 3:
            return self.core if self.left is None else self.core * self.left[:, None]
        assert self.right is not None
        generators = self.right[:, :, None] * self.core.T
        return generators if self.left is None else generators * self.left[:, None]

    def scaled(self, factor: Tensor) -> Block:
        """With every element multiplied by its factor (B, n)."""
        return replace(self, left=factor if self.left is None else self.left * factor)

    def mapped(self, weight: Tensor, magnitude: Tensor) -> Block:
        """Of ``weight @ value``; weight (m, n), and its absolute values."""
        if self.core is None:
            return Block(weight, right=self.left, magnitude=magnitude)
        return Block(self.dense() @ weight.T)

    def plus(self, other: Block) -> Block:
        """Of the sum of two values that share these symbols."""
        if self.core is None and other.core is None and self.left is not None and other.left is not None:
            return Block(None, left=self.left + other.left)
        return Block(self.dense() + other.dense())

    def split(self, parts: int) -> list[Block]:
        """Of equal parts of the value."""
        lefts = [None] * parts if self.left is None else self.left.chunk(parts, -1)
        if self.core is None:
            return [Block(core) for core in self.dense().chunk(parts, -1)]
        if self.core.ndim == 3 or self.magnitude is None:
            return [Block(core, left) for core, left in zip(self.core.chunk(parts, 2), lefts, strict=True)]
        pieces = zip(self.core.chunk(parts), lefts, self.magnitude.chunk(parts), strict=True)
        return [Block(core, left, self.right, magnitude) for core, left, magnitude in pieces]

    def padded(self, before: int, after: int) -> Block:
        """Of a longer value whose other elements these symbols do not touch."""
        return Block(torch.nn.functional.pad(self.dense(), (before, after)))
