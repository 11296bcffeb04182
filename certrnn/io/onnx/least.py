"""What a graph alone says of its numbers: bounds that hold for every input.

That a sum of squares is not negative, or that a variance with its epsilon stays above it, is what lets a root or a
quotient be enclosed wherever the enclosure of its argument happens to reach. Bounds are rounded outward.
"""

from __future__ import annotations

import numpy as np

from certrnn.ir import Affine, Constant, Elementwise, Gather, GraphBuilder, Sum
from certrnn.ir.ops import Node
from transformers_abs import Region, Transformer

Ends = tuple[np.ndarray, np.ndarray]

_CODOMAINS: dict[str, tuple[float, float]] = {
    "sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "erf": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "sigmoid_tanh": (-1.0, 1.0),
    "gelu": (-0.1701, np.inf),
    **dict.fromkeys(("relu", "softplus", "exp", "sqrt", "rsqrt", "reciprocal"), (0.0, np.inf)),
}
"""Ranges of functions by name, where they are bounded below."""

_FAR = 1e100
"""Beyond, nothing is told."""


class Bounds:
    """Bounds of the elements of a graph under construction, found node by node as they are asked for."""

    def __init__(self, builder: GraphBuilder) -> None:
        self.builder = builder
        self._found: list[Ends] = []

    def of(self, position: int) -> Ends:
        """Lower and upper bounds (size,) of the node's elements, for every input; infinite where nothing is known."""
        while len(self._found) <= position:
            node = self.builder[len(self._found)]
            with np.errstate(all="ignore"):
                self._found.append(_told(*_bounds(node, [self._found[s] for s in node.sources])))
        return self._found[position]


def _told(low: np.ndarray, high: np.ndarray) -> Ends:
    return np.where(low >= -_FAR, low, -np.inf), np.where(high <= _FAR, high, np.inf)


def _bounds(node: Node, below: list[Ends]) -> Ends:
    match node:
        case Constant():
            value, spread = node.value.numpy(), (node.relative_error + 1e-15) * node.value.abs().numpy()
            return value - spread, value + spread
        case Affine():
            low, high = below[0]
            weight, bias = node.weight.numpy(), node.bias.numpy()
            ends = [_product(weight, low, high, lower) for lower in (True, False)]
            return tuple(
                _outward([*terms, (bias, np.abs(bias))], node.relative_error, len(low), lower)
                for terms, lower in zip(ends, (True, False), strict=True)
            )  # type: ignore[return-value]
        case Sum():
            return tuple(
                _outward(
                    [
                        term
                        for c, (low, high) in zip(node.coefficients, below, strict=True)
                        for term in _product(np.full(low.shape, c), low, high, lower)
                    ],
                    node.relative_error,
                    len(below),
                    lower,
                )
                for lower in (True, False)
            )  # type: ignore[return-value]
        case Gather():
            low, high = (np.concatenate([ends[k] for ends in below])[node.index] for k in (0, 1))
            return low, high
        case Elementwise():
            return _applied(node.transformer, below)
    return np.full(node.size, -np.inf), np.full(node.size, np.inf)


def _product(
    weight: np.ndarray, low: np.ndarray, high: np.ndarray, lower: bool
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The smallest (or largest) of ``weight @ x``, a diagonal or a matrix, and the sum of its terms' sizes."""
    near, far = (low, high) if lower else (high, low)
    terms = np.where(weight > 0.0, weight * near, np.where(weight < 0.0, weight * far, 0.0))
    if weight.ndim == 1:
        return [(terms, np.abs(terms))]
    return [(terms.sum(axis=1), np.abs(terms).sum(axis=1))]


def _outward(
    terms: list[tuple[np.ndarray, np.ndarray]], relative_error: float, count: int, lower: bool
) -> np.ndarray:
    """A sum with room for its roundings, ``(count + 4) 2^-52`` of its terms' sizes, and coefficients' own errors."""
    value, size = (np.sum([term[k] for term in terms], axis=0) for k in (0, 1))
    room = size * ((count + 4) * 2.0**-52 + 1.01 * relative_error) + 1e-300
    bound = value - room if lower else value + room
    return np.where(np.isnan(bound), -np.inf if lower else np.inf, bound)


def _applied(transformer: Transformer, below: list[Ends]) -> Ends:
    size = below[0][0].shape
    least, most = _CODOMAINS.get(transformer.name, (-np.inf, np.inf))
    if transformer.name == "power" and transformer.exponent % 2 == 0:  # type: ignore[attr-defined]
        least = 0.0
    if transformer.name == "leaky_relu" and transformer.alpha <= 0.0:  # type: ignore[attr-defined]
        least = 0.0
    low, high = np.full(size, least), np.full(size, most)
    (first, last), domain = below[0], transformer.domain
    if transformer.arity == 1:
        inner = np.isfinite(first) & np.isfinite(last) & (first >= domain[0]) & (last <= domain[1])
        if inner.any():
            image = transformer.range(Region(first[inner][None], last[inner][None]))
            low[inner], high[inner] = (
                np.maximum(low[inner], image.lower),
                np.minimum(high[inner], image.upper),
            )
    return low, high
