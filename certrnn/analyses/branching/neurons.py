"""Cuts along pre-activations: in each half one argument of a nonlinearity is known better, and so are its planes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

import transformers_abs as ta
from certrnn.analyses.ascent import Ascent, joined, split
from certrnn.analyses.branching.best_first import Leaf, Tree
from certrnn.analyses.branching.tightening import CutDeviation, cut_deviation, tightened
from certrnn.analyses.memory import Memory, State
from certrnn.analyses.planes import Parameters
from certrnn.analyses.recording import NodeRecord, Recording, Strips
from certrnn.analyses.rows import Joint, Rows, enclosed_rows
from certrnn.analyses.substitution import substitute
from transformers_abs.slopes import Secant, SlopePolicy

Falsify = Callable[[torch.Tensor], bool]
"""Told sequences (S, frames, features) near which a violation may lie; whether one was found and verified."""

Cut = tuple[int, int, int, bool, float]
"""(position, argument, element, above, threshold): the half of the region on which one argument of an elementwise node
lies on one side of a threshold."""


@dataclass(frozen=True, eq=False)
class Part:
    """Where the cuts so far lead: ``regions`` replace those of the recording at some nodes; ``weights[p]`` (n,) is
    what each neuron's relaxation counts in the worst row; ``state`` is where the ascent ended."""

    regions: dict[int, ta.Region]
    cuts: tuple[CutDeviation, ...] = ()
    weights: dict[int, np.ndarray] = field(default_factory=dict)
    state: State | None = None
    guess: torch.Tensor | None = None


