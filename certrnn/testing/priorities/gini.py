"""DeepGini: samples that the network is unsure of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from certrnn.datasets import Sequences
from certrnn.datasets.files import network_for
from certrnn.domains.points import evaluate
from certrnn.model import Model
from certrnn.testing.measure import BATCH
from certrnn.testing.priorities.priority import Priority


@dataclass(frozen=True)
class DeepGini(Priority):
    """``1 - sum p^2`` of the network's probabilities, averaged over the steps where it answers at each.

    Source: Feng et al., DeepGini: prioritizing massive tests to enhance the robustness of deep neural networks (ISSTA
    2020).
    """

    def scores(self, model: Model, sequences: Sequences) -> np.ndarray:
        place = {number: k for k, number in enumerate(sequences.numbers)}
        out = np.zeros(len(sequences))
        for batch in sequences.batches(BATCH):
            network = network_for(model.network, batch.kind)
            with torch.no_grad():
                scores = evaluate(network.graph(batch.kind.shape), batch.x)
            parts = scores.unflatten(1, (network.steps(batch.kind.shape), -1))
            if parts.shape[2] == 1:  # a lone score is one before the logistic function
                parts = torch.cat([torch.zeros_like(parts), parts], dim=2)
            unsure = (1 - parts.softmax(dim=2).square().sum(dim=2)).mean(dim=1)
            out[[place[number] for number in batch.numbers]] = unsure.numpy()
        return out
