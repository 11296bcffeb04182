"""Bounds of every node in program order: intervals, tightened by backward substitution before each nonlinearity."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

import transformers_abs as ta
from certrnn.analyses.substitution import substitute
from certrnn.arrays import to_numpy
from certrnn.baselines.popqorn.planes import Fit, PlanePair
from certrnn.baselines.popqorn.support import least
from certrnn.domains import Interval, Intervals, propagate
from certrnn.domains.interval import IntervalRun
from certrnn.domains.rounding import down
from certrnn.ir import Elementwise, Graph, Input
from certrnn.regions import Region
from transformers_abs.rounding import gamma


@dataclass(eq=False)
class Boxes:
    """What is known up to some node. ``magnitude[p]`` bounds ``|value p|``, (B, size); ``inputs[t]`` encloses
    frame t, ``planes[p]`` the function of the elementwise node p, and ``ends[p]`` the value where it was asked
    for.

    Args:
        fit: chooses the planes' slopes.
        chunk: rows that are substituted at once.
    """

    graph: Graph
    run: IntervalRun
    fit: Fit
    chunk: int = 512
    magnitude: dict[int, torch.Tensor] = field(default_factory=dict)
    inputs: dict[int, Interval] = field(default_factory=dict)
    planes: dict[int, PlanePair] = field(default_factory=dict)
    ends: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)

    @staticmethod
    def of(graph: Graph, region: Region, fit: Fit) -> tuple[Boxes, Interval]:
        """Everything up to the output, and the output's interval."""
        boxes = Boxes(graph, Intervals().start(region), fit)
        return boxes, propagate(graph, boxes.run, boxes._observe, boxes._tighten)

    def _observe(self, position: int, value: Interval, _: ta.Region | None) -> None:
        self.magnitude[position] = value.magnitude()
        if isinstance(self.graph.nodes[position], Input):
            self.inputs[self._frame(position)] = value

    def _tighten(self, position: int, arguments: list[Interval], box: ta.Region) -> ta.Region:
        """The region that the arguments' own backward bounds leave of their intervals, and the planes on it."""
        node = self.graph.nodes[position]
        assert isinstance(node, Elementwise)
        lower, upper = box.lower.copy(), box.upper.copy()
        for k, source in enumerate(node.sources):
            low, high = (to_numpy(end).reshape(-1) for end in self._ends(source))
            np.fmax(lower[k], low, out=lower[k])
            np.fmin(upper[k], high, out=upper[k])
        region = ta.Region(lower, upper)
        self.planes[position] = PlanePair.of(node.transformer, region, self.fit, arguments[0].lower)
        return region

    def _ends(self, source: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Backward bounds (B, n) of a node's value, found once."""
        if source not in self.ends:
            batch, size = self.magnitude[source].shape
            eye = torch.eye(size, dtype=torch.float64, device=self.run.failed.device)
            both = torch.cat([eye, -eye]).expand(batch, -1, -1)
            bound = self.lower(source, both, both.new_zeros(batch, 2 * size))
            self.ends[source] = bound[:, :size], -bound[:, size:]
        return self.ends[source]

    def lower(self, position: int, rows: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        """Sound lower bounds (B, R) of ``rows @ value + offset`` by substitution, ``rows`` (B, R, size) over the node;
        -inf where nothing can be said."""
        pairs = zip(rows.split(self.chunk, dim=1), offset.split(self.chunk, dim=1), strict=True)
        parts = [self._lower(position, *pair) for pair in pairs]
        return torch.cat(parts, dim=1) if parts else offset

    def _lower(self, position: int, rows: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        def planes(p: int, coefficient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            return self.planes[p].substituted(coefficient)

        result = substitute(self, {position: rows}, planes, exact=True)
        value, size = result.constant + offset, result.constant.abs() + offset.abs()
        hidden = result.error
        if result.inputs:
            forms, joined = self._by_frame(result.inputs)
            lowest, terms = least(self.inputs, self.run.region.constraints, forms)
            value, size, hidden = value + lowest, size + terms, hidden + joined
        # a per mille for the sums of non-negative terms inside the error and the sizes themselves
        error = 1.001 * hidden
        bound = down(value - error, 1.001 * size + error, 2 * len(self.graph.nodes) + 8)
        return torch.where(self.run.failed[:, None] | bound.isnan(), -torch.inf, bound)

    def _by_frame(
        self, inputs: dict[int, torch.Tensor]
    ) -> tuple[dict[int, torch.Tensor], torch.Tensor | float]:
        """Coefficients (B, R, features) by frame, which several nodes may read, and what adding them up hides (B, R):
        a share of every single term, since they may cancel."""
        forms: dict[int, torch.Tensor] = {}
        hidden: torch.Tensor | float = 0.0
        for position, coefficient in inputs.items():
            frame = self._frame(position)
            if frame in forms:
                size = self.inputs[frame].magnitude()
                both = forms[frame].abs() + coefficient.abs()
                hidden = hidden + gamma(2) * torch.einsum("brn,bn->br", both, size)
                coefficient = forms[frame] + coefficient
            forms[frame] = coefficient
        return forms, hidden

    def _frame(self, position: int) -> int:
        node = self.graph.nodes[position]
        assert isinstance(node, Input)
        return node.frame
