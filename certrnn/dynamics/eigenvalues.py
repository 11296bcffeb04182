"""Bounds on the largest eigenvalue of symmetric interval matrices, proved from computed eigenvectors.

Computed eigenvectors are witnesses only. With V any matrix, ``|V^T V - I| <= delta < 1``: by Ostrowski's theorem
``lambda_max(V^T C V) = theta lambda_max(C)`` for some theta in ``[1 - delta, 1 + delta]``, and Gershgorin's discs
bound the left side. Every product is enclosed.
"""

from __future__ import annotations

import torch

from certrnn.domains.rounding import TINY, gamma, up
from certrnn.dynamics.intervals import IntervalMatrix


def symmetric_part(matrix: IntervalMatrix) -> tuple[torch.Tensor, torch.Tensor]:
    """A center C and a radius R, both symmetric, (B, n, n): ``|(M + M^T)/2 - C| <= R`` for every M of the set."""
    total = matrix + matrix.transposed()
    return IntervalMatrix(0.5 * total.lower, 0.5 * total.upper).middle()


def largest_eigenvalue(matrix: IntervalMatrix) -> tuple[torch.Tensor, torch.Tensor]:
    """(B,) lower and upper bounds: every M of the set has ``lower <= lambda_max((M + M^T)/2) <= upper``."""
    center, radius = symmetric_part(matrix)
    usable = torch.isfinite(center).flatten(1).all(1) & torch.isfinite(radius).flatten(1).all(1)
    safe = usable[:, None, None]
    center, radius = torch.where(safe, center, 0.0), torch.where(safe, radius, 0.0)
    vectors = torch.linalg.eigh(center).eigenvectors
    upper = _above(center, vectors) + perron_above(radius)
    upper = upper + (gamma(4) * upper.abs() + TINY)
    lower = _below(center, radius, vectors[:, :, -1])
    return torch.where(usable, lower, -torch.inf), torch.where(usable, upper, torch.inf)


def perron_above(matrix: torch.Tensor) -> torch.Tensor:
    """(B,) an upper bound on the spectral radius of non-negative matrices (B, n, n): ``max_i (R v)_i / v_i``, v > 0.

    Source: Collatz and Wielandt.
    """
    size = matrix.shape[1]
    v = torch.ones(matrix.shape[:2], dtype=matrix.dtype)
    for _ in range(20):  # towards the Perron vector; any positive v proves its bound
        v = torch.einsum("bij,bj->bi", matrix, v) + v
        v = v / v.amax(dim=1, keepdim=True).clamp_min(1e-300)
        v = v.clamp_min(1e-6)
    ratio = torch.einsum("bij,bj->bi", matrix, v) / v
    return up(ratio.amax(dim=1), size + 4)


def _above(center: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """(B,) at least the largest eigenvalue of exact symmetric matrices."""
    size = center.shape[1]
    turned = IntervalMatrix.of(center).transposed()
    inner = _times(_times(IntervalMatrix.of(vectors.transpose(1, 2)), turned), IntervalMatrix.of(vectors))
    discs = _gershgorin(inner)
    gram = _times(IntervalMatrix.of(vectors.transpose(1, 2)), IntervalMatrix.of(vectors))
    unit = torch.eye(size, dtype=center.dtype)
    rest = IntervalMatrix(*_minus(gram, unit)).magnitude
    delta = up(rest.sum(dim=2).amax(dim=1), size + 2)
    divisor = torch.where(discs >= 0, 1.0 - up(delta, 2), 1.0 + up(delta, 2))
    quotient = discs / divisor
    quotient = quotient + (gamma(8) * quotient.abs() + TINY)
    plain = _gershgorin(IntervalMatrix.of(center))
    return torch.where(delta < 0.5, torch.minimum(quotient, plain), plain)


def _minus(matrix: IntervalMatrix, exact: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    total = matrix + IntervalMatrix.of(-exact)
    return total.lower, total.upper


def _times(left: IntervalMatrix, right: IntervalMatrix) -> IntervalMatrix:
    """Products of two batches of interval matrices, in midpoint-radius form."""
    (a, ra), (b, rb) = left.middle(), right.middle()
    terms = a.shape[2] + 3
    product = a @ b
    size = (a.abs() + ra) @ (b.abs() + rb)
    spread = up(a.abs() @ rb + ra @ (b.abs() + rb) + gamma(terms) * size, 3 * terms)
    low, high = product - spread, product + spread
    return IntervalMatrix(low - (gamma(2) * low.abs() + TINY), high + (gamma(2) * high.abs() + TINY))


def _gershgorin(matrix: IntervalMatrix) -> torch.Tensor:
    """(B,) at least every eigenvalue of the symmetric matrices of the set: ``max_i (m_ii + sum_{j != i} |m_ij|)``."""
    size = matrix.lower.shape[1]
    terms = matrix.magnitude.clone()
    diagonal = torch.diagonal(matrix.upper, dim1=1, dim2=2)
    terms[:, torch.arange(size), torch.arange(size)] = diagonal
    total = terms.sum(dim=2)
    return (total + up(gamma(size + 2) * terms.abs().sum(dim=2), size + 3)).amax(dim=1)


def _below(center: torch.Tensor, radius: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """(B,) at most ``lambda_max(S)`` for every symmetric ``|S - C| <= R``: ``(v^T C v - |v|^T R |v|) / v^T v``."""
    size = center.shape[1]
    value = torch.einsum("bi,bij,bj->b", v, center, v)
    spread = torch.einsum("bi,bij,bj->b", v.abs(), radius, v.abs())
    weight = torch.einsum("bi,bij,bj->b", v.abs(), center.abs() + radius, v.abs())
    terms = size * size + 8  # whatever the order of summation
    least = value - up(spread, terms) - up(2.0 * gamma(terms) * weight, terms)
    squares = (v * v).sum(dim=1)
    longest, shortest = up(squares, size + 2), squares * (1.0 - 4.0 * gamma(size + 2))
    quotient = least / torch.where(least >= 0, longest, shortest)
    return quotient - (gamma(8) * quotient.abs() + TINY)
