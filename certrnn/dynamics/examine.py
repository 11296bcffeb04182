"""All conditions of a network along one sequence, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from certrnn.cells import Recurrence
from certrnn.dynamics import example_one
from certrnn.dynamics.bounds import discrete_groenwall
from certrnn.dynamics.conditions import (
    CANNOT_TELL,
    HOLDS,
    Finding,
    Measured,
    assumption_one,
    first_finding,
    theorem_one,
    theorem_three,
)
from certrnn.dynamics.divergence import Divergence, diverge
from certrnn.dynamics.enclosure import Enclosure, Layer
from certrnn.dynamics.measures import Infinity
from certrnn.errors import Unsupported
from certrnn.io.onnx import OnnxModel
from certrnn.ir import Graph
from certrnn.regions import Region

CORNERS = 24
"""Rows of the recurrent weights whose sign patterns are tried as corners of the cube."""


@dataclass(frozen=True)
class LayerReport:
    """One recurrent layer along one sequence.

    Args:
        layer, kind: the ONNX node.
        states, features: sizes n and m.
        steps: the steps at which the region can have changed the state before.
        findings: conditions over cube and tube.
        norms: Theorem 1 over the tube in every norm: (norm, at least, at most, verdict).
        error_bound: at least the largest entry of the error after the last frame (Groenwall, discrete), or None.
        divergence: the disturbance promised over the tube, measured; None where nothing is promised.
    """

    layer: str
    kind: str
    states: int
    features: int
    steps: tuple[int, ...]
    findings: tuple[Finding, ...]
    norms: tuple[tuple[str, float, float, str], ...]
    error_bound: float | None
    divergence: Divergence | None


def recurrences(model: OnnxModel, shape: tuple[int, ...]) -> tuple[tuple[Recurrence, ...], Graph]:
    """The recurrent layers of a model on sequences (T, D), and the graph they stand in.

    Raises:
        Unsupported: it has no recurrent node.
    """
    lowered = model.lowered(shape)
    if not lowered.recurrences:
        kinds = sorted({node.op_type for node in model.file.proto.graph.node})
        raise Unsupported(
            f"finding recurrent layers in {model.path.name!r}",
            "the model has an RNN, LSTM or GRU node",
            f"only {', '.join(kinds)}",
            "Export with torch.onnx.export(dynamo=False) or another exporter that keeps the node.",
        )
    return lowered.recurrences, lowered.whole


def examine(recurrence: Recurrence, graph: Graph, region: Region) -> LayerReport:
    """All conditions of one layer; ``region`` is a batch of one sequence."""
    layer = Layer.of(recurrence, graph, region.center)
    tube = layer.tube(region)
    sizes = (recurrence.kind, layer.step.size, layer.step.features)
    if not tube.times:
        none = "no step follows a disturbed frame"
        finding = Finding("Theorem 1", "tube", "", CANNOT_TELL, note=none)
        return LayerReport(recurrence.name, *sizes, (), (finding,), (), None, None)
    nominal = layer.nominal(tube.times)
    cube = layer.cube(tube.times)
    findings, measured = _over_tube(tube, nominal)
    findings = _over_cube(layer, cube, nominal, tube.times) + findings
    best = measured[0]
    divergence = diverge(layer, region, best, tube.times) if best.verdict == HOLDS else None
    norms = tuple((str(m.norm), m.refuted, m.at_most, m.verdict) for m in measured)
    error = _error_bound(layer, tube, region)
    return LayerReport(recurrence.name, *sizes, tube.times, tuple(findings), norms, error, divergence)


def _over_tube(tube: Enclosure, nominal: Enclosure) -> tuple[list[Finding], list[Measured]]:
    measured = theorem_one(tube, [nominal])
    first = first_finding(measured, "tube", tube.times)
    assumption = assumption_one(tube, nominal, "tube")
    examples = example_one.example_one(tube, nominal, "tube") if example_one.applies(tube.step.cell) else []
    return [first, assumption, theorem_three(first, assumption), *examples], measured


def _over_cube(
    layer: Layer, cube: Enclosure | None, nominal: Enclosure, times: tuple[int, ...]
) -> list[Finding]:
    if cube is None:
        note = "the cell's states have no bound of their own"
        return [Finding("Theorem 1", "cube", "", CANNOT_TELL, note=note)]
    corners = _corners(layer, cube, times)
    measured = theorem_one(cube, [nominal, corners])
    first = first_finding(measured, "cube", cube.times)
    assumption = assumption_one(cube, nominal, "cube")
    examples = example_one.example_one(cube, corners, "cube") if example_one.applies(cube.step.cell) else []
    return [first, assumption, theorem_three(first, assumption), *examples]


def _corners(layer: Layer, cube: Enclosure, times: tuple[int, ...]) -> Enclosure:
    """Corners of the cube that drive units into saturation, and the nominal states' neighbour zero."""
    cell = layer.step.cell
    rows = torch.sign(cell.gates.recurrent[:CORNERS])  # type: ignore[attr-defined]
    signs = torch.cat([rows, -rows, torch.zeros(1, rows.shape[1], dtype=torch.float64)]).repeat(
        1, cell.states
    )
    states = []
    for index in range(len(times)):
        point = signs * cube.state()[1][index]
        states.append((point, point))
    return layer.boxed(times, states)


def _error_bound(layer: Layer, tube: Enclosure, region: Region) -> float | None:
    """A bound on the last error's largest entry, of a layer that reads the frames themselves."""
    if not layer.reads_input or tube.failed:
        return None
    norm, count = Infinity(), len(layer.states)
    disturbed = [k for k in range(count) if layer.reads_input[k] in region.frames]
    boxes = {k: region.box(layer.reads_input[k]) for k in disturbed}
    center = region.center
    moves = [
        float(torch.maximum(*(abs(end - center[:, layer.reads_input[k]]) for end in boxes[k])).max())
        * (1 + 2**-50)
        if k in boxes
        else 0.0
        for k in range(count)
    ]
    entering = layer.reaching(boxes, tube)
    inward = norm.induced(entering.by_frame())
    across = torch.zeros(count, dtype=torch.float64)
    across[list(tube.times)] = norm.induced(tube.by_state())
    return discrete_groenwall(across.tolist(), inward.tolist(), moves)
