"""Linear algebra on generator matrices whose rows are known by symbol.

Generators are (m, B, n): symbols lead, so that new symbols are appended as one contiguous block. What a node does to
them is first written down as :class:`Sum of terms <Generators>`; the numbers are formed when they are read, all
terms in one pass that also yields the sums of absolute values. So sums of affine maps and of relaxed products cost no
passes of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from certrnn.domains.zonotope.accumulate import form
from certrnn.domains.zonotope.symbols import (
    Rows,
    Symbols,
    count,
    meet,
    part,
    rows_of,
    segments,
    symbols_of,
    union,
)
from certrnn.domains.zonotope.terms import (
    Dense,
    Diagonal,
    Mapped,
    Outer,
    Placed,
    Scaled,
    Term,
    absolute_sums,
    roundings,
)

_PENDING = 8
"""Terms of a value that a sum adds up anew; of a value with more it takes what they add up to."""


class Generators:
    """The sum of ``terms``, each (B, size) by symbol, plus optionally a ``diagonal`` of symbols that no term has.

    ``formed`` is what the terms add up to; once it was read the terms are let go.
    """

    def __init__(self, like: torch.Tensor, terms: Sequence[Term] | Dense, diagonal: Diagonal | None) -> None:
        """``like`` is any (B, size) tensor of the same kind."""
        self._like = like
        self.size = like.shape[1]
        self.diagonal = diagonal
        self._terms: tuple[Term, ...] = () if isinstance(terms, Dense) else tuple(terms)
        self._formed = terms if isinstance(terms, Dense) else None
        self._symbols = (
            terms.symbols if isinstance(terms, Dense) else union([t.symbols for t in terms] or [()])
        )

    @staticmethod
    def of(rows: Rows, dense: torch.Tensor, diagonal: Diagonal | None) -> Generators:
        """Generators (m, B, n) of the given symbols."""
        total = absolute_sums(dense)
        return Generators(
            total, Dense(symbols_of(rows), dense.contiguous(), 0, dense.shape[2], total), diagonal
        )

    @property
    def pending(self) -> tuple[Term, ...] | None:
        """The terms, or None where they have been added up."""
        return self._terms if self._formed is None else None

    @property
    def roundings(self) -> int:
        """Roundings in a row, of the terms that are not added up yet and of the diagonal's radii."""
        return roundings(self._terms) + 1

    def apart(self, coefficient: float) -> bool:
        """Whether a sum takes a multiple of the value term by term: few terms, not added up yet, times 1 or -1."""
        return self._formed is None and len(self._terms) <= _PENDING and abs(coefficient) == 1.0

    @property
    def formed(self) -> Dense:
        """What the terms add up to, without the diagonal."""
        if self._formed is None:
            assert self._terms, "generators without terms are formed from the start"
            self._formed = form(self._terms, self._like)
            self._terms = ()
        return self._formed

    @property
    def rows(self) -> Rows:
        """Symbols of the dense rows one by one."""
        return rows_of(self._symbols)

    @property
    def dense(self) -> torch.Tensor:
        """(m, B, n), one row a symbol of ``rows``."""
        return self.formed.view

    @property
    def symbols(self) -> Symbols:
        """All symbols of the value."""
        return self._symbols if self.diagonal is None else union([self._symbols, self.diagonal.symbols])

    @property
    def count(self) -> int:
        """How many symbols."""
        return count(self._symbols) + (0 if self.diagonal is None else count(self.diagonal.symbols))

    def absolute_sums(self) -> torch.Tensor:
        """``sum_k |g_k|``, (B, n), in floating point."""
        total = self.formed.absolute
        return total if self.diagonal is None else total + self.diagonal.values.abs()

    def expand(self) -> Generators:
        """The same without a diagonal."""
        if self.diagonal is None:
            return self
        return Generators(self._like, [*_terms_of(self, 1.0), Placed(self.diagonal)], None)


def none(like: torch.Tensor, diagonal: Diagonal | None = None) -> Generators:
    """No dense rows at all, (B, n) as ``like``."""
    empty = like.new_zeros(0, *like.shape)
    return Generators(like, Dense((), empty, 0, like.shape[1], torch.zeros_like(like)), diagonal)


def _terms_of(value: Generators, coefficient: float) -> list[Term]:
    """The dense rows of ``coefficient * value`` as terms: its own where they were not added up. Only signs are
    multiplied into slopes: the product of two small numbers may underflow beside generators of any size."""
    if value.pending is not None and value.apart(coefficient):
        return [term.times(coefficient) for term in value.pending]
    formed = value.formed
    if not formed.symbols:
        return []
    return [Scaled(formed, torch.full_like(formed.absolute, coefficient))]


