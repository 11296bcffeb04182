"""What the methods choose, taken down for certificates: slopes of the propagation, and planes of the rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from certrnn.analyses import METHODS, Backward
from certrnn.analyses.ascent import Ascent
from certrnn.analyses.memory import Memory
from certrnn.analyses.recording import Recording, record
from certrnn.analyses.rows import Rows, enclosed_rows
from certrnn.domains import Zonotopes
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec
from transformers_abs.slopes import SlopePolicy

ROUNDS = 4
"""Ascents in a row, each from where the one before ended, before what the rows' own search found is given up: it may
have come there from nearby eps."""


def recorded(graph: Graph, region: Region, spec: Spec) -> tuple[Recording, torch.Tensor]:
    """A zonotope propagation, and what it proves of the rows of the specification, (B, K)."""
    with torch.no_grad():
        recording, output = record(graph, region, Zonotopes())
        return recording, recording.run.lower(output, spec.rows, spec.offset)


def policy_slopes(recording: Recording, policy: SlopePolicy) -> dict[int, np.ndarray]:
    """The slopes (arity, B, n) of every function by its node."""
    return {p: recording.policy_slopes(policy, p)[0].numpy() for p in recording.nodes}


def planes(recording: Recording, spec: Spec, method: str) -> dict[int, np.ndarray]:
    """Slopes (arity, 1, R, n) of every function by its node: of every row, or R = 1 where all rows share them.

    Args:
        recording: of one set.
        spec: of that set, K rows.
    """
    analysis = METHODS[method]()
    assert isinstance(analysis, Backward)
    rows = Rows({recording.graph.output: spec.rows}, spec.offset)
    with torch.no_grad():
        start = Ascent().start(recording, rows).slopes
        if analysis.ascent is None:
            return {p: slopes[:, :, :1].numpy() for p, slopes in _whole(recording, start, 1).items()}
        slopes = _climbed(recording, rows, spec, replace(analysis.ascent, curved=False))
    return {p: part.numpy() for p, part in _whole(recording, slopes, len(spec.offset[0])).items()}


def _climbed(recording: Recording, rows: Rows, spec: Spec, ascent: Ascent) -> dict[int, torch.Tensor]:
    """The slopes of an ascent, row by row the best found."""
    start = ascent.start(recording, rows)
    best, slopes = enclosed_rows(recording, rows, start), start.slopes
    memory = Memory()
    for _ in range(ROUNDS):
        parameters, _ = ascent(recording, rows, memory)
        bound = enclosed_rows(recording, rows, parameters)
        better = (bound > best)[None, :, :, None]
        slopes = {p: torch.where(better, parameters.slopes[p], slopes[p]) for p in slopes}
        best = torch.maximum(best, bound)
        if bool((spec.clauses(best) > 0.0).all()):
            break
    return slopes


def _whole(recording: Recording, slopes: dict[int, torch.Tensor], rows: int) -> dict[int, torch.Tensor]:
    """With zeros for functions that no row depends on."""
    found = {}
    for position, known in recording.nodes.items():
        arity, batch, size = known.shape
        none = torch.zeros(arity, batch, rows, size, dtype=torch.float64)
        found[position] = slopes.get(position, none)
    return found
