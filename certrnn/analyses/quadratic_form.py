"""Lower bounds of ``l . s - s^T Q s`` over the cube, for Q a sum of the neurons' deficits.

With ``Q = E^T S E`` (rows of E are the normalised deviations of all neurons, S is block diagonal) and any D =
diag(d) with ``P = D - Q`` positive semidefinite, convexity of ``s^T P s`` gives for **any** point z

    l . s - s^T Q s = l . s - s^T D s + s^T P s >= (l + 2 P z) . s - s^T D s - z^T P z
                   >= -sum |l + 2 P z| - sum d - z^T P z          for s in [-1, 1]^m.

z = 0 is the bound of linear part and deficits apart; the best z is the dual solution of Shor's relaxation, so that
linear part and deficits are bounded jointly as well. The only thing to prove is ``P >= 0``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from certrnn.analyses._congruence import congruence
from certrnn.analyses.recording import Recording
from certrnn.arrays import to_numpy, to_tensor
from certrnn.domains.rounding import TINY, up
from transformers_abs.rounding import UNIT_ROUNDOFF, gamma


@dataclass(frozen=True, eq=False)
class Deviations:
    """The stacked deviations E of some nodes: ``matrix`` (B, K, m); node p owns the rows ``spans[p] = (start, arity,
    n)``, argument by argument."""

    matrix: torch.Tensor
    spans: dict[int, tuple[int, int, int]]

    @staticmethod
    def of(recording: Recording, positions: list[int], dtype: torch.dtype) -> Deviations:
        batch, symbols = recording.batch, recording.symbols
        blocks, spans, start = [], {}, 0
        for position in positions:
            record = recording.nodes[position]
            arity, _, size = record.shape
            for deviation in record.deviations:
                block = torch.zeros(batch, size, symbols, dtype=dtype, device=record.center.device)
                index = torch.from_numpy(deviation.rows).to(record.center.device)
                block[:, :, index] = deviation.matrix.permute(1, 2, 0).to(dtype)
                blocks.append(block)
            spans[position] = (start, arity, size)
            start += arity * size
        return Deviations(torch.cat(blocks, dim=1), spans)

    def to(self, dtype: torch.dtype) -> Deviations:
        return Deviations(self.matrix.to(dtype), self.spans)

    def weigh(self, z: torch.Tensor, form: dict[int, torch.Tensor]) -> torch.Tensor:
        """``S z`` for z (B, R, K); ``form[p]`` holds the entries of S, (q, B, R, n)."""
        parts = []
        for position, (start, arity, size) in self.spans.items():
            s = form[position]
            x = z[..., start : start + size]
            if arity == 1:
                parts.append(s[0] * x)
                continue
            y = z[..., start + size : start + 2 * size]
            parts += [s[0] * x + s[1] * y, s[1] * x + s[2] * y]
        return torch.cat(parts, dim=2)

    def apply(self, v: torch.Tensor, form: dict[int, torch.Tensor]) -> torch.Tensor:
        """``Q v`` for v (B, R, m)."""
        return self.weigh(v @ self.matrix.transpose(1, 2), form) @ self.matrix


@dataclass(frozen=True, eq=False)
class Factor:
    """Columns of F with ``F F^T >= S`` block by block: deviation x of a neuron enters its own column by ``own`` and,
    where a second argument y exists, y enters the column of x by ``cross`` (zero elsewhere). Both (B, R, K)."""

    own: torch.Tensor
    cross: torch.Tensor

    @staticmethod
    def of(form: dict[int, torch.Tensor], spans: dict[int, tuple[int, int, int]]) -> Factor:
        """Cholesky factors of the blocks.

        The diagonals are first enlarged by 64 u times the block's entries: more than the rounding of the few
        operations can take away, and by 2^-900 for what underflows, so that ``F F^T - S`` stays positive semidefinite.
        A block that is not positive semidefinite gives a factor that dominates it.
        """
        own, cross = [], []
        for position, (_, arity, _) in spans.items():
            s = form[position]
            if arity == 1:
                own.append(_root(s[0] * (1.0 + 64.0 * UNIT_ROUNDOFF) + 2.0**-900 * (s[0] != 0).to(s[0])))
                cross.append(torch.zeros_like(s[0]))
                continue
            xx, xy, yy = s
            bump = 64.0 * UNIT_ROUNDOFF * (xx.abs() + yy.abs() + xy.abs()) + 2.0**-900
            first = _root(xx + bump)
            mixed = xy / first
            own += [first, _root(yy + bump - mixed * mixed)]
            cross += [mixed, torch.zeros_like(mixed)]
        return Factor(torch.cat(own, dim=2), torch.cat(cross, dim=2))


def _root(value: torch.Tensor) -> torch.Tensor:
    return value.clamp_min(0.0).sqrt()


def _shift(spans: dict[int, tuple[int, int, int]], size: int, device: torch.device) -> torch.Tensor:
    """For each deviation the index of its neuron's second argument (its own index where there is none)."""
    index = torch.arange(size, device=device)
    for start, arity, count in spans.values():
        if arity == 2:
            index[start : start + count] += count
    return index


