"""Many-to-many networks: a label for every step."""

from __future__ import annotations

import torch

from certrnn.specs.margin import Spec, label_spec

UNASKED = -1
"""The label of a step of which nothing is asked, such as padding."""


def steps_spec(labels: torch.Tensor, scores: int) -> Spec:
    """At every step the label's score exceeds every other of that step.

    Args:
        labels: (B, S) integers; ``UNASKED`` where nothing is asked, but not everywhere.
        scores: number of scores S * C, step after step.

    Raises:
        ValueError: scores that are not equally many a step, or a sample of which nothing is asked.

    >>> steps_spec(torch.tensor([[1, 0]]), 4).rows[0].tolist()
    [[-1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]]
    >>> steps_spec(torch.tensor([[1, -1]]), 4).rows[0].tolist()
    [[-1.0, 1.0, 0.0, 0.0], [-1.0, 1.0, 0.0, 0.0]]
    """
    batch, steps = labels.shape
    required = labels != UNASKED
    if scores % steps or not bool(required.any(dim=1).all()):
        raise ValueError(
            f"{scores} scores are {steps} steps of classes, and each sample asks for one at least"
        )
    classes = scores // steps
    each = label_spec(labels.clamp_min(0).flatten(), classes)
    count = each.rows.shape[1]
    rows = torch.zeros(batch, steps, count, steps, classes, dtype=torch.float64, device=labels.device)
    place = torch.arange(steps, device=labels.device)
    rows[:, place, :, place] = each.rows.reshape(batch, steps, count, classes).transpose(0, 1)
    # what is not asked repeats the first step that is: every sample has equally many rows
    first = required.long().argmax(dim=1, keepdim=True)
    chosen = torch.where(required, place, first)
    taken = rows[torch.arange(batch, device=labels.device)[:, None], chosen]
    offset = torch.zeros(batch, steps * count, dtype=torch.float64, device=labels.device)
    return Spec(taken.reshape(batch, steps * count, scores), offset)
