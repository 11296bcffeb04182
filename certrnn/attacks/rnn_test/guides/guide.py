"""Coverage guidance: states of a metric that are driven towards what no sample has covered."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from certrnn.attacks.rnn_test.guides.boost import Boost
from certrnn.attacks.rnn_test.guides.strategy import Strategy
from certrnn.attacks.rnn_test.moment import Moment
from certrnn.coverage import Metric, Record
from certrnn.errors import UsageError


@dataclass(frozen=True)
class Guide:
    """The sum of n chosen values of a metric, each with the sign in which it is driven.

    Args:
        metric: whose coverage is to rise.
        strategy: chooses the states.
        states: n; the paper's language model takes batch x steps x 5 = 50.

    Raises:
        UsageError: fewer than two states.

    Source: Guo et al. (RNN-Test), eq. (10).
    """

    metric: Metric
    strategy: Strategy = field(default_factory=Boost)
    states: int = 50

    def __post_init__(self) -> None:
        if self.states < 2:
            raise UsageError("reading --states", "at least two states are driven", self.states)

    def value(
        self, moment: Moment, record: Record | None, generators: list[np.random.Generator]
    ) -> torch.Tensor:
        """(B,) the sums, differentiable in the input.

        Args:
            record: what was covered before; None for nothing.
            generators: one a sample.

        Raises:
            UsageError: no layer has what the metric counts.
        """
        named = [(layer.name, self.metric.values(layer)) for layer in moment.states().layers]
        layers = [(name, values) for name, values in named if values is not None]
        if not layers:
            raise UsageError("reading --guide", "a layer of the network has what it counts", "none such")
        flat = torch.cat([values.flatten(1) for _, values in layers], dim=1)
        covered = self._covered([(name, (v.shape[1], v.shape[2])) for name, v in layers], record)
        weights = [
            self.strategy.weights(values, covered, self.metric.sections, self.states, generator)
            for values, generator in zip(flat.detach().numpy(), generators, strict=True)
        ]
        return (flat * torch.from_numpy(np.stack(weights))).sum(dim=1)

    def _covered(self, shapes: list[tuple[str, tuple[int, int]]], record: Record | None) -> np.ndarray:
        """(K, M) what earlier samples covered, in the order of the values."""
        known = {} if record is None else {layer.name: layer.covered for layer in record.layers}
        count, parts = len(self.metric.names), []
        for name, (steps, units) in shapes:
            nothing = np.zeros((count, steps, units), dtype=bool)
            parts.append(known.get(name, nothing)[:, :steps].reshape(count, -1))
        return np.concatenate(parts, axis=1)
