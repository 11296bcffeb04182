"""Attacks inside training, on a torch module: differentiable networks of any kind, at the speed of training."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from certrnn.training.bounds import Box

Network = Callable[[Tensor], Tensor]
Objective = Callable[[Tensor, Tensor], Tensor]


def gradient_sign(network: Network, vectors: Tensor, y: Tensor, box: Box, objective: Objective) -> Tensor:
    """One full step to the corner of the box that the gradient points at (FGSM, Goodfellow et al. 2015).

    Args:
        network: scores of vectors (B, frames, features).
        vectors: where the gradient is taken.
        y: labels (B,).
        box: what the vectors may become.
        objective: what is increased, of scores and labels; summed over the batch.
    """
    rising = _gradient(network, vectors, y, objective)
    corner = torch.where(rising > 0, box.upper, box.lower)
    return torch.where(rising == 0, vectors, corner).detach()


def descend(
    network: Network, vectors: Tensor, y: Tensor, box: Box, objective: Objective, steps: int, share: float
) -> Tensor:
    """Signed gradient steps from a random start (PGD, Madry et al. 2018), with torch's random numbers.

    Others are those of :func:`gradient_sign`.

    Args:
        steps: their number.
        share: length of all steps together, as a share of the half width of the box; 2.5 is Madry's.
    """
    lower, upper = box.lower.detach(), box.upper.detach()
    step = 0.5 * (upper - lower) * (share / steps)
    point = lower + torch.rand_like(lower) * (upper - lower)
    for _ in range(steps):
        rising = _gradient(network, point, y, objective)
        point = torch.minimum(torch.maximum(point + step * rising.sign(), lower), upper)
    return point


def _gradient(network: Network, vectors: Tensor, y: Tensor, objective: Objective) -> Tensor:
    with torch.enable_grad():
        leaf = vectors.detach().requires_grad_()
        return torch.autograd.grad(objective(network(leaf), y).sum(), leaf)[0]
