"""Whether numbers are one function of several places: then they are answers at these places, and no classes.

Spans of frames do not tell positions apart where convolutions see the whole sequence from each of them. What does is
how the numbers are computed: the scores of classes have weights of their own, those of positions share them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from certrnn.io.onnx.space import Space
from certrnn.ir import Affine, Constant, Elementwise, Gather, Input, Sum

DEPTH = 200
"""How far down functions are compared; what lies below counts as equal."""


def repeated(space: Space, ids: np.ndarray, axis: int) -> bool:
    """True where all numbers along ``axis`` of ``ids`` are the same function of different arguments."""
    functions = _Functions(space)
    rows = np.moveaxis(space.resolved(ids), axis, -1).reshape(-1, ids.shape[axis])
    return all(len(set(row.tolist())) > 1 and functions.alike(row) for row in rows)


@dataclass(eq=False)
class _Functions:
    """Functions by number: equal where elements are computed alike, whatever from, down to the weights of a linear
    layer or the state of a recurrent one."""

    space: Space
    numbers: dict[tuple[object, ...], int] = field(default_factory=dict)
    known: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        layers = enumerate(self.space.recurrences)
        self.states = {
            p: (k, n) for k, r in layers for s in r.states for n, p in enumerate(s) if p is not None
        }

    def alike(self, row: np.ndarray) -> bool:
        first = self.of(int(row[0]), DEPTH)
        return all(self.of(int(one), DEPTH) == first for one in row[1:])

    def of(self, element: int, depth: int) -> int:
        (element,) = self.space.resolved(np.array([element])).tolist()
        if element not in self.known:
            function = self._function(element, depth) if depth else ()
            self.known[element] = self.numbers.setdefault(function, len(self.numbers))
        return self.known[element]

    def _function(self, element: int, depth: int) -> tuple[object, ...]:
        (position,), (place,) = self.space.locate(np.array([element]))
        node, place = self.space.builder[int(position)], int(place)
        if int(position) in self.states:
            return "state", self.states[int(position)], place
        match node:
            case Input():
                return "input", place
            case Constant():
                return "constant", float(node.value.reshape(-1)[place])
            case Affine() if not node.diagonal:
                return "linear", node.weight[place].numpy().tobytes(), float(node.bias[place])
            case Affine():
                own: tuple[object, ...] = ("scaled", float(node.weight[place]), float(node.bias[place]))
            case Sum():
                own = ("sum", *node.coefficients)
            case Elementwise():
                own = ("function", id(node.transformer))
            case Gather():
                raise AssertionError("elements are looked at through Gather nodes")
        below = (self.of(int(self.space.ids(source)[place]), depth - 1) for source in node.sources)
        return *own, *below
