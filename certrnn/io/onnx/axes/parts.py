"""Which parts of the input's axes make up the axes of a tensor: exact for every movement of data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

UNKNOWN = -1


@dataclass(frozen=True)
class Part:
    """``span`` positions along axis ``axis`` of the input, ``stride`` apart, of which windows and slices leave
    ``size``. Axis ``UNKNOWN``: of no one axis of the input."""

    axis: int
    span: int
    stride: int = 1
    size: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", self.size or self.span)

    @property
    def source(self) -> tuple[int, int]:
        """What it stands for, whatever its length: axis and stride."""
        return self.axis, self.stride


Axis = tuple[Part, ...]
"""One axis of a tensor: the parts that lie in it one after the other, slowest first; () for length 1."""

Axes = tuple[Axis, ...]


def unknown(size: int) -> Axis:
    """An axis of no known origin."""
    return (Part(UNKNOWN, size),) if size != 1 else ()


def length(axis: Axis) -> int:
    """Number of positions."""
    return math.prod(part.size for part in axis)


def sources(axis: Axis) -> tuple[tuple[int, int], ...]:
    """Origins of an axis."""
    return tuple(part.source for part in axis)


def resized(axis: Axis, size: int) -> Axis:
    """After a window, a slice or padding along the axis."""
    if size == length(axis):
        return axis
    if len(axis) != 1:
        return unknown(size)
    return (replace(axis[0], size=size),) if size else unknown(size)


def merged(left: Axis, right: Axis, size: int) -> Axis:
    """Of a sum of two tensors: the axis that both share, or the one that is not repeated."""
    if length(left) != size:
        return right if length(right) == size else unknown(size)
    if length(right) != size or not right or sources(left) == sources(right):
        return left
    if not left:
        return right
    known = [axis for axis in (left, right) if all(part.axis != UNKNOWN for part in axis)]
    return known[0] if len(known) == 1 else unknown(size)


def reshaped(axes: Axes, shape: Sequence[int]) -> Axes | None:
    """The axes after a reshape, which regroups positions in row-major order; None where parts do not divide."""
    if math.prod(length(axis) for axis in axes) != math.prod(shape) or 0 in shape:
        return None
    left = [part for axis in axes for part in axis]
    out_axes: list[Axis] = []
    for size in shape:
        taken = _taken(left, size)
        if taken is None:
            return None
        out_axes.append(taken)
    return tuple(out_axes)


def _taken(left: list[Part], size: int) -> Axis | None:
    """The next parts with ``size`` positions together, removed from ``left``."""
    if size == 1:
        return (left.pop(0),) if left and left[0].size == 1 else ()
    while left and left[0].size == 1:
        left.pop(0)
    taken: list[Part] = []
    while size > 1:
        part = left.pop(0)
        if size % part.size == 0:
            taken.append(part)
            size //= part.size
        elif part.size % size == 0 and part.size == part.span:
            rest = part.size // size
            taken.append(Part(part.axis, size, part.stride * rest))
            left.insert(0, Part(part.axis, rest, part.stride))
            size = 1
        else:
            return None
    return tuple(taken)
