"""Specifications of targeted attacks: that a given class does not come out."""

from __future__ import annotations

import torch

from certrnn.ir import Graph, GraphBuilder
from certrnn.specs.margin import Spec
from transformers_abs import RELU


def target_spec(labels: torch.Tensor, targets: torch.Tensor, scores: int) -> Spec:
    """No target's score reaches the label's: one row a target.

    Parameters
    ----------
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


def never(graph: Graph, target: int) -> Graph:
    """The network with a single score: the largest score of the other classes, less that of ``target``.

    Where it is positive the target does not win. The specification of that is :func:`positive`; a violation of it
    is a sequence to which the network answers the target, whatever a third class scores.

    Raises
    ------
    ValueError: a class that the network does not have.

    >>> builder = GraphBuilder()
    >>> graph = builder.build(builder.input(frame=0, size=3))
    >>> from certrnn.domains import evaluate
    >>> evaluate(never(graph, 1), torch.tensor([[[3.0, 1.0, 2.0]]], dtype=torch.float64)).tolist()
    [[2.0]]
    """
    scores = graph.outputs
    if not 0 <= target < max(scores, 2):
        raise ValueError(f"the target is one of {max(scores, 2)} classes; got {target}")
    builder = GraphBuilder.on(graph)
    eye = torch.eye(scores, dtype=torch.float64)
    if scores == 1:
        sign = 1.0 - 2.0 * target
        return builder.build(builder.affine(sign * eye, torch.zeros(1, dtype=torch.float64), graph.output))

    def difference(a: int, b: int) -> int:
        return builder.affine((eye[a] - eye[b])[None], torch.zeros(1, dtype=torch.float64), graph.output)

    others = [k for k in range(scores) if k != target]
    largest = difference(others[0], target)
    for k in others[1:]:
        # max(a, b) = a + relu(b - a), every score less the target's
        own = difference(k, target)
        largest = builder.sum([largest, builder.elementwise(RELU, builder.sum([own, largest], [1.0, -1.0]))])
    return builder.build(largest)


def positive(batch: int) -> Spec:
    """A single score is positive, for ``batch`` sequences."""
    return Spec(torch.ones(batch, 1, 1, dtype=torch.float64), torch.zeros(batch, 1, dtype=torch.float64))
