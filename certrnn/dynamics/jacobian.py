"""Interval Jacobians: forward differentiation through a graph whose values lie in boxes."""

from __future__ import annotations

import torch

from certrnn.dynamics.derivatives import Range, partials
from certrnn.dynamics.intervals import IntervalMatrix
from certrnn.ir import Affine, Constant, Elementwise, Gather, Graph, Input, Sum


def interval_jacobian(graph: Graph, boxes: list[Range], frames: tuple[int, ...]) -> IntervalMatrix:
    """Enclosure of the Jacobian of a graph's output in the frames ``frames``, wherever its values lie in ``boxes``.

    Args:
        boxes: for every node a box (lower, upper), (B, size) each.
        frames: differentiated in, one after the other; others are held.

    Returns:
        (B, outputs, sum of the sizes of the frames). It holds the Jacobian at every point, and so its mean along every
        segment of points, whose values lie in the boxes.
    """
    columns = _columns(graph, frames)
    total = sum(graph.nodes[graph.inputs[f]].size for f in frames)
    batch = len(boxes[0][0])
    jacobians: list[IntervalMatrix] = []
    for node in graph.nodes:
        sources = [jacobians[s] for s in node.sources]
        match node:
            case Input():
                unit = torch.zeros(batch, node.size, total, dtype=torch.float64)
                if node.frame in columns:
                    first = columns[node.frame]
                    unit[:, torch.arange(node.size), torch.arange(first, first + node.size)] = 1.0
                result = IntervalMatrix(unit, unit)
            case Constant():
                zero = torch.zeros(batch, node.size, total, dtype=torch.float64)
                result = IntervalMatrix(zero, zero)
            case Affine() if node.diagonal:
                result = _diagonal(node, sources[0])
            case Affine():
                result = sources[0].multiplied(node.weight, node.relative_error)
            case Sum():
                result = _sum(node, sources)
            case Gather():
                index = torch.from_numpy(node.index)
                result = IntervalMatrix(
                    torch.cat([s.lower for s in sources], dim=1)[:, index],
                    torch.cat([s.upper for s in sources], dim=1)[:, index],
                )
            case Elementwise():
                slopes = partials(node.transformer, [boxes[s] for s in node.sources])
                terms = [s.rows_times(*slope) for s, slope in zip(sources, slopes, strict=True)]
                result = terms[0] if len(terms) == 1 else terms[0] + terms[1]
        jacobians.append(result)
    return jacobians[graph.output]


def _columns(graph: Graph, frames: tuple[int, ...]) -> dict[int, int]:
    first, columns = 0, {}
    for frame in frames:
        columns[frame] = first
        first += graph.nodes[graph.inputs[frame]].size
    return columns


def _diagonal(node: Affine, source: IntervalMatrix) -> IntervalMatrix:
    weight = node.weight.expand(len(source.lower), -1)
    result = source.rows_times(weight, weight)
    return result.scaled(1.0, node.relative_error) if node.relative_error else result


def _sum(node: Sum, sources: list[IntervalMatrix]) -> IntervalMatrix:
    total: IntervalMatrix | None = None
    for coefficient, source in zip(node.coefficients, sources, strict=True):
        term = source.scaled(coefficient, node.relative_error)
        total = term if total is None else total + term
    assert total is not None
    return total
