"""Planes with a quadratic deficit: the parameters, their enclosed offsets, and their sampled offsets.

For the coefficient v of a neuron the replaced lower side is ``v f >= v slope . x + |v| kappa - |v| e^T M e``. Any
slope and any M are sound once kappa is enclosed. Sampled offsets take kappa as a minimum over fixed points: not
sound, but differentiable and hundreds of times cheaper; they serve to choose the parameters, never to certify.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

import transformers_abs as ta
from certrnn.analyses.recording import NodeRecord, Recording
from certrnn.analyses.substitution import Planes
from certrnn.arrays import to_numpy, to_tensor
from certrnn.domains.rounding import TINY
from transformers_abs.rounding import gamma


@dataclass(eq=False)
class Parameters:
    """Per elementwise node: ``slopes`` (arity, B, R, n) and ``curvature`` (q, B, R, n), the entries xx, xy, yy of M
    (q = 3) or xx alone (q = 1). ``multipliers`` (B, R, C) of the recording's strips, any numbers, or None for zero."""

    slopes: dict[int, torch.Tensor]
    curvature: dict[int, torch.Tensor]
    multipliers: torch.Tensor | None = None

    def flat(self) -> Parameters:
        """The same without deficits."""
        curvature = {p: torch.zeros_like(c) for p, c in self.curvature.items()}
        return Parameters(self.slopes, curvature, self.multipliers)


