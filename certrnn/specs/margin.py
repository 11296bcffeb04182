"""What must hold: linear inequalities over the scores."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, eq=False)
class Spec:
    """``rows @ scores + offset > 0`` for every row.

    Shapes: ``rows`` (B, K, scores), ``offset`` (B, K). Coefficients are taken as exact.
    """

    rows: torch.Tensor
    offset: torch.Tensor

    def part(self, start: int, stop: int) -> Spec:
        """The specification of the batch from ``start`` to ``stop``."""
        return Spec(self.rows[start:stop], self.offset[start:stop])

    def margins(self, scores: torch.Tensor) -> torch.Tensor:
        """(B, K) margins of scores (B, n), in floating point; differentiable."""
        return torch.einsum("bkn,bn->bk", self.rows, scores) + self.offset


def label_spec(labels: torch.Tensor, scores: int) -> Spec:
    """The label's score exceeds every other score; for a single score, class 1 is ``score > 0`` and class 0 ``< 0``.

    Differences are rows of one specification, so that symbols shared by two scores cancel (Cert-RNN, eq. of the
    certified bound, on differences instead of separate intervals).

    Parameters
    ----------
    labels: (B,) integers.
    scores: number of scores n.

    >>> label_spec(torch.tensor([1]), 3).rows[0].tolist()
    [[-1.0, 1.0, 0.0], [0.0, 1.0, -1.0]]
    >>> label_spec(torch.tensor([0]), 1).rows[0].tolist()
    [[-1.0]]
    """
    batch = labels.shape[0]
    if scores == 1:
        rows = (2.0 * labels.to(torch.float64) - 1.0).reshape(batch, 1, 1)
        return Spec(rows, torch.zeros(batch, 1, dtype=torch.float64, device=labels.device))
    eye = torch.eye(scores, dtype=torch.float64, device=labels.device)
    others = torch.arange(scores - 1, device=labels.device).expand(batch, -1)
    others = others + (others >= labels[:, None])
    return Spec(
        eye[labels][:, None, :] - eye[others],
        torch.zeros(batch, scores - 1, dtype=torch.float64, device=labels.device),
    )
