"""What a loss is, and the cross-entropies that losses are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from certrnn.training.perturbations import Perturbation, perturbation


class Loss(ABC):
    """A training loss that a person's own loop calls: ``loss(module, x, y, eps).backward()``."""

    def __call__(self, module: nn.Module, x: Tensor, y: Tensor, eps: float | Tensor | Perturbation) -> Tensor:
        """The mean loss of a batch, a scalar that gradients flow from.

        Args:
            module: maps x to scores (B, classes), or (B, 1) whose sign answers.
            x: sequences (B, frames, features), or words (B, frames) of a network that begins with an ``nn.Embedding``.
            y: labels (B,).
            eps: l-infinity radius of the inputs or word vectors, or a :class:`.Perturbation`.

        Raises:
            Unsupported: a loss that bounds the network meets a module that it cannot bound.
            UsageError: eps makes no sense.
        """
        return self.of(module, x, y, perturbation(eps))

    @abstractmethod
    def of(self, module: nn.Module, x: Tensor, y: Tensor, around: Perturbation) -> Tensor:
        """As :meth:`__call__`, with the perturbation itself."""


def cross_entropies(scores: Tensor, y: Tensor, temperature: float = 1.0) -> Tensor:
    """The cross-entropy of every sample (B,); of a single score the logistic loss of its sign."""
    if scores.shape[1] == 1:
        signs = 2.0 * y.to(scores.dtype) - 1.0
        return nn.functional.softplus(-signs * scores[:, 0] / temperature)
    return nn.functional.cross_entropy(scores / temperature, y, reduction="none")


def cross_entropy(scores: Tensor, y: Tensor, temperature: float = 1.0) -> Tensor:
    """The mean of :func:`cross_entropies`."""
    return cross_entropies(scores, y, temperature).mean()


def difference_rows(y: Tensor, scores: int, dtype: torch.dtype) -> Tensor:
    """Rows (B, K, scores) of the label's score minus every other; of a single score its sign."""
    if scores == 1:
        return (2.0 * y.to(dtype) - 1.0).reshape(-1, 1, 1)
    eye = torch.eye(scores, dtype=dtype, device=y.device)
    others = torch.arange(scores - 1, device=y.device).expand(len(y), -1)
    return eye[y][:, None] - eye[others + (others >= y[:, None])]


def margin_entropies(margins: Tensor) -> Tensor:
    """The cross-entropy (B,) of scores ``margins`` (B, K) below the label's: ``log(1 + sum exp(-margin))``."""
    return torch.logsumexp(torch.cat([torch.zeros_like(margins[:, :1]), -margins], dim=1), dim=1)
