"""What the joint bound chooses, taken down for certificates: curvatures, and D and z over the checker's symbols."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from certrnn.analyses import METHODS, Backward
from certrnn.analyses.memory import Memory
from certrnn.analyses.planes import enclosed
from certrnn.analyses.quadratic_form import Deviations, dominating_diagonal
from certrnn.analyses.recording import Recording, record
from certrnn.analyses.rows import Rows, enclosed_rows
from certrnn.analyses.substitution import substitute
from certrnn.domains import Zonotopes
from certrnn.domains.zonotope.propagation import ZonotopeRun
from certrnn.ir import Elementwise, Graph, Input
from certrnn.regions import Region
from certrnn.specs import Spec

ROOM = 1.0 + 2.0**-18
"""By how much D is larger than what was proved with it: for single precision, and for the checker's own rounding."""


@dataclass(frozen=True, eq=False)
class Apart(ZonotopeRun):
    """A propagation in which every function keeps its own symbols, as the checker's does."""

    def begin(self, graph: Graph) -> None:
        return


@dataclass(frozen=True)
class ApartZonotopes(Zonotopes):
    """The domain of :class:`Apart`."""

    def start(self, region: Region) -> ZonotopeRun:
        run = super().start(region)
        return Apart(run.region, run.policy, run.reduction, run.cuts, run.failed, run.space)


@dataclass(frozen=True, eq=False)
class Curves:
    """Of R rows: slopes (arity, R, n) and curvatures (q, R, n) by node, D and z (R, m), and the first symbol of every
    input and function by its node."""

    slopes: dict[int, np.ndarray]
    curvature: dict[int, np.ndarray]
    diagonal: np.ndarray
    point: np.ndarray
    starts: dict[int, int]


def curves(graph: Graph, region: Region, spec: Spec, rounds: int = 8) -> tuple[Curves, torch.Tensor]:
    """What ascents of ``joint-output`` choose for the rows of one set, and what it proves (1, R).

    Args:
        rounds: ascents in a row at most, each from where the one before ended, until every row is positive.
    """
    analysis = METHODS["joint-output"]()
    assert isinstance(analysis, Backward)
    assert analysis.ascent is not None
    with torch.no_grad():
        recording, _ = record(graph, region, ApartZonotopes())
        rows = Rows({graph.output: spec.rows}, spec.offset)
        memory, left = Memory(), rounds
        while True:
            parameters, joint = analysis.ascent(recording, rows, memory)
            bound, left = enclosed_rows(recording, rows, parameters, joint), left - 1
            if bool((bound > 0.0).all()) or not left:
                break
        assert joint is not None
        result = substitute(recording, rows.coefficients, enclosed(recording, parameters), exact=True)
        positions = rows.nonlinear(recording)
        form = {p: parameters.curvature[p] * result.weights[p] for p in positions}
        deviations = Deviations.of(recording, positions, torch.float64)
        diagonal = ROOM * (dominating_diagonal(deviations, form, joint.weights) + joint.ridge)
    choice = Curves(
        {p: parameters.slopes[p][:, 0].numpy() for p in positions},
        {p: parameters.curvature[p][:, 0].numpy() for p in positions},
        (diagonal + 2.0**-30 * diagonal.amax(2, keepdim=True))[0].numpy(),
        joint.point[0].numpy(),
        _starts(recording, region),
    )
    return choice, bound


def _starts(recording: Recording, region: Region) -> dict[int, int]:
    """The first symbol of every input and function that has symbols of its own."""
    starts, count, moves = dict[int, int](), 0, list[bool]()
    for position, node in enumerate(recording.graph.nodes):
        own = node.frame in region.frames if isinstance(node, Input) else any(moves[s] for s in node.sources)
        moves.append(own)
        if own and isinstance(node, Input | Elementwise):
            starts[position] = count
            count += node.size
    assert count == recording.symbols, "every symbol belongs to an input or to a function"
    return starts
