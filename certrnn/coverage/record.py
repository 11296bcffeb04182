"""What samples have covered: for every step, unit and section the first sample that did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from certrnn.coverage.metrics import Metric
from certrnn.coverage.trace import Trace
from certrnn.errors import UsageError

NEVER = np.iinfo(np.int64).max
"""Stands for a sample that did not come yet."""


@dataclass(frozen=True, eq=False)
class LayerRecord:
    """Of one layer and direction ``first`` (K, S, E): the smallest number of a sample that covered the unit at a step;
    :data:`NEVER` where none did."""

    name: str
    first: np.ndarray

    @property
    def covered(self) -> np.ndarray:
        """(K, S, E) bool."""
        return self.first < NEVER


@dataclass(frozen=True, eq=False)
class Record:
    """Coverage of one metric, cumulative over samples by step, layer, direction and unit, as the authors' code has it
    (the printed formulas count one input).

    Args:
        metric: what is counted.
        steps: S, for all layers or by layer; longer samples are refused, shorter ones leave their missing steps
            uncovered.
        layers: one a layer and direction that has such values; empty before the first sample.
        samples: the numbers of the samples that were recorded.
    """

    metric: Metric
    steps: int | Mapping[str, int]
    layers: tuple[LayerRecord, ...] = ()
    samples: frozenset[int] = frozenset()

    def after(self, trace: Trace, numbers: Sequence[int]) -> Record:
        """With the samples of a trace, of the given numbers, recorded as well.

        Raises:
            UsageError: a sample has more steps than the record.
        """
        pairs = []
        for layer in trace.layers:
            values = self.metric.values(layer)
            if values is not None:
                pairs.append((layer.name, values.detach()))
        layers = self.layers or tuple(self._empty(name, values) for name, values in pairs)
        new = [
            self._updated(layer, values, numbers) for layer, (_, values) in zip(layers, pairs, strict=True)
        ]
        return replace(self, layers=tuple(new), samples=self.samples | frozenset(numbers))

    def merged(self, other: Record) -> Record:
        """The record of all samples of two records of one metric and network.

        Raises:
            UsageError: they are of different metrics, steps or layers.
        """
        mine, theirs = ((r.metric, r.steps) for r in (self, other))
        shapes = ([(layer.name, layer.first.shape) for layer in r.layers] for r in (self, other))
        if mine != theirs or (self.layers and other.layers and len({str(s) for s in shapes}) > 1):
            raise UsageError("merging records", "they are of one metric, network and number of steps", theirs)
        if not self.layers or not other.layers:
            layers = self.layers or other.layers
        else:
            layers = tuple(
                replace(a, first=np.minimum(a.first, b.first))
                for a, b in zip(self.layers, other.layers, strict=True)
            )
        return replace(self, layers=layers, samples=self.samples | other.samples)

    @property
    def total(self) -> int:
        """How many pairs of step and unit there are in one section."""
        return sum(layer.first[0].size for layer in self.layers)

    def coverage(self) -> np.ndarray:
        """(K,) shares of the pairs of step and unit that are covered, section by section; eqs. (3) to (6)."""
        counts = np.zeros(len(self.metric.names))
        for layer in self.layers:
            counts += layer.covered.sum(axis=(1, 2))
        return counts / max(1, self.total)

    def curve(self) -> np.ndarray:
        """(n + 1, K) the coverage after 0, 1, .., n samples, in the order of their numbers."""
        numbers = np.array(sorted(self.samples), dtype=np.int64)
        out = np.zeros((len(numbers) + 1, len(self.metric.names)))
        for section in range(out.shape[1]):
            for layer in self.layers:
                first = layer.first[section]
                rank = np.searchsorted(numbers, first[first < NEVER])
                out[1:, section] += np.bincount(rank, minlength=len(numbers)).cumsum()
        return out / max(1, self.total)

    def never(self) -> list[tuple[str, np.ndarray]]:
        """By layer (K, E) bool: units that were covered at no step."""
        return [(layer.name, np.logical_not(layer.covered.any(axis=1))) for layer in self.layers]

    def _steps(self, layer: str) -> int:
        return self.steps if isinstance(self.steps, int) else self.steps[layer]

    def _empty(self, name: str, values: torch.Tensor) -> LayerRecord:
        shape = (len(self.metric.names), self._steps(name), values.shape[2])
        return LayerRecord(name, np.full(shape, NEVER, dtype=np.int64))

    def _updated(self, layer: LayerRecord, values: torch.Tensor, numbers: Sequence[int]) -> LayerRecord:
        steps = values.shape[1]
        if steps > self._steps(layer.name):
            raise UsageError(
                "recording coverage", f"a sample has at most {self._steps(layer.name)} steps", steps
            )
        first, order = layer.first.copy(), np.argsort(np.asarray(numbers, dtype=np.int64), kind="stable")
        part = first[:, :steps]
        open_ = part > min(numbers)  # what an earlier sample covered cannot change
        covered = self.metric.covered(values).numpy()[order][:, open_]
        sorted_ = np.asarray(numbers, dtype=np.int64)[order]
        new = np.where(covered.any(axis=0), sorted_[covered.argmax(axis=0)], NEVER)
        part[open_] = np.minimum(part[open_], new)
        return replace(layer, first=first)


def record(metric: Metric, trace: Trace, numbers: Sequence[int], steps: int) -> Record:
    """The record of the samples of one trace."""
    return Record(metric, steps).after(trace, numbers)
