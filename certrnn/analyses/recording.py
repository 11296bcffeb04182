"""A zonotope propagation that keeps what backward substitution needs.

For every elementwise node: the region of its arguments, and their *deviations*, the normalised arguments
``e = (x - center) * scale`` as linear functions of the noise symbols.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch

import transformers_abs as ta
from certrnn.arrays import to_tensor
from certrnn.domains import Zonotope, Zonotopes, propagate
from certrnn.domains.rounding import up
from certrnn.domains.zonotope.propagation import ZonotopeRun
from certrnn.domains.zonotope.space import SymbolSpace
from certrnn.ir import Elementwise, Graph, Input
from certrnn.regions import Region
from transformers_abs.rounding import UNIT_ROUNDOFF
from transformers_abs.slopes import SlopePolicy


@dataclass(frozen=True, eq=False)
class Deviation:
    """``e = matrix^T s + remainder``, ``|remainder| <= slack``: matrix (m, B, n) on the symbols ``rows`` (m,)."""

    rows: np.ndarray
    matrix: torch.Tensor
    slack: torch.Tensor


@dataclass(frozen=True, eq=False)
class NodeRecord:
    """One elementwise node: ``region`` (arity, B * n) of its arguments; ``center`` and ``scale`` (arity, B, n)
    define the deviations, one an argument."""

    node: Elementwise
    region: ta.Region
    center: torch.Tensor
    scale: torch.Tensor
    deviations: tuple[Deviation, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(arity, B, n)."""
        return tuple(self.center.shape)  # pyright: ignore[reportReturnType]

    def selected(self, rows: torch.Tensor) -> NodeRecord:
        """The record of the batch rows ``rows``, which may repeat."""
        _, batch, size = self.shape

        def pick(array: np.ndarray) -> np.ndarray:
            shaped = array.reshape(len(array), batch, size)[:, rows.cpu().numpy()]
            return np.ascontiguousarray(shaped.reshape(len(array), -1))

        cuts, region = self.region.cuts, self.region
        clip = None if cuts is None else ta.Cuts(pick(cuts.center), pick(cuts.scale), pick(cuts.width))
        deviations = tuple(Deviation(d.rows, d.matrix[:, rows], d.slack[rows]) for d in self.deviations)
        chosen = ta.Region(pick(region.lower), pick(region.upper), clip)
        return NodeRecord(self.node, chosen, self.center[:, rows], self.scale[:, rows], deviations)


@dataclass(frozen=True, eq=False)
class InputRecord:
    """A frame ``x = center + radius * s`` on the symbols ``rows``; radius is zero and rows empty where undisturbed."""

    center: torch.Tensor
    radius: torch.Tensor
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class Strips:
    """What a part of a region knows of its symbols beside the cube: ``low <= matrix s <= high``, matrix (B, C, m) and
    the bounds (B, C); rows of zeros say nothing."""

    matrix: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor

    def to(self, like: torch.Tensor) -> Strips:
        return Strips(self.matrix.to(like), self.low.to(like), self.high.to(like))


