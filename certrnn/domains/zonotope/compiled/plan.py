"""From a graph and the frames that are disturbed to the machine's instructions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from certrnn.domains.zonotope.compiled import instructions as at
from certrnn.domains.zonotope.compiled.compiler import Planner
from certrnn.domains.zonotope.compiled.product import PANEL, pad
from certrnn.domains.zonotope.compiled.program import Program
from certrnn.domains.zonotope.compiled.records import Record
from certrnn.ir import Graph


@dataclass(frozen=True, eq=False)
class Plan:
    """Instructions (N, OPERANDS); constants ``w``, ``s`` and ``index``; numbers of ``v``, of ``g`` and of the largest
    scaled weights; ``seconds`` a region takes, roughly; ``values`` says where each node's planes begin, how far apart
    they lie and how long they are."""

    instructions: np.ndarray
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
    longest = pad(max(node.size for node in graph.nodes))
    program = Program(at.Planes(0, longest))
    planner = Planner(program, at.SCRATCH * longest, graph=graph, frames=frozenset(frames))
    for node in graph.nodes:
        value = planner.node(node)
        planner.values.append(value)
        if observe:
            planner.read(value)
    planner.output(planner.values[graph.output])
    generators = program.place_buffers()
    scaled = [i.panels for i in program.instructions if isinstance(i, at.ScaledProduct)]
    return Plan(
        program.encoded(),
        np.concatenate(planner.constants or [np.zeros(1)]),
        np.concatenate(planner.single_weights or [np.zeros(1, dtype=np.float32)]),
        np.array(planner.index or [0], dtype=np.int64),
        planner.vectors,
        generators,
        PANEL * max((p.number * p.depth for p in scaled), default=0),
        sum(map(_seconds, program.instructions)),
        tuple((v.base, v.stride, v.size) for v in planner.values),
    )


def _seconds(instruction: Record) -> float:
    """What an instruction takes on a processor of today, to within a factor of two or so."""
    start = 5e-7
    match instruction:
        case at.Product() | at.ScaledProduct():
            return (
                start
                + 1e-11 * PANEL * instruction.rows * instruction.panels.number * instruction.panels.depth
            )
        case at.Combine() | at.Outer() | at.Absolutes() | at.Directional():
            return start + 3e-10 * instruction.rows * instruction.size
        case at.Univariate():
            return start + 1.4e-7 * instruction.size
        case at.Bivariate():
            return start + 2e-6 * instruction.size
    return start
