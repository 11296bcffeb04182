"""From the engine's functions and symbols to those of the checker, as arrays of a certificate."""

from __future__ import annotations

import numpy as np

from certrnn.certificates.checker.check import unpacked
from certrnn.certificates.checker.forward import Effort, Forward
from certrnn.certificates.checker.forward import Region as Box
from certrnn.certificates.checker.program import Input, Program
from certrnn.certificates.curves import Curves
from certrnn.certificates.matching import Match
from certrnn.ir import Graph
from certrnn.regions import Region

QUICK = Effort(False, 0.5)
"""Enough to see which symbols there are."""


def packed(slopes: dict[int, np.ndarray]) -> np.ndarray:
    """Slopes (arity, .., n), or curvatures, by function, as one array (.., S) of single precision."""
    parts = [np.moveaxis(part, 0, -2) for part in slopes.values()]
    return np.concatenate([p.reshape(*p.shape[:-2], -1) for p in parts], axis=-1).astype(np.float32)


def layout_of_symbols(program: Program, output: np.ndarray, slopes: np.ndarray, region: Region) -> Forward:
    """A propagation of the checker's on one set, to see where inputs and functions have their symbols."""
    lower, upper = (end.numpy() for end in region.boxes())
    box = Box(lower, upper, tuple(region.frames), region.center.numpy(), np.zeros(lower.shape))
    planes = {place: own[:, None] for place, own in unpacked(program, output, slopes).items()}
    forward = Forward(program, box, planes, QUICK)
    forward.run(output)
    return forward


def bent(match: Match, forward: Forward, curves: Curves, graph: Graph) -> dict[str, np.ndarray]:
    """The arrays of curves. D and z of symbols that the engine does not have are zero."""
    rows = curves.point.shape[0]
    index = np.full(forward.symbols, -1)
    for place, (start, *_, radius) in forward.inputs.items():
        node = forward.program.nodes[place]
        assert isinstance(node, Input)
        own = curves.starts.get(graph.inputs[node.frame], None)
        if own is not None:
            index[start : start + radius.shape[1]] = own + np.arange(radius.shape[1])
    for place, start in forward.started.items():
        nodes, elements = match.nodes[place], match.elements[place]
        known = np.array([curves.starts.get(int(node), -1) for node in nodes])
        index[start : start + len(nodes)] = np.where(known >= 0, known + elements, -1)
    padded = {
        name: np.concatenate([part, np.zeros((rows, 1))], axis=1)[:, index].astype(np.float32)
        for name, part in (("diagonal", curves.diagonal), ("point", curves.point))
    }
    whole = {p: _missing(curves.slopes.get(p), graph.nodes[p], rows, False) for p in _nodes(match)}
    curved = {p: _missing(curves.curvature.get(p), graph.nodes[p], rows, True) for p in _nodes(match)}
    return {
        "curved_planes": packed(match.gather(whole)),
        "curvature": packed(match.gather(curved)),
        **padded,
    }


def _nodes(match: Match) -> list[int]:
    return sorted({int(node) for nodes in match.nodes.values() for node in np.unique(nodes)})


def _missing(numbers: np.ndarray | None, node: object, rows: int, curved: bool) -> np.ndarray:
    """The numbers of a function, or zeros where no row depends on it."""
    if numbers is not None:
        return numbers
    arity = len(node.sources)  # type: ignore[attr-defined]
    return np.zeros(((3 if arity == 2 else 1) if curved else arity, rows, node.size))  # type: ignore[attr-defined]
