"""Adding up the terms of generators, run of symbols by run of symbols, and sums of absolute values by direction."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from certrnn.arrays import to_numpy
from certrnn.domains.zonotope import kernels
from certrnn.domains.zonotope.groups import GroupPiece, Groups
from certrnn.domains.zonotope.symbols import count, segments, union
from certrnn.domains.zonotope.terms import Dense, Diagonal, Mapped, Outer, Placed, Scaled, Term, absolute_sums
from transformers_abs import DIRECTIONS

_CHUNK = 1 << 17
"""Numbers of a product that are formed at a time: their absolute values are summed while they are in cache (1 MiB)."""

_TERMS = 4
"""Terms that one compiled pass combines."""


def form(terms: Sequence[Term], like: torch.Tensor) -> Dense:
    """The sum of ``terms``, each (B, n) as ``like`` by symbol."""
    members = [term.symbols for term in terms]
    symbols = union(members)
    out = like.new_empty(count(symbols), *like.shape)
    total = torch.zeros(like.shape, dtype=like.dtype, device=like.device)
    for segment in segments(members):
        rows = slice(segment.start, segment.stop)
        present = [(t, s) for t, s in zip(terms, segment.sources, strict=True) if s is not None]
        if like.device.type == "cpu":
            _form_run(out[rows], present, total)
        else:
            _form_run_anywhere(out[rows], present)
            total += absolute_sums(out[rows])
    return Dense(symbols, out, 0, like.shape[1], total)


def _form_run(out: torch.Tensor, present: list[tuple[Term, int]], total: torch.Tensor) -> None:
    """Fill the rows of one run, products first, and add their absolute values to ``total`` in the last pass."""
    passes: list[tuple[str, list[tuple[Term, int]]]] = []
    for kind in (Mapped, Outer, Scaled, Placed):
        terms = [(t, s) for t, s in present if isinstance(t, kind)]
        step = _TERMS if kind is Scaled else max(len(terms), 1) if kind is Placed else 1
        passes += [(kind.__name__, terms[i : i + step]) for i in range(0, len(terms), step)]
    for number, (kind, group) in enumerate(passes):
        fresh, sums = number == 0, total if number == len(passes) - 1 else None
        if kind == "Mapped":
            _product(out, group, fresh, sums)
        elif kind == "Outer":
            _outer(out, group, fresh, sums)
        elif kind == "Scaled":
            _scaled(out, group, fresh, sums)
        else:
            _placed(out, group, fresh, sums)


def _product(
    out: torch.Tensor, group: list[tuple[Term, int]], fresh: bool, total: torch.Tensor | None
) -> None:
    ((term, source),) = group
    assert isinstance(term, Mapped)
    rows, batch, width = out.shape
    step = max(1, _CHUNK // max(1, batch * width)) if total is not None else rows
    weight = term.weight.T
    for start in range(0, rows, step):
        stop = min(rows, start + step)
        target = out[start:stop].view(-1, width)
        block = term.source.view[source + start : source + stop].reshape(-1, term.source.size)
        if fresh and term.coefficient == 1.0:
            torch.mm(block, weight, out=target)
        else:
            target.addmm_(block, weight, beta=0.0 if fresh else 1.0, alpha=term.coefficient)
        if total is not None:
            kernels.absolute_range(to_numpy(out), 0, start, to_numpy(total), 0, stop - start)


def _outer(out: torch.Tensor, group: list[tuple[Term, int]], fresh: bool, total: torch.Tensor | None) -> None:
    ((term, source),) = group
    assert isinstance(term, Outer)
    sums = torch.zeros(out.shape[1:], dtype=out.dtype) if total is None else total
    arguments = (
        to_numpy(out),
        0,
        fresh,
        to_numpy(term.diagonal.values.contiguous()),
        source,
        to_numpy(term.columns),
    )
    kernels.spread(kernels.outer_range, arguments, to_numpy(sums), len(out), sums.numel())


def _scaled(
    out: torch.Tensor, group: list[tuple[Term, int]], fresh: bool, total: torch.Tensor | None
) -> None:
    terms = [term for term, _ in group if isinstance(term, Scaled)]
    sources = tuple(to_numpy(term.source.array) for term in terms)
    slopes = tuple(to_numpy(term.slope) for term in terms)
    firsts, rows = tuple(term.source.first for term in terms), tuple(source for _, source in group)
    sums = torch.zeros(out.shape[1:], dtype=out.dtype) if total is None else total
    arguments = (to_numpy(out), 0, fresh, total is not None, sources, firsts, rows, slopes)
    kernels.spread(kernels.combine_range, arguments, to_numpy(sums), len(out), sums.numel())


def _placed(
    out: torch.Tensor, group: list[tuple[Term, int]], fresh: bool, total: torch.Tensor | None
) -> None:
    if fresh:
        out.zero_()
    element = torch.arange(len(out), device=out.device)
    for term, source in group:
        assert isinstance(term, Placed)
        out[element, :, source + element] += term.diagonal.values[:, source : source + len(out)].T
    if total is not None:
        total += absolute_sums(out)


def _form_run_anywhere(out: torch.Tensor, present: list[tuple[Term, int]]) -> None:
    """The same with tensor operations, for devices that the compiled passes do not reach."""
    out.zero_()
    for term, source in present:
        rows = slice(source, source + len(out))
        match term:
            case Mapped():
                out += term.coefficient * (term.source.view[rows] @ term.weight.T)
            case Outer():
                out += term.diagonal.values.T[rows, :, None] * term.columns[rows, None, :]
            case Scaled():
                out += term.slope * term.source.view[rows]
            case Placed():
                _placed(out, [(term, source)], False, None)


def directional_sums(
    x: tuple[Dense, Diagonal | None],
    y: tuple[Dense, Diagonal | None],
    scale: torch.Tensor,
    groups: Groups | None = None,
) -> torch.Tensor:
    """``sum_k |a gx_k sx + b gy_k sy|`` for each direction (a, b) of ``DIRECTIONS``: (K, B, n); scale is (2, B, n).

    Symbols of a diagonal belong to no other value here: callers expand diagonals that do not. Symbols of a group count
    by what their set reaches.
    """
    shape = scale.shape[1:]
    both = scale.new_zeros(len(DIRECTIONS), *shape)
    alone = scale.new_zeros(2, *shape)
    pieces, grouped = (groups or Groups()).cut([x[0].symbols, y[0].symbols])
    for piece in pieces:
        if piece.sources[0] is not None and piece.sources[1] is not None:
            _add_directions(both, x[0], piece.sources[0], y[0], piece.sources[1], scale, piece.rows)
            continue
        k = 0 if piece.sources[1] is None else 1
        source = piece.start(k)
        alone[k] += absolute_sums((x, y)[k][0], source, source + piece.rows)
    for group in grouped:
        _add_group(both, x[0], y[0], scale, group)
    for k, (_, diagonal) in enumerate((x, y)):
        if diagonal is not None:
            alone[k] += diagonal.values.abs()
    shares = torch.from_numpy(abs(DIRECTIONS)).to(scale.device)
    return both + torch.einsum("dk,kbn->dbn", shares, alone * scale)


def _add_group(total: torch.Tensor, x: Dense, y: Dense, scale: torch.Tensor, group: GroupPiece) -> None:
    """What the symbols of one group add to each direction."""
    ends = []
    for k, value in enumerate((x, y)):
        rows = [
            scale.new_zeros(piece.rows, *scale.shape[1:])
            if piece.sources[k] is None
            else value.view[piece.start(k) :][: piece.rows] * scale[k]
            for piece in group.pieces
        ]
        ends.append(torch.cat(rows))
    for k, (a, b) in enumerate(DIRECTIONS.tolist()):
        low, high = group.reach(a * ends[0] + b * ends[1])
        total[k] += torch.maximum(high, -low)


def _add_directions(
    total: torch.Tensor, x: Dense, row_x: int, y: Dense, row_y: int, scale: torch.Tensor, rows: int
) -> None:
    if total.device.type == "cpu":
        ends = (to_numpy(x.array), x.first, row_x, to_numpy(y.array), y.first, row_y, to_numpy(scale))
        kernels.spread(
            kernels.directional_range, ends, to_numpy(total), rows, 2 * total.shape[1] * total.shape[2]
        )
        return
    u, v = x.view[row_x : row_x + rows] * scale[0], y.view[row_y : row_y + rows] * scale[1]
    for k, (a, b) in enumerate(DIRECTIONS):
        total[k] += torch.linalg.vector_norm(float(a) * u + float(b) * v, ord=1, dim=0)
