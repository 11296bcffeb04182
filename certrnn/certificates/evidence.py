"""What the methods choose, taken down for certificates: slopes of the propagation, and planes of the rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from certrnn.analyses import METHODS, Backward
from certrnn.analyses.memory import Memory
from certrnn.analyses.recording import Recording, record
from certrnn.analyses.rows import Rows, enclosed_rows
from certrnn.certificates.curves import Curves, curves
from certrnn.domains import Zonotopes
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec

CURVED = ("joint-output", "auto")
"""Methods that also leave deficits."""
ROUNDS = 4
"""Ascents in a row, each from where the one before ended, before what the rows' own search found is given up: it may
have come there from nearby eps."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the checker needs beside the claim: for ``slopes`` and ``planes``, as far as there are any, the slopes
    (arity, .., n) of every function by its node; and curves of the rows ``curved``, or None."""

    slopes: dict[str, dict[int, np.ndarray]] = field(default_factory=dict)
    curved: np.ndarray | None = None
    curves: Curves | None = None


def evidence_of(graph: Graph, region: Region, spec: Spec, method: str) -> list[Evidence | None]:
    """Evidence for each set of the region; None where none was found.

    Args:
        method: what certified the rows; whatever is needed beyond the propagation comes from it.
    """
    domain = Zonotopes()
    with torch.no_grad():
        recording, output = record(graph, region, domain)
        bound = recording.run.lower(output, spec.rows, spec.offset)
    chosen = {p: recording.policy_slopes(domain.policy, p)[0].numpy() for p in recording.nodes}
    evidence: list[Evidence | None] = []
    for k in range(region.batch):
        slopes = {"slopes": {p: part[:, k] for p, part in chosen.items()}}
        if method == "zonotope" or proves(spec, bound[k]):
            evidence.append(Evidence(slopes))
        else:
            evidence.append(
                _beyond(graph, region.rows(k, k + 1), spec.part(k, k + 1), method, bound[k], slopes)
            )
    return evidence


def proves(spec: Spec, bound: torch.Tensor) -> bool:
    """Whether bounds (K,) of the rows prove the specification."""
    return bool((spec.clauses(bound[None]) > 0.0).all())


def _beyond(
    graph: Graph,
    region: Region,
    spec: Spec,
    method: str,
    bound: torch.Tensor,
    slopes: dict[str, dict[int, np.ndarray]],
) -> Evidence | None:
    """Evidence for one set, of whose rows the propagation proves ``bound`` (K,)."""
    with torch.no_grad():
        recording, _ = record(graph, region, Zonotopes())
        rows = Rows({graph.output: spec.rows}, spec.offset)
        flat, linear = _climbed(recording, rows, spec, 0 if method == "crown" else ROUNDS)
    count = 1 if method == "crown" else spec.rows.shape[1]
    whole = {p: _sized(flat.get(p), known.shape, count) for p, known in recording.nodes.items()}
    slopes, bound = {**slopes, "planes": whole}, torch.maximum(bound, linear[0])
    if proves(spec, bound):
        return Evidence(slopes)
    if method not in CURVED or region.constraints:
        return None
    clause = torch.tensor(spec.clause or range(len(bound)))
    left = ~(spec.clauses(bound[None])[0] > 0.0)
    chosen = left[clause].nonzero().flatten()
    bent, more = curves(graph, region, Spec(spec.rows[:, chosen], spec.offset[:, chosen]))
    bound[chosen] = torch.maximum(bound[chosen], more[0])
    return Evidence(slopes, chosen.numpy(), bent) if proves(spec, bound) else None


def _sized(slopes: torch.Tensor | None, shape: tuple[int, int, int], rows: int) -> np.ndarray:
    """The slopes (arity, rows, n) of one set; zeros of a function that no row depends on."""
    return np.zeros((shape[0], rows, shape[2])) if slopes is None else slopes[:, 0, :rows].numpy()


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
