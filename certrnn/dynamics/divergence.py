"""The disturbance that a condition promises, constructed and measured in float64.

One disturbed frame brings the error away from e = 0. From there on nothing is disturbed any more, and where
``mu(-A) < 0`` along the tube the error must grow at every step, in the norm of the measure, by the certified factor
(:func:`certrnn.dynamics.bounds.discrete_growth`). Beside it the fixed-point disturbance (eq. 16) goes on pushing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from certrnn.attacks import Distance, FixedPoint
from certrnn.cells import unroll
from certrnn.dynamics.bounds import discrete_growth
from certrnn.dynamics.conditions import Measured
from certrnn.dynamics.enclosure import Layer
from certrnn.ir import GraphBuilder
from certrnn.regions import Region


@dataclass(frozen=True)
class Divergence:
    """What was measured, in one norm.

    Args:
        norm: of the error.
        frame: the frame of the sequence that was disturbed.
        first, last: norms of the error after that frame and after the last one.
        growth: ``last / first`` as measured, and the certified lower bound on it.
        certified: that lower bound.
        monotone: the error grew at every step.
        pushed: norm of the last error under the fixed-point disturbance of all frames that may be disturbed.
    """

    norm: str
    frame: int
    first: float
    last: float
    growth: float
    certified: float
    monotone: bool
    pushed: float


def diverge(layer: Layer, region: Region, measured: Measured, times: tuple[int, ...]) -> Divergence | None:
    """Disturb one frame and watch the error; None for a layer that does not read the frames themselves.

    Args:
        region: a batch of one; the disturbed frame stays in it, the others are the nominal ones, so all states stay in
            the region's tube.
        measured: Theorem 1 in the norm of interest, over the tube, at the steps ``times``.
    """
    if not layer.reads_input or not times:
        return None
    kick = times[0] - 1
    frame = layer.reads_input[kick]
    nominal, start = region.center[:, list(layer.reads_input)], _midpoint(layer.states[0])
    reached = trajectory(layer, start, nominal)
    moved = nominal.clone()
    moved[:, kick] = _kicked(layer, region, reached[kick], frame)
    errors = [a - b for a, b in zip(trajectory(layer, start, moved), reached, strict=True)]
    sizes = [float(measured.norm.of_vector(e)) for e in errors[kick + 1 :]]
    # the last step's state has no further step: K states after the kick, K - 1 steps between them
    certified = discrete_growth([float(m) for m in measured.steps])
    pushed = trajectory(layer, start, _pushed(layer, region, nominal))[-1] - reached[-1]
    return Divergence(
        str(measured.norm),
        frame,
        sizes[0],
        sizes[-1],
        sizes[-1] / sizes[0] if sizes[0] > 0 else 0.0,
        certified,
        all(a < b for a, b in pairwise(sizes)),
        float(measured.norm.of_vector(pushed)),
    )


def trajectory(layer: Layer, start: torch.Tensor, frames: torch.Tensor) -> list[torch.Tensor]:
    """T + 1 states (1, n) of the layer from ``start`` along ``frames`` (1, T, m)."""
    states = [start]
    with torch.no_grad():
        for k in range(frames.shape[1]):
            states.append(layer.step(states[-1], frames[:, k]))
    return states


def _midpoint(box: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    return 0.5 * box[0] + 0.5 * box[1]


def _kicked(layer: Layer, region: Region, state: torch.Tensor, frame: int) -> torch.Tensor:
    """(1, m) the frame moved as far as the region allows, along the leading direction of ``grad_x F``."""
    x = region.center[:, frame]
    inward = layer.step.jacobians(state, x)[1][0]
    direction = torch.linalg.svd(inward).Vh[0]
    best, size = x, -1.0
    for sign in (-1.0, 1.0):
        far = region.center.clone()
        far[:, frame] += sign * 1e9 * torch.where(direction == 0, 1e-9, direction)
        near = region.project(far)[:, frame]
        near = x + (near - x) * (1.0 - 2.0**-20)  # strictly inside, whatever the rounding
        moved = float((layer.step(state, near) - layer.step(state, x)).abs().max())
        if moved > size:
            best, size = near, moved
    return best


def _pushed(layer: Layer, region: Region, nominal: torch.Tensor) -> torch.Tensor:
    """(1, T, m) the frames under the fixed-point disturbance of the layer's states."""
    builder = GraphBuilder()
    cell = layer.recurrence.cell
    inputs = [builder.input(k, nominal.shape[2]) for k in range(nominal.shape[1])]
    parts = _midpoint(layer.states[0])[0].split(cell.hidden)
    initial = tuple(builder.constant(p) if bool(p.any()) else None for p in parts)
    states = unroll(builder, cell, inputs, initial)
    last = [p for p in states[-1] if p is not None]
    graph = builder.build(builder.gather(last, np.arange(layer.step.size)))
    ends = [region.project(region.center + 1e9 * sign) for sign in (-1.0, 1.0)]
    order = list(layer.reads_input)
    lower, upper = torch.minimum(*ends)[:, order], torch.maximum(*ends)[:, order]
    online = FixedPoint(Distance()).start(graph, lambda k, _: (lower[:, k], upper[:, k]))
    return torch.stack([online.step(nominal[:, k]) for k in range(nominal.shape[1])], dim=1)
