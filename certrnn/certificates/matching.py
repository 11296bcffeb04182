"""Finds the functions of the checker's own reading of a file among those of an engine's graph.

The two read the file apart and share nothing, so that neither names the other's vectors. What is the same function of
the input has the same arguments at a few random points; slopes of the engine go to whatever lies nearest. A mistake
here makes a certificate worse, never wrong: the checker takes any slopes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from certrnn.certificates.checker.arithmetic import sigmoid, tanh
from certrnn.certificates.checker.program import Apply, Input, Linear, Program
from certrnn.domains import propagate
from certrnn.domains.points import PointsRun
from certrnn.ir import Elementwise, Graph
from transformers_abs import LeakyRelu

POINTS = 4
"""Random sequences at which functions are compared."""
NEAR = 1e-6
"""Largest difference of two functions' arguments that are taken as the same."""


@dataclass(frozen=True, eq=False)
class Match:
    """For every function of a program, by its place: the graph's node and element of each of its elements, (n,)."""

    nodes: dict[int, np.ndarray]
    elements: dict[int, np.ndarray]

    def gather(self, values: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
        """Numbers (.., n) of each function from those (.., size) of the graph's nodes."""
        numbers = {}
        for place, nodes in self.nodes.items():
            first = values[int(nodes[0])]
            own = np.empty((*first.shape[:-1], len(nodes)))
            for node in np.unique(nodes):
                here = nodes == node
                own[..., here] = values[int(node)][..., self.elements[place][here]]
            numbers[place] = own
        return numbers


def matched(graph: Graph, program: Program, functions: list[int], shape: tuple[int, int]) -> Match | None:
    """The functions of a program among those of a graph; None where some have no partner.

    Args:
        functions: their places in the program.
        shape: (T, D) of a sample.
    """
    from scipy.spatial import KDTree

    x = np.random.default_rng(0).normal(size=(POINTS, *shape))
    theirs, where = _engine(graph, x)
    ours = values_at(program, x)
    nodes, elements = {}, {}
    for place in functions:
        node = program.nodes[place]
        assert isinstance(node, Apply)
        kind = (node.name, node.parameter)
        if kind not in theirs:
            return None
        points = np.concatenate([ours[:, a] for a in node.arguments]).T
        distance, index = KDTree(theirs[kind]).query(points)
        if not bool((distance <= NEAR * (1.0 + np.abs(points).max(1))).all()):
            return None
        nodes[place], elements[place] = where[kind][index].T
    return Match(nodes, elements)


def same_scores(graph: Graph, program: Program, output: np.ndarray, shape: tuple[int, int]) -> bool:
    """Whether both compute the same scores at random sequences, up to rounding."""
    x = np.random.default_rng(1).normal(size=(POINTS, *shape))
    with torch.no_grad():
        theirs = propagate(graph, PointsRun(torch.from_numpy(x))).numpy()
    ours = values_at(program, x)[:, output]
    return ours.shape == theirs.shape and bool((np.abs(ours - theirs) <= NEAR * (1.0 + np.abs(theirs))).all())


def name_of(node: Elementwise) -> tuple[str, float]:
    """The checker's name of a function, and its parameter."""
    function = node.transformer
    if isinstance(function, LeakyRelu):
        return "leaky", function.alpha
    return function.name, 0.0


def _engine(
    graph: Graph, x: np.ndarray
) -> tuple[dict[tuple[str, float], np.ndarray], dict[tuple[str, float], np.ndarray]]:
    """By kind of function: the arguments (N, arity * POINTS) of every scalar function, and its node and element."""
    values: dict[int, np.ndarray] = {}
    with torch.no_grad():
        propagate(graph, PointsRun(torch.from_numpy(x)), lambda p, v, _: values.update({p: v.numpy()}))
    points: dict[tuple[str, float], list[np.ndarray]] = {}
    places: dict[tuple[str, float], list[np.ndarray]] = {}
    for position, node in enumerate(graph.nodes):
        if isinstance(node, Elementwise):
            kind = name_of(node)
            points.setdefault(kind, []).append(np.concatenate([values[s] for s in node.sources]).T)
            own = np.stack([np.full(node.size, position), np.arange(node.size)], axis=1)
            places.setdefault(kind, []).append(own)
    return {k: np.concatenate(v) for k, v in points.items()}, {
        k: np.concatenate(v) for k, v in places.items()
    }


def values_at(program: Program, x: np.ndarray) -> np.ndarray:
    """All elements of a program (N, E) at sequences (N, T, D), in floating point."""
    values = np.zeros((len(x), program.starts[-1]))
    for place, node in enumerate(program.nodes):
        start, stop = program.starts[place], program.starts[place + 1]
        match node:
            case Input():
                values[:, start:stop] = x[:, node.frame]
            case Linear():
                for weight, elements in node.terms:
                    own = values[:, elements]
                    values[:, start:stop] += own * weight if weight.ndim == 1 else own @ weight.T
                for constant in node.constants:
                    values[:, start:stop] += constant
            case Apply():
                values[:, start:stop] = _applied(node, [values[:, a] for a in node.arguments])
    return values


def _applied(node: Apply, arguments: list[np.ndarray]) -> np.ndarray:
    x, y = arguments[0], arguments[-1]
    match node.name:
        case "tanh":
            return tanh(x)
        case "sigmoid":
            return sigmoid(x)
        case "sigmoid_tanh":
            return sigmoid(x) * tanh(y)
        case "mul_sigmoid":
            return x * sigmoid(y)
        case "product":
            return x * y
        case _:
            return np.where(x > 0.0, x, node.parameter * x)
