"""Looking through strictly increasing functions: comparisons of values are comparisons of arguments.

Exact in real arithmetic, and what makes bounds tight: the difference of two saturated sigmoids is next to nothing, that
of their arguments is not.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from certrnn.io.onnx.space import Space
from certrnn.ir import Affine, Elementwise
from transformers_abs import SIGMOID, TANH, LeakyRelu, Transformer


def increasing(transformer: Transformer) -> bool:
    """True for functions that are strictly increasing on all reals."""
    return transformer in (SIGMOID, TANH) or (isinstance(transformer, LeakyRelu) and transformer.alpha > 0)


def arguments(space: Space, ids: np.ndarray) -> np.ndarray:
    """Elements (R, C), compared within a row, whose order is that of ``ids`` (R, C)."""
    while True:
        below = _argument(space, ids)
        if below is None:
            return ids
        ids = below


def _argument(space: Space, ids: np.ndarray) -> np.ndarray | None:
    """One function further down, where all elements of a row are values of the same one."""
    positions, elements = space.locate(space.resolved(ids).reshape(-1))
    nodes = [space.builder[int(p)] for p in np.unique(positions)]
    if all(isinstance(n, Elementwise) and increasing(n.transformer) for n in nodes):
        same = len({id(n.transformer) for n in nodes if isinstance(n, Elementwise)}) == 1
    else:
        exact = all(isinstance(n, Affine) and n.diagonal and n.relative_error == 0.0 for n in nodes)
        same = exact and _alike(space, positions.reshape(ids.shape), elements.reshape(ids.shape))
    if not same:
        return None
    return space.sources(positions, elements).reshape(ids.shape)


def _alike(space: Space, positions: np.ndarray, elements: np.ndarray) -> bool:
    """True where each row is scaled by one positive weight and shifted by one bias."""
    maps = np.array(
        [
            [_map(space, int(p), int(e)) for p, e in zip(row, places, strict=True)]
            for row, places in zip(positions, elements, strict=True)
        ]
    )
    return bool((maps == maps[:, :1]).all() and (maps[..., 0] > 0).all())


def _map(space: Space, position: int, element: int) -> tuple[float, float]:
    node = space.builder[position]
    assert isinstance(node, Affine)
    return float(node.weight[element]), float(node.bias[element])


def threshold(space: Space, element: int, cut: float) -> tuple[int, float, bool]:
    """An element, a cut and a direction: ``element > cut`` holds exactly where the returned element lies above (True)
    or below (False) the returned cut."""
    above = True
    while True:
        (position,), (place,) = space.locate(space.resolved(np.array([element])))
        node = space.builder[int(position)]
        if isinstance(node, Elementwise) and increasing(node.transformer):
            # sigmoid(0) = 1/2, tanh(0) = 0, and a leaky rectifier keeps 0
            if cut != (0.5 if node.transformer is SIGMOID else 0.0):
                return element, cut, above
            cut = 0.0
        elif (
            isinstance(node, Affine)
            and node.relative_error == 0.0
            and (node.diagonal or node.weight.shape[1] == 1)
        ):
            weight, bias = float(node.weight.reshape(-1)[place]), float(node.bias[place])
            moved = None if weight == 0.0 else (Fraction(cut) - Fraction(bias)) / Fraction(weight)
            if moved is None or abs(moved) > Fraction(2) ** 1000 or Fraction(float(moved)) != moved:
                return element, cut, above
            cut, above = float(moved), above == (weight > 0.0)
            if not node.diagonal:
                place = 0
        else:
            return element, cut, above
        element = int(space.sources(np.array([position]), np.array([place]))[0])
