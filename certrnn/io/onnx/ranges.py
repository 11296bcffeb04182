"""How far elements of a graph can reach, whatever the input: whether a lone score can change its sign at all.

Plain interval arithmetic in floating point over all real inputs. It helps to read an output and proves nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from certrnn.io.onnx.space import Extreme, Space
from certrnn.ir import Affine, Constant, Elementwise, Gather, Input, Sum
from certrnn.ir.ops import Node
from transformers_abs import GELU, LARGEST, RECIPROCAL, SIGMOID, TANH

CLOSE = 1e-6
"""How close to 0, 1 or symmetry the ends of a range must come: constants of files are single precision."""
SHARE = 0.1
"""What share of its range a logit's two signs must have at least: less may be an offset of something else."""

_GELU_LEAST = -0.7517915241

Ends = tuple[np.ndarray, np.ndarray]


def ranges(space: Space, nodes: Sequence[Node]) -> Ends:
    """Lowest and highest value, each (elements,), of all elements of the nodes one after the other."""
    starts = np.cumsum([0, *(node.size for node in nodes)])
    low, high = np.full(starts[-1], -np.inf), np.full(starts[-1], np.inf)
    known = _by_node(space.extremes, starts)
    for position, node in enumerate(nodes):
        place = slice(starts[position], starts[position + 1])
        below = [(low[starts[s] : starts[s + 1]], high[starts[s] : starts[s + 1]]) for s in node.sources]
        with np.errstate(all="ignore"):
            low[place], high[place] = _range(node, below)
        for extreme in known.get(position, ()):
            pick = np.maximum if extreme.larger else np.minimum
            for ends, narrow in ((low, np.maximum), (high, np.minimum)):
                bound = pick(ends[extreme.left], ends[extreme.right])
                ends[extreme.ids] = narrow(ends[extreme.ids], bound)
    return low, high


def _by_node(extremes: Sequence[Extreme], starts: np.ndarray) -> dict[int, list[Extreme]]:
    """Extremes by the last node that they say something of."""
    groups: dict[int, list[Extreme]] = {}
    for extreme in extremes:
        if extreme.ids.size:
            node = int(np.searchsorted(starts, extreme.ids.max(), side="right")) - 1
            groups.setdefault(node, []).append(extreme)
    return groups


def _range(node: Node, below: list[Ends]) -> Ends:
    match node:
        case Input():
            return np.full(node.size, -np.inf), np.full(node.size, np.inf)
        case Constant():
            return node.value.numpy(), node.value.numpy()
        case Gather():
            low, high = (np.concatenate([ends[k] for ends in below])[node.index] for k in (0, 1))
            return low, high
        case Affine() if node.diagonal or node.weight.shape[1] == 1:
            return _affine(node.weight.numpy(), node.bias.numpy(), *below[0])
        case Affine():
            weight = node.weight.numpy()
            features = np.array([not alike(row) for row in weight])
            return _opened(*_affine(weight, node.bias.numpy(), *below[0]), features)
        case Sum():
            parts = [_scaled(np.asarray(c), *ends) for c, ends in zip(node.coefficients, below, strict=True)]
            low, high = (np.sum([part[k] for part in parts], axis=0) for k in (0, 1))
            return _opened(low, high, np.full(low.shape, not alike(np.asarray(node.coefficients))))
    return _applied(node, below)


def alike(weights: np.ndarray) -> bool:
    """True for the weights of a mean or a total, or of a single value: what is summed keeps its meaning."""
    present = weights[weights != 0.0]
    return bool((present == present[:1]).all())


def _opened(low: np.ndarray, high: np.ndarray, features: np.ndarray) -> Ends:
    """A weighted sum of features that takes both signs is a logit: how far hidden states and other bounded features let
    it go says nothing of what it means."""
    logit = features & both_signs(low, high)
    return np.where(logit, -np.inf, low), np.where(logit, np.inf, high)


def both_signs(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """True where a range reaches far enough below and above 0 that its sign may be what is meant."""
    with np.errstate(invalid="ignore"):
        share = np.where(np.isinf(low) | np.isinf(high), 0.0, SHARE * (high - low))
    return (low < 0.0) & (high > 0.0) & (low <= -share) & (high >= share)


def _scaled(weight: np.ndarray, low: np.ndarray, high: np.ndarray) -> Ends:
    """``weight * value``, where 0 times anything is 0."""
    ends = [np.where(weight == 0.0, 0.0, weight * end) for end in (low, high)]
    return np.minimum(*ends), np.maximum(*ends)


def _affine(weight: np.ndarray, bias: np.ndarray, low: np.ndarray, high: np.ndarray) -> Ends:
    least, most = _scaled(weight, low, high)
    if weight.ndim == 1:
        return least + bias, most + bias
    return least.sum(axis=1) + bias, most.sum(axis=1) + bias


def _applied(node: Elementwise, below: list[Ends]) -> Ends:
    """A function at the corners of its arguments' ranges, as far as it is defined, and at 0 where they hold it: every
    member is monotone in each argument on both sides of 0, but for gelu, which has its least value at one place."""
    if len(below) == 1 and node.transformer.domain != (-LARGEST, LARGEST):
        least, most = node.transformer.domain
        limits = (-np.inf if least == -LARGEST else least), (np.inf if most == LARGEST else most)
        low, high = below[0]
        below = [(np.clip(low, *limits), np.clip(high, *limits))]
        if node.transformer is RECIPROCAL and bool(
            (low < 0.0).any()
        ):  # a divisor of either sign is no error of a file
            return np.full(low.shape, -np.inf), np.full(low.shape, np.inf)
    if node.transformer in (SIGMOID, TANH):  # a squashed logit stays one, however short its argument falls
        wide = both_signs(*below[0])
        below = [(np.where(wide, -np.inf, below[0][0]), np.where(wide, np.inf, below[0][1]))]
    turns = (0.0, _GELU_LEAST) if node.transformer is GELU else (0.0,)
    choices = [(low, *(np.clip(turn, low, high) for turn in turns), high) for low, high in below]
    corners = [_value(node, arguments) for arguments in product(*choices)]
    return np.minimum.reduce(corners), np.maximum.reduce(corners)


def _value(node: Elementwise, arguments: Sequence[np.ndarray]) -> np.ndarray:
    """The function's value, far out where it is none of infinity; where infinity meets 0, the 0 of a factor that
    vanishes."""
    values = np.asarray(node.transformer.value(*arguments), dtype=np.float64)
    if len(arguments) == 1 and bool(np.isnan(values).any()):
        values = np.where(
            np.isnan(values), node.transformer.value(np.clip(arguments[0], -1e300, 1e300)), values
        )
    return np.where(np.isnan(values), 0.0, values)
