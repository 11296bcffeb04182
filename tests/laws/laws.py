"""Laws of domains and analyses, as functions that return what breaks them. Tolerance zero.

A test asserts that every registered member breaks none; the mutants' tests assert that each planted error breaks one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from flint import arb, arb_mat

from certrnn.analyses import Analysis, certified
from certrnn.analyses.recording import Recording
from certrnn.arrays import to_numpy
from certrnn.domains import Domain, propagate
from certrnn.ir import Elementwise
from certrnn.regions import Region
from certrnn.specs import Spec
from tests.laws.oracle import Oracle, rounded, rows_at
from transformers_abs import DIRECTIONS
from transformers_abs import Region as Arguments


@dataclass(frozen=True)
class Violation:
    """A bound that exact arithmetic contradicts: at which node, in which row of the batch, and by what."""

    law: str
    node: int
    row: int
    bound: float
    truth: str


def containment(domain: Domain[Any], oracle: Oracle, region: Region, seed: int = 0) -> list[Violation]:
    """Every node's bounds contain the exact values, random rows over it stay above their lower bounds, and argument
    regions with their cuts contain the exact arguments, except in rows that the run itself declares failed. An error is
    a violation as well.

    Args:
        oracle: its points are members of the region, row after row of the batch, equally many each.
    """
    rng = np.random.default_rng(seed)
    graph, run = oracle.graph, domain.start(region)
    found: list[Violation] = []

    def observe(position: int, value: Any, arguments: Arguments | None) -> None:
        truth = oracle.values[position]
        lower, upper = run.bounds(value)
        found.extend(_outside("bounds", position, lower, upper, truth))
        rows, offset = _random_rows(rng, region.batch, graph.nodes[position].size)
        found.extend(_rows_above(position, run.lower(value, rows, offset), rows, offset, truth))
        if arguments is not None:
            failed = run.failed.nonzero().flatten().tolist()
            found.extend(v for v in _arguments_outside(position, arguments, oracle) if v.row not in failed)

    try:
        with torch.no_grad():
            propagate(graph, run, observe)
    except ValueError as error:
        found.append(Violation("no error", -1, -1, np.nan, str(error)))
    return found


def node_bounds(oracle: Oracle, bounds: list[tuple[torch.Tensor, torch.Tensor]]) -> list[Violation]:
    """Elements of any node outside of what is said of it, lower and upper (B, size) node after node."""
    pairs = zip(bounds, oracle.values, strict=True)
    return [
        v for p, ((low, high), truth) in enumerate(pairs) for v in _outside("bounds", p, low, high, truth)
    ]


def _random_rows(rng: np.random.Generator, batch: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Differences of elements, single elements, and rows of any numbers: (B, 4, size) and offsets (B, 4)."""
    rows = rng.uniform(-1.0, 1.0, (batch, 4, size))
    rows[:, :2] = 0.0
    for b in range(batch):
        rows[b, 0, rng.integers(size)] += 1.0
        rows[b, 0, rng.integers(size)] -= 1.0
        rows[b, 1, rng.integers(size)] = rng.choice([-1.0, 1.0])
    offset = rng.uniform(-1.0, 1.0, (batch, 4)) * (rng.random((batch, 4)) < 0.3)
    return torch.from_numpy(rows), torch.from_numpy(offset)


