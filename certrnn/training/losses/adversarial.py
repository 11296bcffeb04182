"""Adversarial training: the cross-entropy of inputs that an attack found."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from certrnn.training.attack import descend, gradient_sign
from certrnn.training.layers import vectors_of
from certrnn.training.losses.loss import Loss, cross_entropies, cross_entropy
from certrnn.training.perturbations import Perturbation


@dataclass(frozen=True)
class FGSMTraining(Loss):
    """``share J(x) + (1 - share) J(x + eps sign(grad J))`` (Goodfellow et al. 2015).

    Args:
        share: of the loss of the inputs as they are.
    """

    share: float = 0.5

    def of(self, module: nn.Module, x: Tensor, y: Tensor, around: Perturbation) -> Tensor:
        vectors, network = vectors_of(module, x)
        plain = cross_entropy(network(vectors), y)
        if around.nothing:
            return plain
        examples = gradient_sign(network, vectors, y, around.box(module, vectors), cross_entropies)
        return self.share * plain + (1.0 - self.share) * cross_entropy(network(_moved(vectors, examples)), y)


@dataclass(frozen=True)
class PGDTraining(Loss):
    """``J(x + delta)`` with the delta that projected gradient steps found from a random start (Madry et al. 2018).

    Args:
        steps: their number.
        share: length of all steps together, as a share of eps.
    """

    steps: int = 7
    share: float = 2.5

    def of(self, module: nn.Module, x: Tensor, y: Tensor, around: Perturbation) -> Tensor:
        vectors, network = vectors_of(module, x)
        if around.nothing:
            return cross_entropy(network(vectors), y)
        box = around.box(module, vectors)
        examples = descend(network, vectors, y, box, cross_entropies, self.steps, self.share)
        return cross_entropy(network(_moved(vectors, examples)), y)


def _moved(vectors: Tensor, examples: Tensor) -> Tensor:
    """What was found, as a constant disturbance of vectors that may be trained."""
    return vectors + (examples - vectors).detach()