@dataclass(eq=False)
class Recording:
    """What one propagation has seen so far. ``magnitude[p]`` bounds ``|value p|`` from above, (B, size); ``strips``
    hold on the part of the region that is looked at, or None; ``chosen`` keeps what policies chose for a node.

    Rows of the batch in ``overflowed`` (B,) have a zonotope that is no set of numbers any more, though its box may be
    one: their records are stand-ins, and nothing is proved by them.
    """

    graph: Graph
    run: ZonotopeRun
    overflowed: torch.Tensor
    nodes: dict[int, NodeRecord] = field(default_factory=dict)
    inputs: dict[int, InputRecord] = field(default_factory=dict)
    magnitude: dict[int, torch.Tensor] = field(default_factory=dict)
    strips: Strips | None = None
    chosen: dict[tuple[SlopePolicy, int], tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)

    def policy_slopes(self, policy: SlopePolicy, position: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Slopes (arity, B, n) that a policy chooses for a node, and the width (B, n) of the enclosure they give.

        Kept: the region of a node that was recorded does not change.
        """
        key = policy, position
        if key not in self.chosen:
            node_record = self.nodes[position]
            slopes = policy(node_record.node.transformer, node_record.region)
            residual = node_record.node.transformer.residual(slopes, node_record.region)
            width = to_tensor(
                (residual.upper - residual.lower).reshape(node_record.shape[1:]), node_record.center
            )
            self.chosen[key] = to_tensor(slopes, node_record.center).reshape(node_record.shape), width
        return self.chosen[key]

    @property
    def batch(self) -> int:
        return self.run.region.batch

    @property
    def failed(self) -> torch.Tensor:
        """(B,) bool: of these rows of the batch the records say nothing."""
        return self.run.failed | self.overflowed

    @property
    def symbols(self) -> int:
        return self.run.space.size

    def selected(self, rows: torch.Tensor) -> Recording:
        """What was recorded of the batch rows ``rows``, which may repeat.

        Symbols count by their cube alone from here on: groups belong to the rows of the batch that made them.
        """
        space = SymbolSpace()
        space.append(self.symbols)
        region, failed = self.run.region.select(rows), self.run.failed[rows]
        run = replace(self.run, region=region, failed=failed, space=space)
        inputs = {p: InputRecord(i.center[rows], i.radius[rows], i.rows) for p, i in self.inputs.items()}
        nodes = {p: node.selected(rows) for p, node in self.nodes.items()}
        sizes = {p: m[rows] for p, m in self.magnitude.items()}
        return Recording(self.graph, run, self.overflowed[rows], nodes, inputs, sizes)


Refine = Callable[[Recording, int, NodeRecord], ta.Region]
"""Given the recording up to a node and the node's own record, a tighter region of its arguments."""


def record(
    graph: Graph, region: Region, domain: Zonotopes, refine: Refine | None = None
) -> tuple[Recording, Zonotope]:
    """Propagate and keep records; ``refine`` may tighten each argument region before it is relaxed.

    Returns the recording and the output's zonotope.
    """
    run = domain.start(region)
    recording = Recording(graph, run, torch.zeros_like(run.failed))

    def tighten(position: int, arguments: list[Zonotope], box: ta.Region) -> ta.Region:
        node = graph.nodes[position]
        assert isinstance(node, Elementwise)
        bad = torch.stack([_overflowed(value) for value in arguments]).any(0)
        recording.overflowed |= bad
        node_record = _node_record(node, arguments, box, bad)
        if refine is not None:
            box = refine(recording, position, node_record)
            node_record = NodeRecord(node, box, node_record.center, node_record.scale, node_record.deviations)
        recording.nodes[position] = node_record
        return box

    def observe(position: int, value: Zonotope, _: ta.Region | None) -> None:
        lower, upper = recording.run.bounds(value)
        recording.magnitude[position] = torch.maximum(lower.abs(), upper.abs())
        if isinstance(graph.nodes[position], Input):
            recording.inputs[position] = _input_record(value)

    return recording, propagate(graph, recording.run, observe, tighten)


def _overflowed(value: Zonotope) -> torch.Tensor:
    """(B,) bool: whether a center, a radius (every generator counts in it) or a slack is infinite or nan."""
    finite = value.center.isfinite() & value.radius.isfinite() & value.slack.isfinite()
    return ~finite.all(1)


def _node_record(
    node: Elementwise, arguments: list[Zonotope], box: ta.Region, bad: torch.Tensor
) -> NodeRecord:
    """The record of a node; rows of the batch that are ``bad`` (B,) get stand-ins that are numbers."""

    def numbers(value: torch.Tensor, stand_in: float) -> torch.Tensor:
        return torch.where(bad[:, None], stand_in, value)

    center = torch.stack([numbers(v.center, 0.0) for v in arguments])
    radius = torch.stack([numbers(v.radius, 1.0) for v in arguments])
    scale = 1.0 / radius.clamp_min(2.0**-900)
    deviations = []
    for value, s in zip(arguments, scale, strict=True):
        generators = value.generators.expand()
        # each entry g * s is rounded once; sum_k |g_k| s is at most one, up to rounding
        slack = up(numbers(value.slack, 1.0) * s + 4.0 * UNIT_ROUNDOFF, 2)
        deviations.append(Deviation(generators.rows, numbers(generators.dense * s, 0.0), slack))
    return NodeRecord(node, box, center, scale, tuple(deviations))


def _input_record(value: Zonotope) -> InputRecord:
    """A frame's own symbols. A frame that moves by anything else would be taken as fixed, so that is an error.

    Raises:
        ValueError: the frame depends on symbols that are not its diagonal, or has slack.
    """
    diagonal = value.generators.diagonal
    own = 0 if diagonal is None else len(diagonal.rows)
    if value.generators.count != own or bool((value.slack != 0).any()):
        raise ValueError(
            f"recording an input: it moves by its own symbols only; got {value.generators.count} symbols, {own} its own"
        )
    if diagonal is None:
        return InputRecord(value.center, torch.zeros_like(value.center), np.zeros(0, np.int64))
    return InputRecord(value.center, diagonal.values, diagonal.rows)
