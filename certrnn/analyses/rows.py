"""Sound lower bounds of rows over any nodes: the one evaluation that every backward analysis ends in."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from certrnn.analyses.planes import Parameters, enclosed
from certrnn.analyses.quadratic_form import Deviations, cube_minimum, dominating_diagonal
from certrnn.analyses.recording import Recording, Strips
from certrnn.analyses.substitution import Substituted, ancestors, substitute
from certrnn.domains.rounding import TINY, up
from certrnn.ir import Elementwise
from transformers_abs.rounding import gamma


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows over the values of some nodes: ``coefficients[p]`` (B, R, size) over node p, plus ``offset`` (B, R)."""

    coefficients: dict[int, torch.Tensor]
    offset: torch.Tensor

    def nonlinear(self, recording: Recording) -> list[int]:
        """The elementwise nodes that the rows depend on, latest first."""
        nodes = recording.graph.nodes
        return [p for p in ancestors(recording, list(self.coefficients)) if isinstance(nodes[p], Elementwise)]

    def to(self, dtype: torch.dtype) -> Rows:
        return Rows({p: c.to(dtype) for p, c in self.coefficients.items()}, self.offset.to(dtype))


@dataclass(frozen=True, eq=False)
class Joint:
    """Parameters of the joint bound: ``weights`` d > 0 (B, 1 or R, m), ``ridge`` >= 0 and ``point`` (B, R, m)."""

    weights: torch.Tensor
    ridge: torch.Tensor
    point: torch.Tensor


def linear_part(recording: Recording, result: Substituted) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The rows over the noise symbols: constant (B, R), coefficients l (B, R, m), and a bound (B, R) on what
    rounding hides."""
    constant, error = result.constant, result.error
    linear = constant.new_zeros(*constant.shape, recording.symbols)
    additions = gamma(4 * len(recording.graph.nodes) + 8)
    for position, coefficient in result.inputs.items():
        record = recording.inputs[position]
        center = record.center.to(coefficient)
        constant = constant + torch.einsum("brn,bn->br", coefficient, center)
        size = torch.einsum("brn,bn->br", coefficient.abs(), recording.magnitude[position].to(coefficient))
        error = error + (gamma(center.shape[1] + 8) + additions) * size
        if len(record.rows):
            index = torch.from_numpy(record.rows).to(coefficient.device)
            linear = linear.index_copy(2, index, coefficient * record.radius.to(coefficient)[:, None])
    return constant, linear, error


def with_strips(
    strips: Strips | None,
    multipliers: torch.Tensor | None,
    part: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Constant, coefficients and error of the rows once each strip ``low <= a . s <= high`` takes its share: for any
    number g, ``l . s = (l - g a) . s + g (a . s) >= (l - g a) . s + min(g low, g high)``."""
    if strips is None or multipliers is None:
        return part
    constant, linear, error = part
    known = strips.to(linear)
    gained = torch.minimum(multipliers * known.low[:, None], multipliers * known.high[:, None])
    size = linear.abs().sum(2) + (multipliers.abs() @ known.matrix.abs()).sum(2)
    share = 2.0 * gamma(multipliers.shape[2] + linear.shape[2] + 8)
    error = error + share * (size + constant.abs() + gained.abs().sum(2))
    return constant + gained.sum(2), linear - multipliers @ known.matrix, error


def linear_minimum(recording: Recording, linear: torch.Tensor) -> torch.Tensor:
    """Lower bounds (B, R) of ``l . s`` over the symbols; groups in less than their cube count by their own norm."""
    groups = recording.run.space.groups
    if not groups:
        return -up(linear.abs().sum(2), linear.shape[2] + 4)
    return groups.reach(((0, linear.shape[2]),), linear.permute(2, 0, 1))[0]


def enclosed_rows(
    recording: Recording, rows: Rows, parameters: Parameters, joint: Joint | None = None
) -> torch.Tensor:
    """Sound lower bounds (B, R) of the rows, whatever the parameters are; -inf where nothing can be said.

    Without a ``joint`` there are no deficits: the planes are flat, whatever curvature the parameters have.
    """
    if joint is None:
        parameters = parameters.flat()
    result = substitute(recording, rows.coefficients, enclosed(recording, parameters), exact=True)
    strips = recording.strips
    constant, linear, error = with_strips(strips, parameters.multipliers, linear_part(recording, result))
    positions = rows.nonlinear(recording)
    curved = joint is not None and any(bool((parameters.curvature[p] != 0).any()) for p in positions)
    if curved:
        assert joint is not None
        form = {p: parameters.curvature[p] * result.weights[p] for p in positions}
        deviations = Deviations.of(recording, positions, torch.float64)
        diagonal = up(dominating_diagonal(deviations, form, joint.weights) + joint.ridge, 2)
        minimum = cube_minimum(deviations, form, linear, diagonal, joint.point)
    else:
        minimum = linear_minimum(recording, linear)
    size = constant.abs() + minimum.abs() + rows.offset.abs() + error
    # a per mille for the sums of non-negative terms inside the error itself
    hidden = error + gamma(4 * len(recording.graph.nodes) + 16) * size + TINY
    bound = constant + minimum + rows.offset - 1.001 * hidden
    return torch.where(recording.failed[:, None] | bound.isnan(), -torch.inf, bound)