def dominating_diagonal(
    deviations: Deviations, form: dict[int, torch.Tensor], weights: torch.Tensor, share: float = 0.01
) -> torch.Tensor:
    """A diagonal D (B, R, m) with ``D - E^T S E`` proven positive semidefinite: a multiple of the weights for the
    columns of the factor that matter, and their own corners for the small rest.

    Args:
        weights: d > 0, (B, 1, m) shared by all rows or (B, R, m).
        share: of the sum of all corners, what the columns that are left out of the eigenvalue may have.

    A column a left out counts by ``a a^T <= ||a||_1 diag(|a|)`` (Cauchy-Schwarz).
    """
    factor = Factor.of(form, deviations.spans)
    shift = _shift(deviations.spans, deviations.matrix.shape[1], weights.device)
    size = deviations.matrix.abs()
    corner = _corners(factor, up(size.sum(2), size.shape[2])[:, None], shift)
    ordered, order = (corner**2).sort(dim=2)
    small = torch.zeros_like(corner, dtype=torch.bool)
    small.scatter_(2, order, ordered.cumsum(2) <= share * ordered.sum(2, keepdim=True))
    bulk = Factor(factor.own.masked_fill(small, 0.0), factor.cross.masked_fill(small, 0.0))
    scale = largest_eigenvalue(deviations, bulk, weights)
    left = Factor(factor.own.masked_fill(~small, 0.0), factor.cross.masked_fill(~small, 0.0))
    reach = left.own * corner
    reach = reach.index_add(2, shift, left.cross.abs() * corner)
    return up(scale[..., None] * weights + reach @ size, 2 * size.shape[1] + size.shape[2] + 16)


