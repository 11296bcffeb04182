"""Softmax as nodes of the graph: what it is in the middle of a network.

Exponentials of scores know nothing of each other and grow without bound. The logarithm of their sum does not:
``log(exp a + exp b) = a + softplus(b - a)`` keeps differences, in which shared symbols cancel, and no slope of it
exceeds 1. Sums of more are a tree of such pairs. Value i of a softmax compares score i with the logarithm of the sum
over all *others*, which the same tree gives on a second walk from its root:

    softmax_i = sigmoid(x_i - log sum_(j != i) exp(x_j)).

A sigmoid is bounded at both ends, errs least where the softmax is nearly decided, and its products with other values
are enclosed as one function.

Scores of minus infinity (masks) take no part. Large negative offsets (masks of -1e9) are always the second of a pair,
so that the rounding of such numbers stays within a softplus that is 0 there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from certrnn.errors import Unsupported
from certrnn.io.onnx.space import Space
from certrnn.io.onnx.tensors import Known, Normalised
from certrnn.ir import Affine, Elementwise
from transformers_abs import MUL_SIGMOID, SIGMOID, SOFTPLUS

_LARGE = 1e3
"""What a mask adds is at least as far below zero."""


class Normaliser:
    """The softmax, or its logarithm, of groups of elements.

    Args:
        rows: (groups, T) elements.
    """

    def __init__(self, space: Space, rows: np.ndarray, label: str) -> None:
        self.space, self.label = space, label
        order = np.argsort(-_offsets(space, rows), axis=1, kind="stable")
        self.back = np.argsort(order, axis=1, kind="stable")
        ordered = np.take_along_axis(rows, order, axis=1)
        self.scores = space.whole(ordered, label)

    def softmax(self) -> np.ndarray:
        """Elements (groups, T) of the values."""
        arguments = self._linear(self.scores, self._others(), -1.0)
        shares = self.space.apply(SIGMOID, arguments, self.label)
        for row, share in zip(arguments.tolist(), shares.tolist(), strict=True):
            group = frozenset(share)
            self.space.shares.update({a: (p, group) for a, p in zip(row, share, strict=True)})
        return np.take_along_axis(shares, self.back, axis=1)

    def logarithm(self) -> np.ndarray:
        """Elements (groups, T) of the values' logarithms, ``x_i - log sum_j exp(x_j)``."""
        total = np.broadcast_to(self.total()[:, None], self.scores.shape)
        values = self._linear(self.scores, total, -1.0)
        return np.take_along_axis(values, self.back, axis=1)

    def total(self) -> np.ndarray:
        """Elements (groups,) of ``log sum_j exp(x_j)``."""
        return self._levels()[-1][:, 0]

    # ---- logarithms of sums of exponentials

    def _linear(self, left: np.ndarray, right: np.ndarray, sign: float) -> np.ndarray:
        return self.space.linear([left, np.ascontiguousarray(right)], [1.0, sign], 0.0, self.label)

    def _joined(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """``log(exp left + exp right)``."""
        apart = self._linear(right, left, -1.0)
        return self._linear(left, self.space.apply(SOFTPLUS, apart, self.label), 1.0)

    def _levels(self) -> list[np.ndarray]:
        """The tree from the scores to its root, a level (groups, n) each; an odd one out moves up as it is."""
        levels = [self.scores]
        while levels[-1].shape[1] > 1:
            below = levels[-1]
            pairs = below.shape[1] // 2 * 2
            above = self._joined(below[:, 0:pairs:2], below[:, 1:pairs:2])
            levels.append(np.concatenate([above, below[:, pairs:]], axis=1))
        return levels

    def _others(self) -> np.ndarray:
        """For every score the logarithm of the sum over all other ones, (groups, T)."""
        levels = self._levels()
        outside: np.ndarray | None = None
        for below in reversed(levels[:-1]):
            outside = self._pushed(below, outside)
        assert outside is not None
        return outside

    def _pushed(self, below: np.ndarray, outside: np.ndarray | None) -> np.ndarray:
        """What lies outside of each value of a level, given the same of the level above; None at the root."""
        pairs = below.shape[1] // 2 * 2
        left, right = below[:, 0:pairs:2], below[:, 1:pairs:2]
        others = np.empty_like(below)
        if outside is None:
            others[:, 0], others[:, 1] = right[:, 0], left[:, 0]
            return others
        around = outside[:, : pairs // 2]
        others[:, 0:pairs:2] = self._outside(right, around)
        others[:, 1:pairs:2] = self._outside(left, around)
        others[:, pairs:] = outside[:, pairs // 2 :]
        return others

    def _outside(self, sibling: np.ndarray, around: np.ndarray) -> np.ndarray:
        """Both together. What lies around a pair holds the first score of all, which no mask has moved, and goes first;
        around the first pair it is the other way round."""
        first = self._joined(sibling[:, :1], around[:, :1])
        rest = self._joined(around[:, 1:], sibling[:, 1:]) if sibling.shape[1] > 1 else sibling[:, 1:]
        return np.concatenate([first, rest], axis=1)


def _offsets(space: Space, rows: np.ndarray) -> np.ndarray:
    """What is added to each element at least a mask's way below zero, else 0."""
    positions, elements = space.locate(space.resolved(rows).reshape(-1))
    offsets = np.zeros(len(positions))
    for position in np.unique(positions):
        node, here = space.builder[int(position)], positions == position
        if isinstance(node, Affine):
            offsets[here] = node.bias.numpy()[elements[here]]
    return np.where(offsets <= -_LARGE, offsets, 0.0).reshape(rows.shape)


def values(space: Space, tensor: Normalised, label: str) -> np.ndarray:
    """Elements of the values of a softmax, or of its logarithm, of the tensor's shape; each group is computed once."""
    used = np.isin(tensor.groups, tensor.groups[tensor.entries.reshape(-1)])
    key = id(tensor.scores), tensor.function, used.tobytes()
    if key not in space.normalised:
        space.normalised[key] = tensor.scores, _computed(space, tensor, used, label)  # the array keeps its id
    ids = space.normalised[key][1][tensor.entries]
    for factor, offset, error in tensor.steps:
        ids = space.scaled(ids, np.full(ids.shape, factor), np.full(ids.shape, offset), error, label)
    return ids


def _computed(space: Space, tensor: Normalised, used: np.ndarray, label: str) -> np.ndarray:
    """Values of all that is ``used``. Scores of minus infinity have the value 0, whose logarithm no network reads."""
    scores, softmax = tensor.scores, tensor.function == "Softmax"
    elements = np.full(len(scores), -1, dtype=np.int64)
    left_out = space.infinite(scores)
    if left_out.any():
        elements[left_out] = _number(space, 0.0, label) if softmax else space.minus_infinity
    members = _members(tensor.groups, used & ~left_out)
    if len(members) < len(np.unique(tensor.groups[used])):
        raise Unsupported(
            f"reading node {label!r}",
            "a softmax has a score that is not masked",
            "a group of minus infinities",
        )
    for size in sorted({len(m) for m in members}):
        rows = np.stack([m for m in members if len(m) == size])
        if size == 1:
            elements[rows] = _number(space, 1.0 if softmax else 0.0, label)
            continue
        made = Normaliser(space, scores[rows], label)
        elements[rows] = made.softmax() if softmax else made.logarithm()
    return elements


def weighted_sum(space: Space, terms: Sequence[np.ndarray], label: str) -> np.ndarray | None:
    """A sum of products of all shares of a softmax with other values, as attention pooling has it; None where terms
    are no such products.

    As the shares sum up to 1, ``sum_i p_i v_i = m + sum_i p_i (v_i - m)`` for every m. With the mean of the values,
    what the shares' enclosures err by counts by the values' spread instead of by their size.
    """
    factors = [_factors(space, term) for term in terms]
    pairs = [pair for pair in factors if pair is not None]
    if len(pairs) < max(
        3, len(factors)
    ):  # of two, the one is a sigmoid and the other a sigmoid of the negated argument
        return None
    shares = np.stack([[p for p, _ in part] for _, part in pairs])
    groups = [group for _, group in pairs[0][1]]
    columns = [frozenset(column) for column in shares.T.tolist()]
    if any([group for _, group in part] != groups for _, part in pairs) or columns != groups:
        return None  # not each share of one softmax, once
    values = [value for value, _ in pairs]
    mean = space.linear(values, [1.0 / len(values)] * len(values), 2.0**-52, label)
    products = [
        space.multiply(
            share.reshape(value.shape), space.linear([value, mean], [1.0, -1.0], 0.0, label), label
        )
        for share, value in zip(shares, values, strict=True)
    ]
    return space.linear([mean, *products], [1.0] * (1 + len(products)), 0.0, label)


def _factors(space: Space, ids: np.ndarray) -> tuple[np.ndarray, list[tuple[int, frozenset[int]]]] | None:
    """Of products with shares the other factors, of one shape with the products, and the shares with their groups."""
    positions, elements = space.locate(space.resolved(ids).reshape(-1))
    nodes = {int(position): space.builder[int(position)] for position in np.unique(positions)}
    if not all(isinstance(n, Elementwise) and n.transformer is MUL_SIGMOID for n in nodes.values()):
        return None
    values = space.sources(positions, elements)
    arguments = [
        int(space.element(nodes[int(p)].sources[1], int(e))) for p, e in zip(positions, elements, strict=True)
    ]
    if any(argument not in space.shares for argument in arguments):
        return None
    return values.reshape(ids.shape), [space.shares[argument] for argument in arguments]


def _members(groups: np.ndarray, taken: np.ndarray) -> Sequence[np.ndarray]:
    """Places of the members of each group that are taken."""
    order = np.argsort(groups, kind="stable")
    order = order[taken[order]]
    return np.split(order, np.flatnonzero(np.diff(groups[order])) + 1) if len(order) else []


def _number(space: Space, number: float, label: str) -> int:
    return int(space.constant(Known(np.asarray(number)), label).ids)
