"""The least value of a linear form over a region: its support function, on boxes and by the dual norm."""

from __future__ import annotations

import torch

from certrnn.domains import Interval
from certrnn.domains.rounding import down, up
from certrnn.domains.zonotope.groups import dual_norm
from certrnn.regions import ChoiceConstraint, Constraint, EditsConstraint, NormConstraint

Coefficients = dict[int, torch.Tensor]
"""For each frame that the form reads, (B, R, features)."""


def least(
    boxes: dict[int, Interval], constraints: tuple[Constraint, ...], coefficients: Coefficients
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lower bounds (B, R) of ``sum_t coefficients[t] . x_t`` over the region, and the size of the terms that they are
    sums of: adding them up is left to be enclosed.

    Args:
        boxes: an enclosure of every frame that the form reads.
        constraints: what else holds of the frames; the better of box and constraint is taken for each.
    """
    groups = [[t for t in constraint.frames if t in coefficients] for constraint in constraints]
    free = set(coefficients) - {t for group in groups for t in group}
    parts = [_on_boxes(boxes, coefficients, [t]) for t in sorted(free)]
    for constraint, group in zip(constraints, groups, strict=True):
        if group:
            parts.append(_better(_on_boxes(boxes, coefficients, group), _tied(constraint, coefficients)))
    values, sizes = (torch.stack(each).sum(0) for each in zip(*parts, strict=True))
    return values, sizes


Bound = tuple[torch.Tensor, torch.Tensor]


def _better(one: Bound, other: Bound) -> Bound:
    # fmax: a bound that overflowed to nan says nothing
    return torch.fmax(one[0], other[0]), one[1] + other[1]


def _on_boxes(boxes: dict[int, Interval], coefficients: Coefficients, frames: list[int]) -> Bound:
    middles, radii = zip(*(boxes[t].midpoint() for t in frames), strict=True)
    coefficient, middle, radius = (
        torch.cat(parts, dim=-1) for parts in ([coefficients[t] for t in frames], middles, radii)
    )
    center = torch.einsum("brn,bn->br", coefficient, middle)
    spread = torch.einsum("brn,bn->br", coefficient.abs(), radius)
    return _lowered(center, spread, coefficient, middle.abs() + radius)


def _tied(constraint: Constraint, coefficients: Coefficients) -> Bound:
    match constraint:
        case NormConstraint():
            return _in_norm(constraint, coefficients)
        case ChoiceConstraint():
            return _among(constraint, coefficients[constraint.frame])
        case EditsConstraint():
            return _edited(constraint, coefficients)


def _in_norm(constraint: NormConstraint, coefficients: Coefficients) -> Bound:
    """``c . center - || c radius ||`` in the dual norm (Hoelder), which is attained on the ball."""
    positions = [k for k, t in enumerate(constraint.frames) if t in coefficients]
    center, radius = (v[:, positions].flatten(1) for v in (constraint.center, constraint.radius))
    coefficient = torch.cat([coefficients[constraint.frames[k]] for k in positions], dim=-1)
    spread = dual_norm((coefficient * radius[:, None]).permute(2, 0, 1), constraint.order)
    middle = torch.einsum("brn,bn->br", coefficient, center)
    return _lowered(middle, spread, coefficient, center.abs() + radius)


def _among(constraint: ChoiceConstraint, coefficient: torch.Tensor) -> Bound:
    """The least value at one of the points."""
    points = constraint.points
    value = torch.einsum("brn,bkn->brk", coefficient, points).amin(2)
    size = torch.einsum("brn,bn->br", coefficient.abs(), points.abs().amax(1))
    return down(value, 1.001 * size, coefficient.shape[2] + 3), size


def _edited(constraint: EditsConstraint, coefficients: Coefficients) -> Bound:
    """The value at the center without the largest gains beside it, see :meth:`.EditsConstraint.gained`."""
    own = constraint.on([k for k, t in enumerate(constraint.frames) if t in coefficients])
    gains, values, sizes = [], [], []
    for k, frame in enumerate(own.frames):
        coefficient, center = coefficients[frame], own.center[:, k]
        points = torch.where(own.allowed[:, k, :, None], own.pool, center[:, None])
        value = torch.einsum("brn,bn->br", coefficient, center)
        lowest = torch.einsum("brn,bvn->brv", coefficient, points).amin(2)
        gains.append((value - lowest).clamp_min(0.0))
        values.append(value)
        peak = torch.maximum(points.abs().amax(1), center.abs())
        sizes.append(torch.einsum("brn,bn->br", coefficient.abs(), peak))
    total = torch.stack(values).sum(0) - own.gained(torch.stack(gains, dim=1))
    # the value at the center, and for each gain that and another
    size = 3.0 * torch.stack(sizes).sum(0)
    return down(total, 1.001 * size, own.center.shape[2] + 3 * len(values) + 8), size


def _lowered(
    center: torch.Tensor, spread: torch.Tensor, coefficient: torch.Tensor, magnitude: torch.Tensor
) -> Bound:
    """``center - spread`` with the rounding of both; every value is at most ``magnitude`` (B, n)."""
    terms = coefficient.shape[2] + 8
    size = torch.einsum("brn,bn->br", coefficient.abs(), magnitude)
    return down(center - up(spread, terms), 1.001 * size, terms), size
