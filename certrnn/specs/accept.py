"""The answer stays within a set of labels, or never becomes one of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from certrnn.specs.margin import Spec


def accept_spec(batch: int, accepted: Sequence[int], scores: int) -> Spec:
    """Some accepted label outscores every other label: a clause for each label outside the set.

    The largest score lies in the set exactly if for every label j outside some label i inside has ``y_i > y_j``.
    "Never label t" is the set of all labels but t.

    Args:
        accepted: at least one class, not all of them.
        scores: number of scores n; a single score has two classes, 1 where it is positive and 0 where it is negative.

    Raises:
        ValueError: no class, every class, or one that is none.

    >>> spec = accept_spec(1, [0, 2], 3)
    >>> spec.rows[0].tolist(), spec.clause
    ([[1.0, -1.0, 0.0], [0.0, -1.0, 1.0]], (0, 0))
    >>> accept_spec(1, [0, 1], 4).clause
    (0, 0, 1, 1)
    """
    classes, inside = max(scores, 2), sorted(set(accepted))
    outside = [j for j in range(classes) if j not in inside]
    if not inside or not outside or inside[0] < 0 or inside[-1] >= classes:
        raise ValueError(
            f"some but not all of the classes 0..{classes - 1} are accepted; got {list(accepted)}"
        )
    if scores == 1:
        rows = torch.tensor([[1.0 if inside == [1] else -1.0]], dtype=torch.float64)
        clause: tuple[int, ...] = (0,)
    else:
        eye = torch.eye(scores, dtype=torch.float64)
        rows = torch.stack([eye[i] - eye[j] for j in outside for i in inside])
        clause = tuple(k for k in range(len(outside)) for _ in inside)
    return Spec(rows.expand(batch, -1, -1), torch.zeros(batch, len(rows), dtype=torch.float64), clause)
