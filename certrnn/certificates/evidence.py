"""What the methods choose, taken down for certificates: slopes of the propagation, and planes of the rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from certrnn.analyses import METHODS, Backward
from certrnn.analyses.memory import Memory
from certrnn.analyses.recording import Recording, record
from certrnn.analyses.rows import Rows, enclosed_rows
from certrnn.domains import Zonotopes
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec

ROUNDS = 4
"""Ascents in a row, each from where the one before ended, before what the rows' own search found is given up: it may
have come there from nearby eps."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the checker needs beside the claim: for ``slopes`` and ``planes``, as far as there are any, the slopes
    (arity, .., n) of every function by its node."""

    slopes: dict[str, dict[int, np.ndarray]] = field(default_factory=dict)


def evidence_of(graph: Graph, region: Region, spec: Spec, method: str) -> list[Evidence | None]:
    """Evidence for each set of the region; None where none was found.

    Args:
        method: what certified the rows; whatever is needed beyond the propagation comes from it.
    """
    domain = Zonotopes()
    with torch.no_grad():
        recording, output = record(graph, region, domain)
        bound = spec.clauses(recording.run.lower(output, spec.rows, spec.offset))
    chosen = {p: recording.policy_slopes(domain.policy, p)[0].numpy() for p in recording.nodes}
    found: list[Evidence | None] = []
    for k in range(region.batch):
        own = {p: part[:, k] for p, part in chosen.items()}
        if method == "zonotope" or bool((bound[k] > 0.0).all()):
            found.append(Evidence({"slopes": own}))
            continue
        with torch.no_grad():
            one, _ = record(graph, region.rows(k, k + 1), domain)
        more = planes(one, spec.part(k, k + 1), method)
        found.append(None if more is None else Evidence({"slopes": own, "planes": more}))
    return found


def planes(recording: Recording, spec: Spec, method: str) -> dict[int, np.ndarray] | None:
    """Slopes (arity, R, n) of every function by its node, of every row, or R = 1 where all rows share them; None where
    no slopes were found that prove the specification.

    Args:
        recording: of one set.
        spec: of that set, K rows.
    """
    rows = Rows({recording.graph.output: spec.rows}, spec.offset)
    with torch.no_grad():
        slopes, bound = _climbed(recording, rows, spec, 0 if method == "crown" else ROUNDS)
    if not bool((spec.clauses(bound) > 0.0).all()):
        return None
    count = 1 if method == "crown" else len(spec.offset[0])
    return {
        p: slopes[p][:, 0, :count].numpy()
        if p in slopes
        else np.zeros((known.shape[0], count, known.shape[2]))
        for p, known in recording.nodes.items()
    }


def _climbed(
    recording: Recording, rows: Rows, spec: Spec, rounds: int
) -> tuple[dict[int, torch.Tensor], torch.Tensor]:
    """The slopes (arity, B, R, n) of ascents, row by row the best found, and what they prove (B, R)."""
    analysis = METHODS["alpha-crown"]()
    assert isinstance(analysis, Backward)
    ascent = analysis.ascent
    assert ascent is not None
    start = ascent.start(recording, rows)
    best, slopes, memory = enclosed_rows(recording, rows, start), start.slopes, Memory()
    for _ in range(rounds):
        if bool((spec.clauses(best) > 0.0).all()):
            break
        parameters, _ = ascent(recording, rows, memory)
        bound = enclosed_rows(recording, rows, parameters)
        better = (bound > best)[None, :, :, None]
        slopes = {p: torch.where(better, parameters.slopes[p], slopes[p]) for p in slopes}
        best = torch.maximum(best, bound)
    return slopes, best
