"""Certified training: the cross-entropy of the worst scores that bounds allow."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn

from certrnn.training.attack import descend
from certrnn.training.bounds import Box, Domain, Intervals, margins
from certrnn.training.layers import vectors_of
from certrnn.training.losses.loss import (
    Loss,
    cross_entropies,
    cross_entropy,
    difference_rows,
    margin_entropies,
)
from certrnn.training.perturbations import Perturbation


@dataclass(frozen=True)
class Verified(Loss):
    """``kappa J(x) + (1 - kappa) J(worst scores)``, the worst by bounds of score differences.

    Args:
        domain: what bounds the network: intervals (IBP-VT: Gowal et al. 2019), zonotopes (Cert-RNN-VT: Table 7 of
            Cert-RNN) or backward substitution (CROWN-IBP: Zhang et al. 2020).
        kappa: share of the loss of the inputs as they are.
    """

    domain: Domain = field(default_factory=Intervals)
    kappa: float = 0.5

    def of(self, module: nn.Module, x: Tensor, y: Tensor, around: Perturbation) -> Tensor:
        vectors, network = vectors_of(module, x)
        scores = network(vectors)
        plain = cross_entropy(scores, y)
        if around.nothing or self.kappa == 1.0:
            return plain
        worst = worst_margins(module, around.box(module, vectors), y, scores.shape[1], self.domain)
        return self.kappa * plain + (1.0 - self.kappa) * margin_entropies(worst).mean()


@dataclass(frozen=True)
class SmallBoxes(Loss):
    """SABR: interval bounds of a small box around an input that an attack found (Mueller et al. 2023).

    Args:
        size: half width of the small box, as a share of eps; 1 is interval bound propagation.
        domain: what bounds the network.
        kappa: share of the loss of the inputs as they are.
        steps: of the attack, which stays where the small box fits into the large one.
    """

    size: float = 0.2
    domain: Domain = field(default_factory=Intervals)
    kappa: float = 0.0
    steps: int = 7

    def of(self, module: nn.Module, x: Tensor, y: Tensor, around: Perturbation) -> Tensor:
        vectors, network = vectors_of(module, x)
        scores = network(vectors)
        plain = cross_entropy(scores, y)
        if around.nothing or self.kappa == 1.0:
            return plain
        inner = around.scaled(1.0 - self.size).box(module, vectors)
        examples = descend(network, vectors, y, inner, cross_entropies, self.steps, 2.5)
        center, box = vectors + (examples - vectors).detach(), around.box(module, vectors)
        small = Box(
            center + self.size * (box.lower - vectors),
            center + self.size * (box.upper - vectors),
        )
        worst = worst_margins(module, small, y, scores.shape[1], self.domain)
        return self.kappa * plain + (1.0 - self.kappa) * margin_entropies(worst).mean()


def worst_margins(module: nn.Module, box: Box, y: Tensor, scores: int, domain: Domain) -> Tensor:
    """Lower bounds (B, K) of the label's score minus every other, over a box of vectors."""
    rows = difference_rows(y, scores, box.lower.dtype)
    return margins(module, box, rows, rows.new_zeros(rows.shape[:2]), domain)