@dataclass(eq=False)
class Neurons(Tree[Part]):
    """Parts of one region (a recording of batch size one) by cuts along the arguments of its nonlinearities.

    The recording's regions hold on every part, since a part is a subset. A cut shrinks the boxes of the nodes that read
    the element, and, since arguments share noise symbols, those of the others (:func:`~.tightening.tightened`); as a
    strip of the symbols it also takes part in the rows' last bound, with a multiplier that the ascent chooses.
    """

    recording: Recording
    rows: Rows
    ascent: Ascent
    falsify: Falsify | None = None
    policy: SlopePolicy = field(default_factory=Secant)

    def root(self) -> Leaf[Part]:
        return self.bound([Part({})])[0]

    def cut(self, leaf: Leaf[Part]) -> Sequence[Part] | None:
        best, chosen = 0.0, None
        for position, weight in leaf.part.weights.items():
            record = self._record(leaf.part, position)
            for argument in range(len(record.center)):
                gain = weight * self._gain(record, argument)
                element = int(np.argmax(gain))
                if gain[element] > best:
                    best, chosen = float(gain[element]), (position, argument, element)
        if chosen is None:
            return None
        position, argument, element = chosen
        region = self._record(leaf.part, position).region
        middle = _middle(region, argument)[element]
        halves = (
            self._half(leaf.part, (position, argument, element, above, middle)) for above in (False, True)
        )
        return [half for half in halves if half is not None]

    def _record(self, part: Part, position: int) -> NodeRecord:
        record = self.recording.nodes[position]
        return replace(record, region=part.regions.get(position, record.region))

    def _gain(self, record: NodeRecord, argument: int) -> np.ndarray:
        """By how much (n,) the plane's width falls in the worse half."""
        middle = _middle(record.region, argument)
        width = self._width(record, record.region)
        halves = [
            self._width(record, _clipped(record.region, argument, middle, above)) for above in (False, True)
        ]
        return width - np.maximum(*halves)

    def _width(self, record: NodeRecord, region: ta.Region) -> np.ndarray:
        transformer = record.node.transformer
        residual = transformer.residual(self.policy(transformer, region), region)
        return residual.upper - residual.lower

    def _half(self, part: Part, cut: Cut) -> Part | None:
        """The half on one side of a cut, with every other argument as tight as the cut makes it; None where no point
        of the region lies there."""
        position, argument, element, above, threshold = cut
        source = self.recording.nodes[position].node.sources[argument]
        regions = dict(part.regions)
        for reader, record in self.recording.nodes.items():
            for k, read in enumerate(record.node.sources):
                if read == source:
                    middle = np.full(record.shape[2], -np.inf if above else np.inf)
                    middle[element] = threshold
                    regions[reader] = _clipped(regions.get(reader, record.region), k, middle, above)
        known = cut_deviation(self.recording, position, argument, element, regions[position])
        for reader, record in self.recording.nodes.items():
            tighter = tightened(record, regions.get(reader, record.region), known)
            if tighter is None:
                return None
            regions[reader] = tighter
        return Part(regions, (*part.cuts, known), state=part.state)

    def bound(self, parts: Sequence[Part]) -> Sequence[Leaf[Part]]:
        count = len(parts)
        recording = self.recording.selected(torch.zeros(count, dtype=torch.int64))
        for position in {p for part in parts for p in part.regions}:
            regions = [self._record(part, position).region for part in parts]
            recording.nodes[position] = replace(recording.nodes[position], region=_stacked(regions))
        recording.strips = _strips([part.cuts for part in parts], recording.symbols)
        rows = Rows(
            {p: c.expand(count, -1, -1) for p, c in self.rows.coefficients.items()},
            self.rows.offset.expand(count, -1),
        )
        memory, states = Memory(), [part.state for part in parts if part.state is not None]
        if len(states) == count:
            strips = 0 if recording.strips is None else recording.strips.low.shape[1]
            memory.keep((), joined([_padded(state, rows.offset.shape[1], strips) for state in states]))
        parameters, joint = self.ascent(recording, rows, memory)
        bound = enclosed_rows(recording, rows, parameters, joint)
        bound = torch.maximum(bound, enclosed_rows(recording, rows, self.ascent.start(recording, rows)))
        weights, state = self._weights(recording, rows, parameters), memory.recall(())
        ended = [None] * count if state is None else split(state, count)
        leaves = []
        for k, part in enumerate(parts):
            worst = int(bound[k].argmin())
            counted = {p: w[k, worst].numpy() for p, w in weights.items()}
            guess = _guess(recording, k, worst, joint)
            leaves.append(Leaf(bound[k], replace(part, weights=counted, state=ended[k], guess=guess)))
        return leaves

    def _weights(self, recording: Recording, rows: Rows, parameters: Parameters) -> dict[int, torch.Tensor]:
        def slopes_only(position: int, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            nothing = v.new_zeros(v.shape[:2])
            return parameters.slopes[position], nothing, nothing

        return substitute(recording, rows.coefficients, slopes_only, exact=False).weights

    def refuted(self, leaves: Sequence[Leaf[Part]]) -> bool:
        guesses = [leaf.part.guess for leaf in leaves if leaf.worst <= 0.0 and leaf.part.guess is not None]
        return bool(guesses) and self.falsify is not None and self.falsify(torch.stack(guesses))


def _middle(region: ta.Region, argument: int) -> np.ndarray:
    """The middle of every box along one argument: never outside it."""
    low, high = region.lower[argument], region.upper[argument]
    return np.clip(low + 0.5 * (high - low), low, high)


def _clipped(region: ta.Region, argument: int, threshold: np.ndarray, above: bool) -> ta.Region:
    """The part of each box where the argument is at least (``above``) or at most the threshold; a box that would be
    empty stays whole."""
    lower, upper = region.lower.copy(), region.upper.copy()
    if above:
        tighter = np.maximum(lower[argument], threshold)
        lower[argument] = np.where(tighter <= upper[argument], tighter, lower[argument])
    else:
        tighter = np.minimum(upper[argument], threshold)
        upper[argument] = np.where(tighter >= lower[argument], tighter, upper[argument])
    return ta.Region(lower, upper, region.cuts)


def _stacked(regions: list[ta.Region]) -> ta.Region:
    """Regions of single samples as one batch."""

    def beside(arrays: list[np.ndarray]) -> np.ndarray:
        return np.ascontiguousarray(np.concatenate(arrays, axis=1))

    cuts = [region.cuts for region in regions if region.cuts is not None]
    clip = None
    if len(cuts) == len(regions):
        clip = ta.Cuts(
            beside([c.center for c in cuts]), beside([c.scale for c in cuts]), beside([c.width for c in cuts])
        )
    return ta.Region(beside([r.lower for r in regions]), beside([r.upper for r in regions]), clip)


def _strips(cuts: list[tuple[CutDeviation, ...]], symbols: int) -> Strips | None:
    """The cuts of every part, filled up with strips that say nothing."""
    count = max(len(c) for c in cuts)
    if count == 0:
        return None
    shape = (len(cuts), count)
    matrix = torch.zeros(*shape, symbols, dtype=torch.float64)
    low, high = torch.zeros(shape, dtype=torch.float64), torch.zeros(shape, dtype=torch.float64)
    for k, some in enumerate(cuts):
        for c, cut in enumerate(some):
            matrix[k, c], (low[k, c], high[k, c]) = cut.row, cut.strip
    return Strips(matrix, low, high)


def _padded(state: State, rows: int, strips: int) -> State:
    """The parent's state with a zero multiplier for every strip that it did not have."""
    if not strips:
        return state
    known = state.get("multipliers", torch.zeros(1, rows, 0))
    filled = torch.nn.functional.pad(known, (0, strips - known.shape[2]))
    return {**state, "multipliers": filled}


def _guess(recording: Recording, leaf: int, row: int, joint: Joint | None) -> torch.Tensor | None:
    """The sequence at the dual point of a leaf's worst row: near where the relaxation is worst."""
    if joint is None:
        return None
    x = recording.run.region.center[leaf].clone()
    for position, record in recording.inputs.items():
        if len(record.rows):
            point = joint.point[leaf, row, torch.from_numpy(record.rows)]
            node = recording.graph.nodes[position]
            x[node.frame] = record.center[leaf] + record.radius[leaf] * point  # pyright: ignore[reportAttributeAccessIssue]
    return x
