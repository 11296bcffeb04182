"""Defensive distillation (Papernot et al. 2016): a student learns a teacher's softened answers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from certrnn.errors import UsageError
from certrnn.training.losses.loss import Loss, cross_entropy
from certrnn.training.perturbations import Perturbation


@dataclass(frozen=True, eq=False)
class Distillation(Loss):
    """Cross-entropy of the student's ``softmax(z / T)`` with the teacher's; ``eps`` is not looked at.

    The student is deployed at temperature 1: its scores then are about T times as far apart, and the float32 softmax's
    gradient vanishes, which stops attacks that follow it and no others.

    Args:
        teacher: a network trained at the same temperature (``Plain(temperature)``); None learns the labels themselves.
        temperature: T.

    Raises:
        UsageError: a temperature that is not positive.
    """

    teacher: nn.Module | None = None
    temperature: float = 20.0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise UsageError("distilling", "the temperature is positive", self.temperature)

    def of(self, module: nn.Module, x: Tensor, y: Tensor, around: Perturbation) -> Tensor:
        scores = module(x)
        if self.teacher is None:
            return cross_entropy(scores, y, self.temperature)
        with torch.no_grad():
            soft = self.teacher(x) / self.temperature
        if scores.shape[1] == 1:
            target = torch.sigmoid(soft[:, 0])
            return nn.functional.binary_cross_entropy_with_logits(scores[:, 0] / self.temperature, target)
        return nn.functional.cross_entropy(scores / self.temperature, soft.softmax(dim=1))
