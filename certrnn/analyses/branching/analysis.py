"""The analysis: a root bound, then branching on what it leaves open."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch

from certrnn.analyses.analysis import Analysis
from certrnn.analyses.ascent import Ascent
from certrnn.analyses.backward import Backward
from certrnn.analyses.branching.best_first import Leaf, Limits, grow
from certrnn.analyses.branching.inputs import Inputs, as_box
from certrnn.analyses.branching.neurons import Neurons
from certrnn.analyses.memory import Memory
from certrnn.analyses.recording import Recording
from certrnn.analyses.rows import Rows
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec

Falsify = Callable[[Graph, Region, Spec, torch.Tensor], bool]
"""Told a region of one sample, its specification, and sequences near which a violation may lie: whether one was
found and verified."""


@dataclass(frozen=True)
class BranchAndBound(Analysis):
    """Cuts what the root bound leaves open: inputs where they are few, else pre-activations (math: every part of a
    region is a region).

    It is anytime: bounds only improve with time, and stopping early is sound.

    Args:
        root: bounds the whole region, and the halves of inputs.
        ascent: chooses the planes on the parts of a cut pre-activation.
        seconds: for each sample.
        limits: of every sample's tree.
        few: up to that many disturbed features, inputs are cut.
        falsify: looks for a counterexample near the relaxation's worst points, or None.
    """

    root: Backward
    ascent: Ascent = field(default_factory=lambda: Ascent(steps=60, rate=0.05, shared=False))
    seconds: float = 60.0
    limits: Limits = field(default_factory=Limits)
    few: int = 12
    falsify: Falsify | None = None
    name: str = "bab"

    def remembering(self, memory: Memory | None = None) -> BranchAndBound:
        return replace(self, root=self.root.remembering(memory))

    def until(self, deadline: float) -> BranchAndBound:
        limits = replace(self.limits, deadline=min(deadline, self.limits.deadline))
        return replace(self, root=self.root.until(deadline), limits=limits)

    @torch.inference_mode(False)
    def margins(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        parts = [self._sample(graph, region.rows(i, i + 1), spec.part(i, i + 1)) for i in range(region.batch)]
        return spec.clauses(torch.cat(parts)) if parts else torch.zeros(0, spec.width, dtype=torch.float64)

    def _sample(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        deadline = time.perf_counter() + self.seconds
        limits = replace(self.limits, deadline=min(deadline, self.limits.deadline))
        bounds, recording = self.root.recorded(graph, region, spec)
        chosen = _open_rows(spec, bounds[0])
        # the records of a sample whose values left the floating-point range are stand-ins, nothing to reason with
        if not len(chosen) or limits.late or bool(recording.failed.any()):
            return bounds
        part = Spec(spec.rows[:, chosen], spec.offset[:, chosen])
        better = self._grown(graph, region, part, bounds[0, chosen], recording, limits)
        return bounds.index_copy(1, chosen, torch.maximum(bounds[:, chosen], better[None]))

    def _grown(
        self,
        graph: Graph,
        region: Region,
        spec: Spec,
        bound: torch.Tensor,
        recording: Recording,
        limits: Limits,
    ) -> torch.Tensor:
        disturbed = sum(graph.nodes[p].size for frame, p in graph.inputs.items() if frame in region.frames)
        with torch.no_grad():
            if disturbed <= self.few:
                inputs = Inputs(graph, spec, self.root)
                return grow(inputs, Leaf(bound, as_box(region)), limits)
            rows = Rows({graph.output: spec.rows}, spec.offset)
            if not rows.nonlinear(recording):
                return bound  # exactly linear: there is no neuron to cut, and nothing to gain
            tree = Neurons(recording, rows, self.ascent, self._near(graph, region, spec))
            return _grown_from(tree, bound, limits)

    def _near(self, graph: Graph, region: Region, spec: Spec) -> Callable[[torch.Tensor], bool] | None:
        falsify = self.falsify
        return None if falsify is None else lambda x: falsify(graph, region, spec, x)


def _grown_from(tree: Neurons, bound: torch.Tensor, limits: Limits) -> torch.Tensor:
    root = tree.root()
    return grow(tree, Leaf(torch.maximum(bound, root.bound), root.part), limits)


def _open_rows(spec: Spec, bounds: torch.Tensor) -> torch.Tensor:
    """The rows worth proving: of every clause that is not proved yet, the one that is nearest to it."""
    clause = spec.clause or tuple(range(len(bounds)))
    best: dict[int, int] = {}
    for row, number in enumerate(clause):
        if number not in best or bounds[row] > bounds[best[number]]:
            best[number] = row
    return torch.tensor(sorted(r for r in best.values() if not bounds[r] > 0.0), dtype=torch.int64)