def _outside(
    law: str, node: int, lower: torch.Tensor, upper: torch.Tensor, truth: arb_mat
) -> list[Violation]:
    """Elements of (size, N) balls below ``lower`` or above ``upper``, both (B, size)."""
    each = truth.ncols() // len(lower)
    low, high = (to_numpy(b.T.repeat_interleave(each, dim=1)) for b in (lower, upper))
    near = rounded(truth)
    # decided in floating point where two units in the last place lie between
    sure = (low < _below(near)) & (_above(near) < high)
    found = []
    for i, j in np.argwhere(~sure).tolist():
        value = truth[i, j]
        for bound, broken in (
            (low[i, j], not _at_most(low[i, j], value)),
            (high[i, j], not _at_most(-high[i, j], -value)),
        ):
            if broken:
                found.append(Violation(law, node, j // each, float(bound), value.str(25)))
    return found


def _below(x: np.ndarray) -> np.ndarray:
    return np.nextafter(np.nextafter(x, -np.inf), -np.inf)


def _above(x: np.ndarray) -> np.ndarray:
    return np.nextafter(np.nextafter(x, np.inf), np.inf)


def _at_most(bound: float, value: arb) -> bool:
    """Whether nothing proves ``bound > value``; nan is no bound."""
    return bound == bound and not arb(float(bound)) > value


def _rows_above(
    node: int, bound: torch.Tensor, rows: torch.Tensor, offset: torch.Tensor, truth: arb_mat
) -> list[Violation]:
    each = truth.ncols() // len(rows)
    found = []
    for b in range(len(rows)):
        exact = rows_at(truth, range(b * each, (b + 1) * each), rows[b], offset[b])
        for k, low in enumerate(bound[b].tolist()):
            lowest = min((exact[k, j] for j in range(each)), key=float)
            if not _at_most(low, lowest):
                found.append(Violation("rows", node, b, low, lowest.str(25)))
    return found


def _arguments_outside(position: int, region: Arguments, oracle: Oracle) -> list[Violation]:
    """Exact arguments outside the box of an elementwise node, or beyond one of its cuts."""
    node = oracle.graph.nodes[position]
    assert isinstance(node, Elementwise)
    truth = [oracle.values[s] for s in node.sources]
    batch = region.lower.shape[1] // node.size
    found = []
    for k, value in enumerate(truth):
        lower, upper = (
            torch.from_numpy(b[k].reshape(batch, node.size)) for b in (region.lower, region.upper)
        )
        found += _outside("arguments", position, lower, upper, value)
    return found if region.cuts is None else found + _beyond_cuts(position, region, truth, batch)


def _beyond_cuts(position: int, region: Arguments, truth: list[arb_mat], batch: int) -> list[Violation]:
    cuts = region.cuts
    assert cuts is not None
    x, y = truth
    each, size = x.ncols() // batch, x.nrows()
    found = []
    for b in range(batch):
        for i in range(size):
            n = b * size + i
            (cx, cy), (sx, sy) = cuts.center[:, n].tolist(), cuts.scale[:, n].tolist()
            columns = range(b * each, (b + 1) * each)
            e = [((x[i, j] - cx) * sx, (y[i, j] - cy) * sy) for j in columns]
            for (a, c), width in zip(DIRECTIONS.tolist(), cuts.width[:, n].tolist(), strict=True):
                furthest = max((abs(a * ex + c * ey) for ex, ey in e), key=float)
                if not _at_most(-width, -furthest):
                    found.append(Violation("cuts", position, b, width, furthest.str(25)))
    return found


def margins(analysis: Analysis, oracle: Oracle, region: Region, spec: Spec) -> list[Violation]:
    """No margin lies above an exact margin of a member, and none is nan."""
    bound = analysis.margins(oracle.graph, region, spec)
    found = _rows_above(oracle.graph.output, bound, spec.rows, spec.offset, oracle.scores)
    proven = certified(bound)
    each = len(oracle.points) // region.batch
    for b in proven.nonzero().flatten().tolist():
        exact = rows_at(oracle.scores, range(b * each, (b + 1) * each), spec.rows[b], spec.offset[b])
        if any(x <= 0 for x in exact.entries()):
            found.append(
                Violation("certified", oracle.graph.output, b, float(bound[b].min()), "not positive")
            )
    return found


def deviations(recording: Recording, oracle: Oracle) -> list[Violation]:
    """Exact arguments of elementwise nodes further from their center than their symbols and slack reach, except in rows
    that the recording declares failed: branching takes what is recorded at its word."""
    found = []
    for position, record in recording.nodes.items():
        batch = recording.batch
        each = len(oracle.points) // batch
        for source, center, scale, deviation in zip(
            record.node.sources, record.center, record.scale, record.deviations, strict=True
        ):
            truth = oracle.values[source]
            for b in (~recording.failed).nonzero().flatten().tolist():
                for i in range(record.node.size):
                    reach = sum((abs(arb(g)) for g in deviation.matrix[:, b, i].tolist()), arb(0))
                    reach += arb(float(deviation.slack[b, i]))
                    c, s = arb(float(center[b, i])), arb(float(scale[b, i]))
                    columns = range(b * each, (b + 1) * each)
                    furthest = max((abs((truth[i, j] - c) * s) for j in columns), key=float)
                    if not furthest <= reach * (1 + arb(2.0**-200)):
                        found.append(Violation("deviations", position, b, float(reach), furthest.str(25)))
    return found
