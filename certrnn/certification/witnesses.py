"""Counterexamples as they are found, and what they change."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from certrnn.arrays import to_numpy
from certrnn.datasets import Sequences
from certrnn.io.onnx import OnnxModel
from certrnn.results.changes import MOST, Change
from certrnn.results.row import Row
from certrnn.threats import Edits, ThreatModel


@dataclass(eq=False)
class Witnesses:
    """The nearest counterexample of each sample so far: its distance, and the sequence (T, D)."""

    nearest: dict[int, tuple[float, torch.Tensor]] = field(default_factory=dict)

    def add(self, samples: torch.Tensor, eps: torch.Tensor, x: torch.Tensor) -> None:
        """Counterexamples ``x`` (R, T, D) of samples (R,) at distances (R,); inf where there is none."""
        for sample, apart, one in zip(samples.tolist(), eps.tolist(), x, strict=True):
            if apart < self.nearest.get(sample, (math.inf, one))[0]:
                self.nearest[sample] = apart, one.detach().clone()

    def told(self, row: Row, naming: Naming, threat: ThreatModel) -> Row:
        """A falsified row with what its counterexample changes."""
        sample = naming.sequences.numbers.index(row.sample)
        if row.verdict != "falsified" or sample not in self.nearest:
            return row
        return replace(row, changed=naming.changes(sample, to_numpy(self.nearest[sample][1]), threat))


@dataclass(frozen=True, eq=False)
class Naming:
    """Says what differs between samples and other sequences.

    Args:
        network: what the samples are put to.
        sequences: the samples.
    """

    network: OnnxModel
    sequences: Sequences

    def changes(self, sample: int, x: np.ndarray, threat: ThreatModel) -> tuple[Change, ...]:
        """The frames of ``x`` (T, D) that differ from the sample at a position: of words all, in their order, of others
        those that move most."""
        center, first = self.sequences.frames[sample], self.sequences.kind(sample).span[0]
        moved = np.abs(x - center).max(axis=1)
        places = [int(t) for t in np.flatnonzero(moved)]
        changes = []
        for t in places:
            before, after = self._before(sample, t), self._after(x[t], threat)
            changes.append(Change(t - first, float(moved[t]), before, after))
        if all(one.after for one in changes):
            return tuple(changes)
        return tuple(sorted(changes, key=lambda one: (-one.by, one.frame))[:MOST])

    def _before(self, sample: int, frame: int) -> str:
        """The word of a frame, as the text has it; its number where the data is numbers of words."""
        sequences = self.sequences
        first, stop = sequences.kind(sample).span
        if sequences.words is not None and first <= frame < stop:
            return sequences.words[sample][frame - first]
        return self._known(sequences.frames[sample][frame])

    def _after(self, vector: np.ndarray, threat: ThreatModel) -> str:
        """The word whose vector this is, or ""."""
        if isinstance(threat, Edits) and threat.names:
            hits = np.flatnonzero((threat.pool == vector).all(axis=1))
            if len(hits):
                return threat.names[int(hits[0])]
        return self._known(vector)

    def _known(self, vector: np.ndarray) -> str:
        numbers = lookup(self.network, vector[None])
        return "" if numbers is None else self.sequences.word(int(numbers[0]))


def lookup(network: OnnxModel, vectors: np.ndarray) -> np.ndarray | None:
    """(T,) numbers of the words whose vectors (T, D) these are, the first of equal ones; None where one is no word."""
    if network.embedding is None:
        return None
    table = network.embedding.table
    out = []
    for vector in vectors:
        hits = np.flatnonzero((table == vector).all(axis=1))
        if not len(hits):
            return None
        out.append(int(hits[0]))
    return np.array(out, dtype=np.int64)
