"""Specifications of targeted attacks: given classes stay below the label."""

from __future__ import annotations

import torch

from certrnn.specs.margin import Spec


def target_spec(labels: torch.Tensor, targets: torch.Tensor, scores: int) -> Spec:
    """No target's score reaches the label's: one row a target.

    A violation sets a target above the label; a third class may win. That a target is never answered is
    :func:`certrnn.specs.accept_spec` of all other classes.

    Args:
        labels: (B,) integers.
        targets: (B, K) classes other than the label; for a single score there is one, which the sign tells.
        scores: number of scores n.

    >>> target_spec(torch.tensor([1]), torch.tensor([[2]]), 3).rows[0].tolist()
    [[0.0, 1.0, -1.0]]
    """
    zero = torch.zeros(targets.shape, dtype=torch.float64, device=targets.device)
    if scores == 1:
        rows = (2.0 * labels.to(torch.float64) - 1.0)[:, None, None].expand(-1, targets.shape[1], -1)
        return Spec(rows.contiguous(), zero)
    eye = torch.eye(scores, dtype=torch.float64, device=labels.device)
    return Spec(eye[labels][:, None, :] - eye[targets], zero)