def _sum_of(terms: list[Term], like: torch.Tensor, diagonal: Diagonal | None) -> Generators:
    return Generators(like, terms, diagonal) if terms else none(like, diagonal)


def scale(values: Sequence[Generators], slopes: Sequence[torch.Tensor], fresh: Diagonal | None) -> Generators:
    """``sum_i slope_i * values_i`` element by element, slopes (B, n), with the ``fresh`` symbols as its diagonal."""
    terms: list[Term] = []
    for value, slope in zip(values, slopes, strict=True):
        if value.formed.symbols:
            terms.append(Scaled(value.formed, slope))
        if value.diagonal is not None:
            terms.append(Placed(Diagonal(value.diagonal.symbols, value.diagonal.values * slope)))
    return _sum_of(terms, slopes[0], fresh)


def diagonal_map(value: Generators, weight: torch.Tensor) -> Generators:
    """Every generator times ``weight`` (n,) element by element."""
    slope = weight.expand(value.formed.absolute.shape).contiguous()
    scaled = (
        None if value.diagonal is None else Diagonal(value.diagonal.symbols, value.diagonal.values * weight)
    )
    terms: list[Term] = [Scaled(value.formed, slope)] if value.formed.symbols else []
    return _sum_of(terms, slope, scaled)


def dense_map(value: Generators, weight: torch.Tensor, like: torch.Tensor) -> Generators:
    """Every generator times ``weight.T``; weight is (k, n), ``like`` (B, k)."""
    terms: list[Term] = [Mapped(value.formed, weight)] if value.formed.symbols else []
    if value.diagonal is not None:
        terms.append(Outer(value.diagonal, weight.T.contiguous()))
    return _sum_of(terms, like, None)


def combine(
    values: Sequence[Generators], coefficients: Sequence[float], joined: Diagonal | None, like: torch.Tensor
) -> Generators:
    """``sum_i coefficient_i * values_i`` by symbol, (B, n) as ``like``; ``joined`` replaces the diagonals if given."""
    terms: list[Term] = []
    placed: list[Diagonal] = []
    for value, coefficient in zip(values, coefficients, strict=True):
        terms += _terms_of(value, coefficient)
        if value.diagonal is not None and joined is None:
            placed.append(Diagonal(value.diagonal.symbols, value.diagonal.values * coefficient))
    if len(placed) == 1 and not meet(placed[0].symbols, union([t.symbols for t in terms] or [()])):
        joined = placed.pop()
    terms += [Placed(diagonal) for diagonal in placed]
    return _sum_of(terms, like, joined)


def gather(values: Sequence[Generators], index: np.ndarray, like: torch.Tensor) -> Generators:
    """``concatenate(values)[index]`` by symbol; a view where consecutive elements of one value are taken."""
    ends = np.cumsum([value.size for value in values])
    if len(index) and bool((np.diff(index) == 1).all()):
        owner = int(np.searchsorted(ends, index[0], side="right"))
        if index[-1] < ends[owner]:
            return _columns(values[owner], int(index[0] - ends[owner]) + values[owner].size, len(index))
    expanded = [value.expand().formed for value in values]
    total = union([formed.symbols for formed in expanded])
    joined = like.new_zeros(count(total), like.shape[0], int(ends[-1]))
    for segment in segments([total, *(formed.symbols for formed in expanded)]):
        for formed, end, source in zip(expanded, ends.tolist(), segment.sources[1:], strict=True):
            if source is not None:
                rows = formed.view[source : source + segment.stop - segment.start]
                joined[segment.start : segment.stop, :, end - formed.size : end] = rows
    places = torch.from_numpy(index).to(like.device)
    absolute = torch.cat([formed.absolute for formed in expanded], dim=1)[:, places]
    taken = joined[:, :, places].contiguous()
    return Generators(absolute, Dense(total, taken, 0, len(index), absolute), None)


def _columns(value: Generators, first: int, size: int) -> Generators:
    formed, diagonal = value.formed, value.diagonal
    absolute = formed.absolute[:, first : first + size]
    view = Dense(formed.symbols, formed.array, formed.first + first, size, absolute)
    if diagonal is not None:
        symbols = part(diagonal.symbols, first, first + size)
        diagonal = Diagonal(symbols, diagonal.values[:, first : first + size].contiguous())
    return Generators(absolute, view, diagonal)
