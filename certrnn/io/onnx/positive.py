"""Roots, logarithms and quotients of data: functions that are defined for positive numbers.

Where the graph says that an argument stays above a number, the function is taken as ``f(max(x, floor))`` with a power
of two below it: the same function, and enclosed wherever the enclosure of its argument reaches. The floor is scaled to
1, which is exact. Elsewhere the function is taken as it is, and a region whose arguments may leave its domain is not
certified.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from certrnn.io.onnx.space import Space
from certrnn.io.onnx.tensors import View
from transformers_abs import LOG, RECIPROCAL, RSQRT, SQRT, Log, Reciprocal, Rsqrt, Sqrt, Transformer

if TYPE_CHECKING:
    from certrnn.io.onnx.node import NodeContext
    from certrnn.io.onnx.tensors import Tensor

_SMALLEST = 2.0**-200
"""Least floor that is believed to be meant."""


def floors(space: Space, ids: np.ndarray) -> np.ndarray:
    """The greatest even powers of two, as far as the graph tells, that elements stay above; 0 where they are known not
    to be negative, and -inf elsewhere."""
    positions, elements = space.locate(ids.reshape(-1))
    low = np.empty(len(positions))
    for position in np.unique(positions):
        here = positions == position
        low[here] = space.bounds.of(int(position))[0][elements[here]]
    powers = 4.0 ** np.floor(0.5 * np.log2(np.maximum(low, _SMALLEST)))
    powers = np.where(powers > low, 0.25 * powers, powers)  # a logarithm may be rounded up
    limits = np.where(low >= _SMALLEST, powers, np.where(low >= 0.0, 0.0, -np.inf))
    return limits.reshape(ids.shape)


@dataclass(frozen=True)
class Family:
    """One function of positive numbers: with a floor of 1, with a floor of 0 where there is such, and as it is; and
    what makes ``f(x)`` of ``f(x / floor)``: a factor, an offset, and their relative error."""

    above_one: Transformer
    above_zero: Transformer | None
    plain: Transformer
    back: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, float]]

    def apply(self, space: Space, ids: np.ndarray, label: str) -> np.ndarray:
        """Elements of the function's values."""
        values, floor = np.empty(ids.shape, dtype=np.int64), floors(space, ids)
        above, weak = floor > 0.0, (floor == 0.0) & (self.above_zero is not None)
        if above.any():
            here, at = ids[above], floor[above]
            inner = space.scaled(here, 1.0 / at, np.zeros(here.shape), 0.0, label)
            outer = space.apply(self.above_one, inner, label)
            values[above] = space.scaled(outer, *self.back(at), label)
        if weak.any():
            assert self.above_zero is not None
            values[weak] = space.apply(self.above_zero, ids[weak], label)
        rest = ~above & ~weak
        if rest.any():
            values[rest] = space.apply(self.plain, ids[rest], label)
        return values


_ROOT = Family(Sqrt(floor=1.0), Sqrt(floor=0.0), SQRT, lambda at: (np.sqrt(at), 0.0 * at, 0.0))
_LOG = Family(Log(floor=1.0), None, LOG, lambda at: (np.ones(at.shape), np.log(at), 2.0**-50))
_RECIPROCAL = Family(Reciprocal(floor=1.0), None, RECIPROCAL, lambda at: (1.0 / at, 0.0 * at, 0.0))
_RSQRT = Family(Rsqrt(floor=1.0), None, RSQRT, lambda at: (1.0 / np.sqrt(at), 0.0 * at, 0.0))


def square_root(space: Space, ids: np.ndarray, label: str) -> np.ndarray:
    """``sqrt(x)``; what it is the root of is remembered."""
    roots = _ROOT.apply(space, ids, label)
    space.roots.update(zip(roots.reshape(-1).tolist(), ids.reshape(-1).tolist(), strict=True))
    return roots


def logarithm(space: Space, ids: np.ndarray, label: str) -> np.ndarray:
    """``log(x) = log(x / floor) + log(floor)``."""
    return _LOG.apply(space, ids, label)


def reciprocal(space: Space, ids: np.ndarray, label: str) -> np.ndarray:
    """``1 / x``; of a root, one function of the root's argument."""
    arguments = [space.roots.get(one) for one in space.resolved(ids).reshape(-1).tolist()]
    if all(one is not None for one in arguments):
        return _RSQRT.apply(space, np.array(arguments, dtype=np.int64).reshape(ids.shape), label)
    return _RECIPROCAL.apply(space, ids, label)


def inverse(node: NodeContext, tensor: Tensor) -> View:
    """``1 / tensor`` of a tensor that depends on the data."""
    ids = node.as_view(tensor).ids
    if bool((floors(node.space, ids) <= 0.0).any()):
        node.note(
            "a divisor that the graph does not show to be positive; regions where it may vanish stay uncertified"
        )
    return View(reciprocal(node.space, ids, node.name), tensor.kind)