def spread_rows(array: np.ndarray, batch: int, rows: int) -> np.ndarray:
    """(k, B * n) repeated for each of ``rows`` rows: (k, B * R * n)."""
    k, total = array.shape
    shaped = array.reshape(k, batch, 1, total // batch)
    return np.ascontiguousarray(np.broadcast_to(shaped, (k, batch, rows, total // batch)).reshape(k, -1))


def enclosed(recording: Recording, parameters: Parameters) -> Planes:
    """Planes whose kappa is enclosed, rounding included: the ones that certify."""

    def planes(position: int, coefficient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        record = recording.nodes[position]
        slopes, curvature = parameters.slopes[position], parameters.curvature[position]
        kappa = _enclosed_offsets(record, coefficient, slopes, curvature)
        weight = coefficient.abs()
        terms = weight * kappa
        size = (terms.abs()).sum(2)
        error = gamma(coefficient.shape[2] + 6) * size
        return slopes, terms.sum(2), error + _remainder(record, weight, curvature)

    return planes


def _enclosed_offsets(
    record: NodeRecord, coefficient: torch.Tensor, slopes: torch.Tensor, curvature: torch.Tensor
) -> torch.Tensor:
    """Lower bound (B, R, n) of ``sign(v) (f - slope . x) + e^T M e`` on the region of each neuron."""
    # one side is needed: below for v >= 0, where M is added to f, and above for v < 0, where it is taken from f
    sign = torch.where(coefficient >= 0, 1.0, -1.0)
    if bool((curvature != 0).any()):
        lower, upper = _residual(record, slopes, -sign * curvature)
    elif slopes.shape[2] > 1 and slopes.stride(2) == 0:
        # all rows share their slopes: one enclosure a neuron
        lower, upper = _residual(record, slopes[:, :, :1], None)
    else:
        lower, upper = _residual(record, slopes, None)
    return torch.where(coefficient >= 0, lower, -upper)


def _residual(
    record: NodeRecord, slopes: torch.Tensor, bowl: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Enclosure (B, R, n) of ``f - slope . x - bowl(e)`` on the region of each neuron, for every row."""
    arity, batch, rows, size = slopes.shape
    lower, upper, center, scale = (
        spread_rows(a, batch, rows)
        for a in (
            record.region.lower,
            record.region.upper,
            *(to_numpy(t.reshape(arity, -1)) for t in (record.center, record.scale)),
        )
    )
    cuts = record.region.cuts
    clip = None
    if cuts is not None:
        clip = ta.Cuts(*(spread_rows(a, batch, rows) for a in (cuts.center, cuts.scale, cuts.width)))
    quadratic = None
    if bowl is not None:
        flat = np.ascontiguousarray(to_numpy(bowl.reshape(len(bowl), -1)))
        quadratic = ta.Quadratic(flat, center, scale)
    chosen = np.ascontiguousarray(to_numpy(slopes.reshape(arity, -1)))
    finite = np.isfinite(chosen)  # of slopes that overflowed nothing is known
    residual = record.node.transformer.residual(
        np.where(finite, chosen, 0.0), ta.Region(lower, upper, clip), quadratic
    )
    known = finite.all(axis=0)
    bounds = np.where(known, residual.lower, -np.inf), np.where(known, residual.upper, np.inf)
    ends = (to_tensor(bound.reshape(batch, rows, size), slopes) for bound in bounds)
    return tuple(ends)  # pyright: ignore[reportReturnType]


def _remainder(record: NodeRecord, weight: torch.Tensor, curvature: torch.Tensor) -> torch.Tensor:
    """What ``|v| e^T M e`` may differ from its form in the symbols, (B, R): the deviations' slack, and the rounding of
    ``|v| M``. With ``|e_i| <= 1 + r_i`` and slack r_i, a product changes by at most
    ``r_i (1 + r_j) + r_j (1 + r_i) + r_i r_j``, argument by argument: one that hardly moves may be all slack."""
    slack = [d.slack[:, None] for d in record.deviations]
    pairs = [(0, 0)] if len(curvature) == 1 else [(0, 0), (0, 1), (1, 1)]
    size = torch.zeros_like(weight)
    for entry, (i, j) in zip(curvature, pairs, strict=True):
        a, b = slack[i], slack[j]
        change = a * (1.0 + b) + b * (1.0 + a) + a * b + gamma(8) * (1.0 + a) * (1.0 + b)
        size = size + ((1.0 if i == j else 2.0) * entry.abs() * change + TINY)
    return (size * weight).sum(2)


@dataclass(frozen=True, eq=False)
class Samples:
    """Points of a neuron's region with ``f`` and the monomials there: ``table`` (B * n, 1 + arity + q, P)."""

    table: torch.Tensor
    batch: int

    @staticmethod
    def of(
        record: NodeRecord, dtype: torch.dtype, rings: tuple[float, ...] = (1.0, 0.67, 0.33), angles: int = 24
    ) -> Samples:
        points, deviations = _points(record, rings, angles)
        value = record.node.transformer.value(*points, xp=torch)
        monomials = (
            deviations[:1] ** 2
            if len(points) == 1
            else torch.stack([deviations[0] ** 2, 2 * deviations[0] * deviations[1], deviations[1] ** 2])
        )
        # slopes act on deviations from the center: small numbers, fit for single precision
        moved = points - record.center.reshape(len(points), -1, 1)
        table = torch.cat([value[None], -moved, monomials])
        return Samples(table.permute(1, 0, 2).to(dtype).contiguous(), record.shape[1])

    def offsets(self, sign: torch.Tensor, slopes: torch.Tensor, curvature: torch.Tensor) -> torch.Tensor:
        """Smallest sampled ``sign (f - slope . (x - center)) + e^T M e``, (B, R, n); differentiable in slopes and
        M."""
        batch, rows, size = sign.shape
        parameters = torch.cat([sign[None], sign * slopes, curvature])
        flat = parameters.permute(1, 3, 2, 0).reshape(batch * size, rows, -1)
        return torch.bmm(flat, self.table).amin(2).reshape(batch, size, rows).transpose(1, 2)


def _points(record: NodeRecord, rings: tuple[float, ...], angles: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sample points (arity, B * n, P) and their deviations: on rays from the middle of the box to the clipped
    boundary."""
    like = record.center
    arity = len(like)
    lower, upper = (to_tensor(a, like) for a in (record.region.lower, record.region.upper))
    center, scale = record.center.reshape(arity, -1), record.scale.reshape(arity, -1)
    middle = 0.5 * (lower + upper)
    if arity == 1:
        nodes = torch.cos(torch.linspace(0.0, np.pi, angles + 1, dtype=like.dtype, device=like.device))
        points = middle[..., None] + (0.5 * (upper - lower))[..., None] * nodes
        return points, (points - center[..., None]) * scale[..., None]
    start = (middle - center) * scale
    theta = torch.arange(angles, dtype=like.dtype, device=like.device) * (2 * np.pi / angles)
    rays = torch.stack([torch.cos(theta), torch.sin(theta)])
    rows = [np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])]
    high, low = (upper - center) * scale, (lower - center) * scale
    bounds = [(high[0], low[0]), (high[1], low[1])]
    if record.region.cuts is not None:
        width = to_tensor(record.region.cuts.width, like)
        rows += [d[None] for d in ta.DIRECTIONS]
        bounds += [(w, -w) for w in width]
    reach = torch.full((start.shape[1], angles), torch.inf, dtype=like.dtype, device=like.device)
    for row, (above, below) in zip(rows, bounds, strict=True):
        a, b = row[0]
        speed, base = a * rays[0] + b * rays[1], a * start[0] + b * start[1]
        room = torch.where(speed > 0, above[:, None] - base[:, None], below[:, None] - base[:, None])
        reach = torch.where(speed.abs() > 1e-9, torch.minimum(reach, room / speed), reach)
    reach = reach.clamp_min(0.0)
    parts = [start[..., None]] + [
        start[..., None] + (ring * reach)[None] * rays[:, None, :] for ring in rings
    ]
    deviations = torch.cat(parts, dim=2)
    return center[..., None] + deviations / scale[..., None], deviations


def sampled(recording: Recording, parameters: Parameters, samples: dict[int, Samples]) -> Planes:
    """Planes whose kappa is a minimum over sample points: differentiable, for choosing parameters only."""

    def planes(position: int, coefficient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        slopes, curvature = parameters.slopes[position], parameters.curvature[position]
        sign = torch.where(coefficient >= 0, 1.0, -1.0).to(coefficient)
        kappa = samples[position].offsets(sign, slopes, curvature)
        center = recording.nodes[position].center.to(coefficient)
        # the table's slopes act on x - center: put sign * slope . center back
        kappa = kappa - sign * torch.einsum("abrn,abn->brn", slopes, center)
        return slopes, (coefficient.abs() * kappa).sum(2), coefficient.new_zeros(())

    return planes
