"""What must hold: linear inequalities over the scores, all of them or one of each clause."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, eq=False)
class Spec:
    """Linear rows ``rows @ scores + offset > 0``: all of them hold, or one of each clause.

    Shapes: ``rows`` (B, K, scores), ``offset`` (B, K). Coefficients are taken as exact.

    ``clause`` gives each row its clause, numbered from 0 without gaps: a clause holds where one of its rows does, the
    specification where all clauses do (a conjunction of disjunctions). None: every row is a clause of its own.

    >>> rows, offset = torch.eye(3, dtype=torch.float64)[None], torch.zeros(1, 3, dtype=torch.float64)
    >>> spec = Spec(rows, offset, clause=(0, 0, 1))  # (y0 > 0 or y1 > 0) and y2 > 0
    >>> spec.margins(torch.tensor([[-1.0, 2.0, 3.0]], dtype=torch.float64)).tolist()
    [[2.0, 3.0]]
    """

    rows: torch.Tensor
    offset: torch.Tensor
    clause: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.clause is not None:
            numbers = sorted(set(self.clause))
            if len(self.clause) != self.rows.shape[1] or numbers != list(range(len(numbers))):
                raise ValueError(
                    f"each of {self.rows.shape[1]} rows has a clause, numbered from 0 without gaps; got {self.clause}"
                )

    @property
    def width(self) -> int:
        """Number of clauses C."""
        return self.rows.shape[1] if self.clause is None else len(set(self.clause))

    def part(self, start: int, stop: int) -> Spec:
        """The specification of the batch from ``start`` to ``stop``."""
        return Spec(self.rows[start:stop], self.offset[start:stop], self.clause)

    def select(self, rows: torch.Tensor) -> Spec:
        """The specification whose row ``i`` of the batch is row ``rows[i]`` of this one's; rows may repeat."""
        return Spec(self.rows[rows], self.offset[rows], self.clause)

    def clauses(self, bounds: torch.Tensor) -> torch.Tensor:
        """(B, C) the largest of each clause's rows, of values or lower bounds (B, K).

        One row that stays positive on the whole region proves its clause there, so that lower bounds of rows make a
        lower bound of the clause; which row it is may not depend on the point, which costs tightness, never soundness.
        """
        if self.clause is None:
            return bounds
        index = torch.tensor(self.clause, device=bounds.device)
        return torch.stack([bounds[:, index == k].amax(dim=1) for k in range(self.width)], dim=1)

    def margins(self, scores: torch.Tensor) -> torch.Tensor:
        """(B, C) margins of the clauses at scores (B, n), in floating point; differentiable."""
        return self.clauses(torch.einsum("bkn,bn->bk", self.rows, scores) + self.offset)


def label_spec(labels: torch.Tensor, scores: int) -> Spec:
    """The label's score exceeds every other score; for a single score, class 1 is ``score > 0`` and class 0 ``< 0``.

    Differences are rows of one specification, so that symbols shared by two scores cancel (Cert-RNN, eq. of the
    certified bound, on differences instead of separate intervals).

    Args:
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
