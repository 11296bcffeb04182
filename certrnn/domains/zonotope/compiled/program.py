"""From a graph and the frames that are disturbed to the machine's instructions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled.compiler import Planner
from certrnn.domains.zonotope.compiled.product import PANEL, pad
from certrnn.domains.zonotope.compiled.tape import Place, assign
from certrnn.ir import Graph


@dataclass(frozen=True, eq=False)
class Plan:
    """Instructions (N, OPERANDS) with factors (N, FACTORS); constants ``w``, ``s`` and ``index``; numbers of ``v``, of
    ``g`` and of the largest scaled weights; ``seconds`` a region takes, roughly; ``values`` says where each node's
    planes begin, how far apart they lie and how long they are."""

    instructions: np.ndarray
    factors: np.ndarray
    w: np.ndarray
    s: np.ndarray
    index: np.ndarray
    vectors: int
    generators: int
    panels: int
    seconds: float
    values: tuple[tuple[int, int, int], ...]


def plan(graph: Graph, frames: tuple[int, ...], observe: bool = False) -> Plan:
    """Instructions for margins of the graph's output; with ``observe`` every node's bounds are read as well."""
    planner = Planner(graph=graph, frames=frozenset(frames))
    longest = pad(max(node.size for node in graph.nodes))
    planner.tape.scratch, planner.tape.scratch_stride = 0, longest
    planner.vectors = at.SCRATCH * longest
    for node in graph.nodes:
        value = planner.node(node)
        planner.values.append(value)
        if observe:
            planner.read(value)
    planner.output(planner.values[graph.output])
    generators = assign(planner.tape)
    rows = np.zeros((len(planner.tape.rows), at.OPERANDS), dtype=np.int64)
    factors = np.zeros((len(rows), at.FACTORS))
    for number, (row, given) in enumerate(zip(planner.tape.rows, planner.tape.factors, strict=True)):
        rows[number, : len(row)] = [o.buffer.start + o.offset if isinstance(o, Place) else o for o in row]
        factors[number, : len(given)] = given
    rows[:, -1] = longest
    products = rows[rows[:, 0] == at.SCALED_PRODUCT]
    panels = int((products[:, 5] * products[:, 6]).max(initial=0)) * PANEL
    values = tuple((v.base, v.stride, v.size) for v in planner.values)
    constants = np.concatenate(planner.constants or [np.zeros(1)])
    singles = np.concatenate(planner.singles or [np.zeros(1, dtype=np.float32)])
    index = np.array(planner.index or [0], dtype=np.int64)
    sizes = planner.vectors, generators, panels
    return Plan(rows, factors, constants, singles, index, *sizes, _seconds(rows), values)


def _seconds(rows: np.ndarray) -> float:
    """What a region takes on a processor of today, to within a factor of two or so."""
    products = rows[np.isin(rows[:, 0], (at.PRODUCT, at.SCALED_PRODUCT))]
    passes = rows[np.isin(rows[:, 0], (at.COMBINE, at.OUTER, at.ABSOLUTES, at.DIRECTIONAL))]
    curves, products_of_two = rows[rows[:, 0] == at.UNIVARIATE], rows[rows[:, 0] == at.BIVARIATE]
    flops = 2 * PANEL * (products[:, 3] * products[:, 5] * products[:, 6]).sum()
    elements = 1.4e-7 * curves[:, 3].sum() + 2e-6 * products_of_two[:, 3].sum()
    return float(5e-7 * len(rows) + 5e-12 * flops + 3e-10 * (passes[:, 1] * passes[:, 2]).sum() + elements)
