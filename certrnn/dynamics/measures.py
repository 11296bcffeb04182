"""Matrix measures (logarithmic norms) of matrices and of interval matrices, and the norms that induce them.

``mu(A) = lim_{th -> 0+} (|I + th A| - 1) / th``: ``mu_inf = max_i (a_ii + sum_{j != i} |a_ij|)``, ``mu_1`` the same by
columns, ``mu_2 = lambda_max((A + A^T)/2)``; with weights D it is the measure of ``D A D^-1``, of the norm ``|D x|``.
Bounds hold for every matrix of the set, in exact arithmetic.

To add a norm, write a frozen dataclass with :meth:`Norm.of_vector` and :meth:`Norm.unweighted`, and name it in
:data:`NORMS`; the tests hold it to exact arithmetic.

>>> spread = torch.tensor([[0.0, 0.5], [0.0, 0.0]], dtype=torch.float64)
>>> center = torch.tensor([[-2.0, 1.0], [0.0, -3.0]], dtype=torch.float64)
>>> lower, upper = Infinity().measure(IntervalMatrix((center - spread)[None], (center + spread)[None]))
>>> bool(-1.5 - 1e-12 < lower <= -1.5), bool(-0.5 <= upper < -0.5 + 1e-12)
(True, True)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch

from certrnn.domains.rounding import TINY, gamma, up
from certrnn.dynamics.eigenvalues import largest_eigenvalue, perron_above
from certrnn.dynamics.intervals import IntervalMatrix

Bounds = tuple[torch.Tensor, torch.Tensor]
"""(lower, upper), (B,) each."""


@dataclass(frozen=True, eq=False)
class Norm(ABC):
    """A vector norm ``|D x|`` with D the diagonal of positive ``weights`` (n,), or the identity."""

    weights: torch.Tensor | None = None
    name: str = field(default="", init=False)

    @abstractmethod
    def of_vector(self, vector: torch.Tensor) -> torch.Tensor:
        """(B,) norms of vectors (B, n), in floating point."""

    @abstractmethod
    def unweighted(self, matrix: IntervalMatrix) -> Bounds:
        """Bounds on the measure of every matrix of the sets, without weights."""

    @abstractmethod
    def induced(self, matrix: IntervalMatrix) -> torch.Tensor:
        """(B,) at least the induced norm, without weights, of every matrix (B, n, m) of the sets."""

    def measure(self, matrix: IntervalMatrix) -> Bounds:
        """Bounds on the measure of every matrix (B, n, n) of the sets; what is not a number says nothing."""
        scaled = matrix if self.weights is None else matrix.similar(self.weights)
        lower, upper = self.unweighted(scaled)
        return torch.nan_to_num(lower, nan=-torch.inf, neginf=-torch.inf, posinf=torch.inf), torch.nan_to_num(
            upper, nan=torch.inf, neginf=-torch.inf, posinf=torch.inf
        )

    def __str__(self) -> str:
        return self.name if self.weights is None else f"weighted {self.name}"

    def _scaled(self, vector: torch.Tensor) -> torch.Tensor:
        return vector if self.weights is None else vector * self.weights


@dataclass(frozen=True, eq=False)
class Infinity(Norm):
    """The largest entry; ``mu_inf`` by rows."""

    name: str = field(default="inf", init=False)

    def of_vector(self, vector: torch.Tensor) -> torch.Tensor:
        return self._scaled(vector).abs().amax(dim=1)

    def unweighted(self, matrix: IntervalMatrix) -> Bounds:
        return _row_sums(matrix.lower, matrix.mignitude, -1.0), _row_sums(matrix.upper, matrix.magnitude, 1.0)

    def induced(self, matrix: IntervalMatrix) -> torch.Tensor:
        return up(matrix.magnitude.sum(dim=2).amax(dim=1), matrix.lower.shape[2] + 1)


@dataclass(frozen=True, eq=False)
class One(Norm):
    """The sum of the entries; ``mu_1`` by columns."""

    name: str = field(default="1", init=False)

    def of_vector(self, vector: torch.Tensor) -> torch.Tensor:
        return self._scaled(vector).abs().sum(dim=1)

    def unweighted(self, matrix: IntervalMatrix) -> Bounds:
        return Infinity().unweighted(matrix.transposed())

    def induced(self, matrix: IntervalMatrix) -> torch.Tensor:
        return Infinity().induced(matrix.transposed())


@dataclass(frozen=True, eq=False)
class Two(Norm):
    """The Euclidean norm; ``mu_2`` is the largest eigenvalue of the symmetric part."""

    name: str = field(default="2", init=False)

    def of_vector(self, vector: torch.Tensor) -> torch.Tensor:
        return self._scaled(vector).square().sum(dim=1).sqrt()

    def unweighted(self, matrix: IntervalMatrix) -> Bounds:
        return largest_eigenvalue(matrix)

    def induced(self, matrix: IntervalMatrix) -> torch.Tensor:
        # |M|_2 <= | |M| |_2, the root of a Perron root
        size = matrix.magnitude
        gram = up(size.transpose(1, 2) @ size, size.shape[1] + 1)
        return up(perron_above(gram).sqrt(), 2)


def _row_sums(diagonal: torch.Tensor, others: torch.Tensor, sign: float) -> torch.Tensor:
    """(B,) ``max_i (d_ii + sum_{j != i} o_ij)``, rounded in the direction of ``sign``.

    Of independent entries the extremes of all rows occur at once, so these are the exact extremes over the set.
    """
    size = diagonal.shape[1]
    terms = others.clone()
    place = torch.arange(size)
    terms[:, place, place] = torch.diagonal(diagonal, dim1=1, dim2=2)
    budget = 2.0 * gamma(size + 4) * terms.abs().sum(dim=2) + TINY
    return (terms.sum(dim=2) + sign * budget).amax(dim=1)


NORMS: tuple[Norm, ...] = (One(), Two(), Infinity())
"""Every norm, without weights."""


def fitted_norms(matrix: IntervalMatrix) -> tuple[Norm, ...]:
    """Weighted norms fitted to a batch of sets, one choice for all of it; any positive weights are sound.

    With M the entry by entry largest ``a_ii`` and ``|a_ij|`` over the batch, the weights that make
    ``mu_inf(D M D^-1)`` least are the inverse of M's Perron vector, for the Euclidean norm the root of left over right
    Perron vector.
    """
    magnitude = matrix.magnitude.amax(dim=0)
    place = torch.arange(magnitude.shape[0])
    magnitude[place, place] = torch.diagonal(matrix.upper.amax(dim=0))
    if not bool(torch.isfinite(magnitude).all()):
        return ()
    shift = magnitude.diagonal().abs().max() + 1.0
    positive = magnitude + shift * torch.eye(len(magnitude), dtype=magnitude.dtype)
    right, left = _perron(positive), _perron(positive.T)
    return Infinity(1.0 / right), One(left), Two((left / right).sqrt())


def _perron(matrix: torch.Tensor) -> torch.Tensor:
    v = torch.ones(len(matrix), dtype=matrix.dtype)
    for _ in range(200):
        v = matrix @ v
        v = (v / v.max()).clamp_min(1e-4)
    return v
