"""Linear algebra on generator matrices whose rows are known by symbol.

Generators are (m, B, n): symbols lead, so that the rows of new symbols are appended as one contiguous block. A value
may hold its newest symbols as a :class:`Diagonal`: n symbols, one an element, without the zeros around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from certrnn.domains._kernels import absolute_sums
from certrnn.domains._rows import Rows, segments, union


@dataclass(frozen=True, eq=False)
class Diagonal:
    """``values[b, j]`` is the radius of symbol ``rows[j]`` in element j, and of no other element: (B, n), (n,)."""

    rows: Rows
    values: torch.Tensor


@dataclass(frozen=True, eq=False)
class Generators:
    """Rows of dense generators (m, B, n) by symbol, and optionally a diagonal of other symbols."""

    rows: Rows
    dense: torch.Tensor
    diagonal: Diagonal | None = None

    @property
    def symbols(self) -> Rows:
        """All symbols of the value."""
        return self.rows if self.diagonal is None else union([self.rows, self.diagonal.rows])

    @property
    def count(self) -> int:
        return len(self.rows) + (0 if self.diagonal is None else len(self.diagonal.rows))

    def absolute_sums(self) -> torch.Tensor:
        """``sum_k |g_k|``, (B, n), in floating point."""
        total = absolute_sums(self.dense)
        return total if self.diagonal is None else total + self.diagonal.values.abs()

    def expand(self) -> Generators:
        """The same without a diagonal."""
        if self.diagonal is None:
            return self
        return combine([(self, None)])


def none(batch: int, size: int, like: torch.Tensor) -> Generators:
    """No symbols at all."""
    return Generators(
        np.zeros(0, np.int64), torch.zeros(0, batch, size, dtype=like.dtype, device=like.device)
    )


def combine(terms: Sequence[tuple[Generators, torch.Tensor | float | None]]) -> Generators:
    """``sum_i slope_i * generators_i`` by symbol; slopes (B, n), a number, or None for one."""
    symbols = [generators.symbols for generators, _ in terms]
    total = union(symbols)
    dense_rows = [generators.rows for generators, _ in terms]
    _, batch, size = terms[0][0].dense.shape
    out = terms[0][0].dense.new_empty((len(total), batch, size))
    for segment in segments(total, dense_rows):
        target = out[segment.start : segment.stop]
        fresh = True
        for (generators, slope), source in zip(terms, segment.sources, strict=True):
            if source is None:
                continue
            rows = generators.dense[source : source + segment.stop - segment.start]
            _accumulate(target, rows, slope, fresh)
            fresh = False
        if fresh:
            target.zero_()
    for generators, slope in terms:
        if generators.diagonal is not None:
            _add_diagonal(out, total, generators.diagonal, slope)
    return Generators(total, out)


def _accumulate(
    target: torch.Tensor, rows: torch.Tensor, slope: torch.Tensor | float | None, fresh: bool
) -> None:
    if isinstance(slope, torch.Tensor):
        if fresh:
            torch.mul(rows, slope, out=target)
        else:
            target.addcmul_(rows, slope)
    elif fresh:
        torch.mul(rows, 1.0 if slope is None else slope, out=target)
    else:
        target.add_(rows, alpha=1.0 if slope is None else slope)


def _add_diagonal(
    out: torch.Tensor, total: Rows, diagonal: Diagonal, slope: torch.Tensor | float | None
) -> None:
    position = torch.from_numpy(np.searchsorted(total, diagonal.rows)).to(out.device)
    element = torch.arange(len(diagonal.rows), device=out.device)
    values = diagonal.values if slope is None else diagonal.values * slope
    out[position, :, element] += values.T


def map_dense(generators: Generators, weight: torch.Tensor) -> Generators:
    """Every generator times ``weight.T``; weight is (k, n)."""
    rows, dense = generators.rows, generators.dense
    batch, size, width = dense.shape[1], dense.shape[2], weight.shape[0]
    total = generators.symbols
    out = dense.new_empty((len(total), batch, width))
    diagonal = generators.diagonal
    members = [rows] if diagonal is None else [rows, diagonal.rows]
    for segment in segments(total, members):
        target = out[segment.start : segment.stop]
        source = segment.sources[0]
        if source is not None:
            block = dense[source : source + segment.stop - segment.start]
            torch.mm(block.reshape(-1, size), weight.T, out=target.view(-1, width))
        else:
            assert diagonal is not None
            first = segment.sources[1]
            assert first is not None
            element = slice(first, first + segment.stop - segment.start)
            torch.mul(diagonal.values.T[element, :, None], weight.T[element, None, :], out=target)
    return Generators(total, out)


def scale(generators: Generators, slope: torch.Tensor) -> Generators:
    """Every generator times ``slope`` (n,) or (B, n), element by element."""
    diagonal = generators.diagonal
    scaled = None if diagonal is None else Diagonal(diagonal.rows, diagonal.values * slope)
    return Generators(generators.rows, generators.dense * slope, scaled)


def gather(values: Sequence[Generators], index: torch.Tensor) -> Generators:
    """``concatenate(values)[index]`` by symbol."""
    expanded = [value.expand() for value in values]
    total = union([value.rows for value in expanded])
    offset, parts = 0, []
    for value in expanded:
        size = value.dense.shape[2]
        parts.append((value, offset, offset + size))
        offset += size
    if len(expanded) == 1:
        return Generators(total, _select(expanded[0].dense, index))
    joined = values[0].dense.new_zeros((len(total), values[0].dense.shape[1], offset))
    for segment in segments(total, [value.rows for value in expanded]):
        for (value, start, stop), source in zip(parts, segment.sources, strict=True):
            if source is not None:
                rows = value.dense[source : source + segment.stop - segment.start]
                joined[segment.start : segment.stop, :, start:stop] = rows
    return Generators(total, _select(joined, index))


def _select(dense: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Columns by index; a view where they are consecutive."""
    if len(index) and bool((index[1:] - index[:-1] == 1).all()):
        return dense[:, :, int(index[0]) : int(index[-1]) + 1]
    return dense[:, :, index]
