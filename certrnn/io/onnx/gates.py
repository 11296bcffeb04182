"""Functions that exporters write as several nodes, recognised as the one that they are."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from certrnn.ir import Affine, Elementwise, GraphBuilder
from transformers_abs import ERF, GELU, Transformer


class Space(Protocol):
    """What is asked of a graph under construction, :class:`certrnn.io.onnx.space.Space`."""

    builder: GraphBuilder

    def locate(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...

    def resolved(self, ids: np.ndarray) -> np.ndarray: ...

    def sources(self, positions: np.ndarray, elements: np.ndarray) -> np.ndarray: ...

    def apply(self, transformer: Transformer, ids: np.ndarray, label: str) -> np.ndarray: ...

    def scaled(
        self, ids: np.ndarray, weight: np.ndarray, bias: np.ndarray, error: float, label: str
    ) -> np.ndarray: ...


def gelu(space: Space, value: np.ndarray, gate: np.ndarray, label: str) -> np.ndarray | None:
    """``v x * w (1 + erf(k x))`` as ``(2 v w / c) gelu(c x)`` with ``c = sqrt(2) k``; None where it is none.

    The file's k is near 1 / sqrt(2), and c near 1: both stand for real numbers, with an error.
    """
    outer = _multiple(space, gate, 1.0)
    inner = None if outer is None else _argument(space, outer[1], ERF)
    turned = None if inner is None else _multiple(space, inner, 0.0)
    if outer is None or turned is None or outer[2] or not (outer[0] > 0.0 and turned[0] > 0.0):
        return None
    for scale, argument, error in _readings(space, value):
        if not error and np.array_equal(argument, turned[1]):
            c, spread, zero = math.sqrt(2.0) * turned[0], turned[2] + 2.0**-50, np.zeros(argument.shape)
            bent = space.apply(GELU, space.scaled(argument, zero + c, zero, spread, label), label)
            return space.scaled(bent, zero + 2.0 * scale * outer[0] / c, zero, spread, label)
    return None


def _readings(space: Space, value: np.ndarray) -> list[tuple[float, np.ndarray, float]]:
    """The elements as multiples of others, where they are, and as they stand."""
    scaled, plain = _multiple(space, value, 0.0), (1.0, space.resolved(value), 0.0)
    return [plain] if scaled is None else [scaled, plain]


def _multiple(space: Space, ids: np.ndarray, offset: float) -> tuple[float, np.ndarray, float] | None:
    """``(a, x, error)`` where the elements are ``a x + offset a``, with one a for all; else None."""
    positions, elements = space.locate(space.resolved(ids))
    node = space.builder[int(positions[0])]
    if not isinstance(node, Affine) or not node.diagonal or len(np.unique(positions)) > 1:
        return None
    weight, bias = node.weight.numpy()[elements], node.bias.numpy()[elements]
    a = float(weight[0])
    if not (bool((weight == a).all()) and bool((bias == offset * a).all())):
        return None
    return a, space.sources(positions, elements), node.relative_error


def _argument(space: Space, ids: np.ndarray, transformer: Transformer) -> np.ndarray | None:
    """Elements x where the elements are ``transformer(x)``; else None."""
    positions, elements = space.locate(space.resolved(ids))
    nodes = (space.builder[int(position)] for position in np.unique(positions))
    if not all(isinstance(node, Elementwise) and node.transformer is transformer for node in nodes):
        return None
    return space.sources(positions, elements)
