"""Adam (Kingma and Ba, 2015) on a list of tensors: torch's own loads its compiler first, which takes longer than many a
row's whole search."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch


class Adam:
    """Moves ``leaves`` against their gradients."""

    def __init__(self, leaves: Sequence[torch.Tensor], betas: tuple[float, float] = (0.9, 0.95)) -> None:
        self.leaves, self.betas, self.steps = list(leaves), betas, 0
        self.means = [torch.zeros_like(leaf) for leaf in self.leaves]
        self.squares = [torch.zeros_like(leaf) for leaf in self.leaves]

    def step(self, loss: torch.Tensor, rate: float) -> None:
        """One step of length ``rate`` down the gradient of a scalar; leaves that it does not depend on stay."""
        gradients = torch.autograd.grad(loss, self.leaves, allow_unused=True)
        first, second = self.betas
        self.steps += 1
        scale = math.sqrt(1.0 - second**self.steps)
        length = rate * scale / (1.0 - first**self.steps)
        with torch.no_grad():
            for leaf, gradient, mean, square in zip(
                self.leaves, gradients, self.means, self.squares, strict=True
            ):
                if gradient is None:
                    continue
                mean.lerp_(gradient, 1.0 - first)
                square.mul_(second).addcmul_(gradient, gradient, value=1.0 - second)
                leaf.addcdiv_(mean, square.sqrt().add_(1e-8 * scale), value=-length)