def _corners(factor: Factor, sums: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """``||a||_1`` of every column of ``E^T F`` (B, R, K), rounded up, from those of E's rows."""
    return up(factor.own * sums + factor.cross.abs() * sums[..., shift], 4)


def largest_eigenvalue(
    deviations: Deviations, factor: Factor, weights: torch.Tensor, attempts: int = 6
) -> torch.Tensor:
    """Proven upper bounds (B, R) on the largest eigenvalue of ``D^-1/2 E^T F F^T E D^-1/2``, so that
    ``lambda D - E^T F F^T E >= 0``.

    Args:
        weights: d > 0, (B, 1, m) shared by all rows or (B, R, m).

    The eigenvalues are those of the Gram matrix ``F^T (E D^-1 E^T) F``, of the size of the columns that are not zero. A
    value is accepted when the Cholesky factorisation of ``lambda I - G - shift I`` runs through in floating point: the
    computed factor belongs to a matrix that differs from the given one by at most ``gamma(K+1)/(1 - gamma(K+1))`` times
    its trace (Demmel; Rump, BIT 2006, Theorem 2.3), and the shift covers that and the rounding of G. Where no attempt
    runs through, the largest row sum of absolute values stands: always an upper bound.
    """
    shift = _shift(deviations.spans, deviations.matrix.shape[1], weights.device)
    common = _grams(deviations, weights[:, 0]) if weights.shape[1] == 1 else None
    parts = []
    for row in range(factor.own.shape[1]):
        grams = common or _grams(deviations, weights[:, row])
        entries = factor.own[:, row], factor.cross[:, row]
        used = ((entries[0] != 0) | (entries[1] != 0)).any(0)
        if not bool(used.any()):
            parts.append(weights.new_zeros(len(weights)))
            continue
        matrix, sums = _congruence(grams, entries, shift, used.nonzero().flatten())
        parts.append(_row_eigenvalue(matrix, sums, *entries, weights.shape[2], attempts))
    return torch.stack(parts, dim=1)


def _congruence(
    grams: tuple[torch.Tensor, torch.Tensor],
    entries: tuple[torch.Tensor, torch.Tensor],
    shift: torch.Tensor,
    index: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """``F^T gram F`` (B, K, K) on the columns ``index`` (K,), and the row sums (B, K) of the same of absolute
    values."""
    like, count = entries[0], len(index)
    matrix, sums = np.zeros((len(like), count, count)), np.zeros((len(like), count))
    arrays = [to_numpy(t.contiguous()) for t in (*grams, *entries, shift, index)]
    for b in range(len(like)):
        congruence(*(part[b] for part in arrays[:4]), *arrays[4:], matrix[b], sums[b])
    return to_tensor(matrix, like), to_tensor(sums, like)


def _grams(deviations: Deviations, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``E D^-1 E^T`` and the same of absolute values, (B, K, K)."""
    scaled = deviations.matrix * (1.0 / weights)[:, None]
    return scaled @ deviations.matrix.transpose(1, 2), scaled.abs() @ deviations.matrix.abs().transpose(1, 2)


def _largest_ritz_value(matrix: torch.Tensor, steps: int = 40) -> torch.Tensor:
    """Lanczos' estimate (B,), from below, of the largest eigenvalue of symmetric matrices (B, K, K)."""
    batch, size, _ = matrix.shape
    generator = torch.Generator().manual_seed(0)
    vector = torch.randn(batch, size, 1, generator=generator, dtype=matrix.dtype).to(matrix.device)
    vector = vector / vector.norm(dim=1, keepdim=True)
    previous, coupling = torch.zeros_like(vector), matrix.new_zeros(batch, 1, 1)
    steps = min(steps, size)
    tridiagonal = matrix.new_zeros(batch, steps, steps)
    for k in range(steps):
        image = matrix @ vector - coupling * previous
        along = (vector * image).sum(1, keepdim=True)
        tridiagonal[:, k, k] = along[:, 0, 0]
        image = image - along * vector
        coupling = image.norm(dim=1, keepdim=True)
        if k + 1 < steps:
            tridiagonal[:, k, k + 1] = tridiagonal[:, k + 1, k] = coupling[:, 0, 0]
        previous, vector = vector, image / coupling.clamp_min(2.0**-900)
    return torch.linalg.eigvalsh(torch.nan_to_num(tridiagonal))[:, -1]


def _row_eigenvalue(
    matrix: torch.Tensor,
    sums: torch.Tensor,
    own: torch.Tensor,
    cross: torch.Tensor,
    symbols: int,
    attempts: int,
) -> torch.Tensor:
    size = matrix.shape[1]
    # with b the congruence of the absolute values, |G - exact| <= gamma(m + 12) b entry by entry; the norm of a
    # symmetric matrix is at most its largest absolute row sum; a gram entry that underflowed is multiplied by two of
    # the factor's entries
    lost = TINY * (1.0 + (own.abs() + cross.abs()).sum(1)) ** 2
    row_sum = up(sums.amax(1), 3 * size + symbols + 16) + lost
    rounding = 2.0 * (gamma(symbols + 16) * row_sum + lost)
    # a sample whose numbers overflowed is given up, not its batch
    finite = torch.isfinite(row_sum)
    matrix = torch.where(finite[:, None, None], matrix, 0.0)
    guess = _largest_ritz_value(matrix).clamp_min(0.0)
    result = row_sum + rounding
    eye = torch.eye(size, dtype=matrix.dtype, device=matrix.device)
    undecided = torch.ones_like(guess, dtype=torch.bool)
    for attempt in range(attempts):
        value = guess * (1.0 + 1e-5 * 8.0**attempt) + 2.0**-900
        trace = up(size * value + matrix.diagonal(dim1=1, dim2=2).abs().sum(1), size + 4)
        safety = rounding + 4.0 * gamma(2 * size + 16) * trace
        tried = value + 2.0 * safety
        _, failure = torch.linalg.cholesky_ex((tried - safety)[:, None, None] * eye - matrix)
        success = undecided & (failure == 0)
        result = torch.where(success, torch.minimum(result, tried), result)
        undecided &= ~success
        if not bool((undecided & finite).any()):
            break
    return torch.where(finite, result, torch.inf)


def cube_minimum(
    deviations: Deviations,
    form: dict[int, torch.Tensor],
    linear: torch.Tensor,
    diagonal: torch.Tensor,
    point: torch.Tensor,
) -> torch.Tensor:
    """Lower bounds (B, R) of ``l . s - s^T Q s`` on the cube, given that ``diag(diagonal) - Q`` is proven positive
    semidefinite; every rounding included.

    Shapes: ``linear``, ``diagonal`` and ``point`` (B, R, m).
    """
    symbols, size = linear.shape[2], deviations.matrix.shape[1]
    tilt = diagonal * point - deviations.apply(point, form)
    absolute = Deviations(deviations.matrix.abs(), deviations.spans)
    magnitude = diagonal * point.abs() + absolute.apply(point.abs(), {p: s.abs() for p, s in form.items()})
    # what underflows before it meets the form is multiplied by its entries
    entries = torch.stack([s.abs().sum((0, 3)) for s in form.values()]).sum(0)
    error = gamma(symbols + size + 16) * magnitude + TINY * (1.0 + entries)[..., None]
    slope = (linear + 2.0 * tilt).abs() + 2.0 * error
    value = -(slope.sum(2) + diagonal.sum(2)) - (point * tilt).sum(2)
    spread = (slope + diagonal + point.abs() * (tilt.abs() + error)).sum(2)
    return value - up((point.abs() * error).sum(2) + 2.0 * gamma(symbols + 16) * spread, symbols + 16)
