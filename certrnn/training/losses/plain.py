"""The cross-entropy of the inputs as they are."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from certrnn.training.losses.loss import Loss, cross_entropy
from certrnn.training.perturbations import Perturbation


@dataclass(frozen=True)
class Plain(Loss):
    """Cross-entropy; ``eps`` is not looked at.

    Args:
        temperature: scores are divided by it, as a teacher's are in distillation.
    """

    temperature: float = 1.0

    def of(self, module: nn.Module, x: Tensor, y: Tensor, around: Perturbation) -> Tensor:
        return cross_entropy(module(x), y, self.temperature)
