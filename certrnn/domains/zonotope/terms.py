"""What generators are made of: arrays of rows by symbol, diagonals, and terms that say how a node changes them.

A term knows its roundings: ``own``, in a row, of one of its numbers, and ``through``, of a number that stands there
already when the term is put on top. Terms added up in any order hence round at most :func:`roundings` times in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from certrnn.arrays import to_numpy
from certrnn.domains import accounts
from certrnn.domains.zonotope import kernels
from certrnn.domains.zonotope.symbols import Rows, Symbols, rows_of


@dataclass(frozen=True, eq=False)
class Diagonal:
    """``values[b, j]`` is the radius of one symbol, the j-th of ``symbols``, in element j and in no other: (B, n)."""

    symbols: Symbols
    values: torch.Tensor

    @property
    def rows(self) -> Rows:
        """Symbol numbers one by one."""
        return rows_of(self.symbols)


@dataclass(frozen=True, eq=False)
class Dense:
    """Columns ``first .. first + size`` of an array (m, B, N) of generators, one row a symbol, and ``absolute``, their
    sums of absolute values (B, size)."""

    symbols: Symbols
    array: torch.Tensor
    first: int
    size: int
    absolute: torch.Tensor

    @property
    def view(self) -> torch.Tensor:
        """(m, B, size)."""
        return self.array[:, :, self.first : self.first + self.size]


@dataclass(frozen=True, eq=False)
class Scaled:
    """``slope * source``, element by element; slope (B, n)."""

    source: Dense
    slope: torch.Tensor
    own = through = 1

    @property
    def symbols(self) -> Symbols:
        return self.source.symbols

    def times(self, coefficient: float) -> Scaled:
        return self if coefficient == 1.0 else Scaled(self.source, self.slope * coefficient)


@dataclass(frozen=True, eq=False)
class Mapped:
    """``coefficient * weight @ source``; weight (k, n)."""

    source: Dense
    weight: torch.Tensor
    coefficient: float = 1.0

    @property
    def symbols(self) -> Symbols:
        return self.source.symbols

    @property
    def own(self) -> int:
        return self.source.size + 1

    @property
    def through(self) -> int:
        """A library may add to what stands there block by block of the inner dimension."""
        return self.source.size + 1

    def times(self, coefficient: float) -> Mapped:
        return Mapped(self.source, self.weight, self.coefficient * coefficient)


@dataclass(frozen=True, eq=False)
class Outer:
    """``columns.T @ diagonal``: symbol k has the generator ``values[:, k] * columns[k]``; columns (n, k)."""

    diagonal: Diagonal
    columns: torch.Tensor
    own = through = 1

    @property
    def symbols(self) -> Symbols:
        return self.diagonal.symbols

    def times(self, coefficient: float) -> Outer:
        return self if coefficient == 1.0 else Outer(self.diagonal, self.columns * coefficient)


@dataclass(frozen=True, eq=False)
class Placed:
    """A diagonal as rows among others."""

    diagonal: Diagonal
    own = through = 1

    @property
    def symbols(self) -> Symbols:
        return self.diagonal.symbols

    def times(self, coefficient: float) -> Placed:
        return Placed(Diagonal(self.symbols, self.diagonal.values * coefficient))


Term = Scaled | Mapped | Outer | Placed


def roundings(terms: Sequence[Term]) -> int:
    """The most roundings in a row of a number of the sum of ``terms``: its own, and one term's on top of another's."""
    return accounts.in_a_row((t.own + t.through, t.through) for t in terms)


def absolute_sums(dense: Dense | torch.Tensor, start: int = 0, stop: int | None = None) -> torch.Tensor:
    """``sum_k |g_k|`` over rows start..stop of (m, B, n), in floating point: (B, n)."""
    view = dense if isinstance(dense, torch.Tensor) else dense.view
    stop = len(view) if stop is None else stop
    if view.device.type != "cpu":
        return torch.linalg.vector_norm(view[start:stop], ord=1, dim=0)
    array, first = (view.contiguous(), 0) if isinstance(dense, torch.Tensor) else (dense.array, dense.first)
    total = torch.zeros(view.shape[1:], dtype=view.dtype)
    arguments = (to_numpy(array), first, start)
    kernels.spread(kernels.absolute_range, arguments, to_numpy(total), stop - start, total.numel())
    return total
