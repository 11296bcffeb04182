"""Which samples are worth a look: how many mistakes stand among the first ones of an order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from certrnn.datasets import Sequences
from certrnn.datasets.files import network_for
from certrnn.errors import InvalidInput, UsageError
from certrnn.model import Model
from certrnn.testing.measure import BATCH
from certrnn.testing.priorities import Priority


@dataclass(frozen=True)
class Selected:
    """What an order finds.

    Args:
        name: of the order.
        first: how many samples are looked at.
        found: mistakes among them.
        mistakes: mistakes among all.
        correlation: Spearman's rank correlation of the order's scores with the mistakes; nan where either is constant.
        order: positions of all samples, the first to look at first.
    """

    name: str
    first: int
    found: int
    mistakes: int
    correlation: float
    order: tuple[int, ...]


def mistakes(model: Model, sequences: Sequences) -> np.ndarray:
    """(N,) whether onnxruntime answers a sample otherwise than its label, at any step that is asked.

    Raises:
        InvalidInput: the samples have no labels.
    """
    if sequences.labels is None:
        raise InvalidInput("looking for mistakes", "the samples have labels", "none")
    from certrnn.attacks.replay import answers

    place = {number: k for k, number in enumerate(sequences.numbers)}
    out = np.zeros(len(sequences), dtype=bool)
    for batch in sequences.batches(BATCH):
        network = network_for(model.network, batch.kind)
        scores = np.asarray(network.run_onnxruntime(batch.x.numpy()), dtype=np.float64)
        steps = network.steps(batch.kind.shape)
        classes = answers(scores.reshape(len(scores) * steps, -1)).reshape(len(scores), steps)
        assert batch.labels is not None
        labels = batch.labels.numpy().reshape(len(scores), -1)
        out[[place[number] for number in batch.numbers]] = ((classes != labels) & (labels >= 0)).any(axis=1)
    return out


def select(
    model: Model, sequences: Sequences, orders: Mapping[str, Priority], share: float = 0.1
) -> list[Selected]:
    """What each order finds among the first ``share`` of the samples, rounded up.

    Raises:
        UsageError: a share that does not lie in (0, 1].
        InvalidInput: the samples have no labels.
    """
    if not 0 < share <= 1:
        raise UsageError("selecting samples", "the share that is looked at lies in (0, 1]", share)
    wrong = mistakes(model, sequences)
    first, out = int(np.ceil(share * len(wrong))), []
    for name, priority in orders.items():
        scores = priority.scores(model, sequences)
        order = priority.order(scores)
        hits = int(wrong[order[:first]].sum())
        out.append(
            Selected(name, first, hits, int(wrong.sum()), correlation(scores, wrong), tuple(order.tolist()))
        )
    return out


def correlation(scores: np.ndarray, wrong: np.ndarray) -> float:
    """Spearman's rank correlation; nan where one of the two is constant.

    >>> round(correlation(np.array([1.0, 2.0, 3.0]), np.array([False, True, True])), 3)
    0.866
    """
    if len(set(scores.tolist())) < 2 or len(set(wrong.tolist())) < 2:
        return float("nan")
    from scipy.stats import spearmanr

    return float(spearmanr(scores, wrong)[0])  # type: ignore[arg-type]
