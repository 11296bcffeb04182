"""Cross-entropy of scores, step by step."""

from __future__ import annotations

import torch


def costs(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """(B, n) cross-entropy in nats of scores (B, n, C) before softmax, differentiable; 0 where nothing is asked.

    A lone score is one before the logistic function: class 1 where it is positive.

    Args:
        scores: of B samples, n steps and C classes.
        targets: (B, n) classes; negative where nothing is asked of a step.

    Source: Guo et al. (RNN-Test), eq. (8), before summing.
    """
    if scores.shape[2] == 1:
        scores = torch.cat([torch.zeros_like(scores), scores], dim=2)
    entropies = -scores.log_softmax(dim=2).gather(2, targets.clamp_min(0)[..., None])[..., 0]
    return torch.where(targets >= 0, entropies, torch.zeros_like(entropies))
