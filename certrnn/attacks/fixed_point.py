"""The fixed-point disturbance ``d = alpha B(t, e, d)^T v`` (Deka et al., eq. 15 and 16)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch

from certrnn.attacks.online import CausalAttack, Feedback, Moment
from certrnn.errors import UsageError


@lru_cache
def _quadrature(nodes: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Places in [0, 1] and weights of Gauss-Legendre quadrature."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    return tuple((0.5 * (places + 1.0)).tolist()), tuple((0.5 * weights).tolist())


@dataclass(frozen=True)
class Mean:
    """``B(t, e, d)^T v`` with ``B = int_0^1 grad_x F(h2, x + l d) dl`` by Gauss-Legendre quadrature.

    Args:
        nodes: of the quadrature; the integrand is analytic, so few suffice.
    """

    nodes: int = 5

    def __call__(self, moment: Moment, v: torch.Tensor, disturbance: torch.Tensor) -> torch.Tensor:
        """(B, D), from one batched evaluation of ``nodes`` Jacobians."""
        shares, parts = (
            torch.tensor(part, dtype=torch.float64).to(moment.x) for part in _quadrature(self.nodes)
        )
        along = shares[:, None, None] * disturbance
        return torch.einsum("k,kbd->bd", parts, moment.pull_back(v, along))


def unit_gain(slope: torch.Tensor) -> torch.Tensor:
    """(B, 1) the factor that makes the features of ``slope`` (B, D) one on average; zero where all are zero."""
    mean = slope.abs().mean(dim=1, keepdim=True)
    return torch.where(mean > 0, 1.0 / mean.clamp_min(torch.finfo(slope.dtype).tiny), 0.0)


@dataclass(frozen=True, eq=False)
class FixedPoint(CausalAttack):
    """The fixed point of ``d = alpha B(t, e, d)^T v``, iterated at every frame.

    Unlike the gradient sign it keeps the proportions of the features, so the disturbance is smaller in the l2 norm.
    With ``Distance`` v is the error e, as in eq. (16), and ``e^T B d = alpha |B^T e|^2 >= 0``: e is driven apart
    (eq. 17). Convergence needs a small alpha (Proposition 1); the rounds end at ``rounds`` otherwise.

    Args:
        lyapunov: its gradient is v.
        alpha: the gain, or None for one that makes the features fill the frame's region on average; larger ones are
            cut.
        tolerance: rounds end where no feature changes by more than this share of its extent.
        rounds: the most rounds a frame.
        mean: how B is integrated.

    Source: Deka et al., Proposition 1, eq. (15) and (16).
    """

    alpha: float | None = None
    tolerance: float = 1e-6
    rounds: int = 50
    mean: Mean = field(default_factory=Mean)

    def __post_init__(self) -> None:
        if self.rounds < 1 or not self.tolerance > 0 or not (self.alpha is None or self.alpha > 0):
            settings = (self.alpha, self.rounds, self.tolerance)
            raise UsageError("attacking", "alpha, rounds and tolerance are positive", settings)

    def feedback(self) -> Feedback:
        return _FixedPoint(self)


@dataclass(frozen=True)
class _FixedPoint(Feedback):
    options: FixedPoint

    def disturb(self, moment: Moment) -> torch.Tensor:
        if moment.fixed:
            return torch.zeros_like(moment.x)
        v = moment.direction()
        slope = moment.pull_back(v, torch.zeros_like(moment.x)[None])[0]
        full = moment.extent.amax(dim=1, keepdim=True)
        alpha = full * unit_gain(slope) if self.options.alpha is None else self.options.alpha
        disturbance = moment.clamp(alpha * slope)
        for _ in range(self.options.rounds):
            following = moment.clamp(alpha * self.options.mean(moment, v, disturbance))
            change = (following - disturbance).abs()
            disturbance = following
            if bool((change <= self.options.tolerance * moment.extent).all()):
                break
        return disturbance
