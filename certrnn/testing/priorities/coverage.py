"""Coverage: samples that cover much, or much that is new."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from certrnn.coverage import Metric, Tracer
from certrnn.datasets import Sequences
from certrnn.datasets.files import network_for
from certrnn.errors import UsageError
from certrnn.model import Model
from certrnn.testing.measure import BATCH, longest
from certrnn.testing.priorities.priority import Priority


@dataclass(frozen=True)
class Covering(Priority):
    """How much of a metric each sample covers; or, with ``additional``, the order in which each next sample adds most
    to what those before it cover. Where none adds anything, the count begins anew with the samples that are left.

    Every value lies in some section, so that a sample covers as many pairs of all sections together as any other: by
    itself it is counted in the first and the last one. Of HS each sample covers as many as any other.

    Args:
        metric: what is counted.
        additional: count what is new, in all sections.

    Raises:
        UsageError: the network has nothing that the metric counts.

    Source: Rothermel et al., Prioritizing test cases for regression testing (IEEE TSE 2001), total and additional
    coverage.
    """

    metric: Metric
    additional: bool = False

    def scores(self, model: Model, sequences: Sequences) -> np.ndarray:
        covered = covered_by_each(model, sequences, self.metric, boundary=not self.additional)
        if not self.additional:
            return covered.sum(axis=1).astype(np.float64)
        out = np.zeros(len(covered))
        for rank, position in enumerate(additional(covered)):
            out[position] = -float(rank)
        return out


def covered_by_each(model: Model, sequences: Sequences, metric: Metric, boundary: bool = False) -> np.ndarray:
    """(N, M) what each sample covers by itself, of all sections or the first and last one, layers, steps and units."""
    steps, place = longest(model.network, [sequences]), {n: k for k, n in enumerate(sequences.numbers)}
    out: np.ndarray | None = None
    for batch in sequences.batches(BATCH):
        tracer = Tracer.of(network_for(model.network, batch.kind), batch.kind.shape)
        parts = []
        with torch.no_grad():
            for layer in tracer(batch.x).layers:
                values = metric.values(layer)
                if values is not None:
                    covered = metric.covered(values)
                    if boundary and metric.sections is not None:
                        covered = covered[:, [0, -1]]
                    missing = steps[layer.name] - covered.shape[2]
                    parts.append(torch.nn.functional.pad(covered, (0, 0, 0, missing)).flatten(1))
        if not parts:
            raise UsageError("ordering samples", "the network has what the metric counts", "nothing such")
        rows = torch.cat(parts, dim=1).numpy()
        if out is None:
            out = np.zeros((len(sequences), rows.shape[1]), dtype=bool)
        out[[place[number] for number in batch.numbers]] = rows
    assert out is not None
    return out


def additional(covered: np.ndarray) -> list[int]:
    """Positions of samples, each next one adding most to what those before it cover.

    >>> additional(np.array([[1, 1, 0], [1, 1, 1], [0, 0, 1]], dtype=bool))
    [1, 0, 2]
    """
    whole = covered.sum(axis=1).astype(np.int64)
    gains, seen = whole.copy(), np.zeros(covered.shape[1], dtype=bool)
    done, order = np.zeros(len(covered), dtype=bool), list[int]()
    while len(order) < len(covered):
        best = int(np.where(done, -1, gains).argmax())
        if not gains[best] and seen.any():
            seen[:], gains = False, whole.copy()
            continue
        new = covered[best] & ~seen
        order.append(best)
        done[best] = True
        gains = gains - covered[:, new].sum(axis=1)
        seen |= new
    return order
