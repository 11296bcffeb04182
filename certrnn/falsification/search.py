"""An attack put to samples of one kind: counterexamples that onnxruntime confirmed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from certrnn.attacks import Attack, Ball, Smallest, closest, replay_smallest, smallest_eps
from certrnn.attacks.replay import replay
from certrnn.certification import FrameSet, Problem
from certrnn.certification.clock import Clock
from certrnn.falsification.query import AttackQuery
from certrnn.io.onnx import OnnxModel
from certrnn.regions import Region
from certrnn.specs import Spec


@dataclass(frozen=True, eq=False)
class Side:
    """Confirmed counterexamples of samples (R,): radius (inf where none), sequence, why one does not count, and whether
    the budget ended the search before anything was found."""

    eps: torch.Tensor
    x: torch.Tensor
    reasons: tuple[str, ...]
    cut: bool = False


def falsified(
    network: OnnxModel,
    precision: Any,
    problem: Problem,
    rows: torch.Tensor,
    frame_set: FrameSet,
    query: AttackQuery,
    eps: float | None,
    clock: Clock,
) -> Side:
    """What the attack finds for the samples ``rows`` (R,) of a problem, at one eps or, for None, as close as it can."""
    if not len(rows):
        return Side(torch.zeros(0, dtype=torch.float64), problem.x[:0], ())
    spec, attack = problem.spec(rows), query.attack(network)

    def ball(chosen: torch.Tensor, radius: torch.Tensor) -> Region:
        return problem.ball(rows[chosen], radius, frame_set)

    if eps is not None:
        region = ball(torch.arange(len(rows)), torch.full((len(rows),), eps, dtype=torch.float64))
        return _within(network, precision, problem, rows, region, spec, attack, eps)
    best = _closest(query, attack, problem, ball, spec, frame_set, clock)
    labels = problem.classes(rows)
    smallest, done = replay_smallest(network, problem.graph, ball, spec, best, labels, precision)
    reasons = [r if bool(e.isfinite()) else "" for r, e in zip(done.reasons, best.eps, strict=True)]
    return Side(smallest.eps, smallest.x, tuple(reasons), clock.spent)


def _within(
    network: OnnxModel,
    precision: Any,
    problem: Problem,
    rows: torch.Tensor,
    region: Region,
    spec: Spec,
    attack: Attack,
    eps: float,
) -> Side:
    outcome = attack(problem.graph, region, spec)
    hits = outcome.success.nonzero().flatten()
    reached = torch.full((len(rows),), torch.inf, dtype=torch.float64)
    x, why = region.center.clone(), [""] * len(rows)
    if len(hits):
        part, own, labels = region.select(hits), spec.select(hits), problem.classes(rows[hits])
        done = replay(network, problem.graph, part, own, outcome.x[hits], labels, precision)
        reached[hits] = torch.where(done.confirmed, part.distance(done.x).clamp_max(eps), torch.inf)
        x[hits] = torch.where(done.confirmed[:, None, None], done.x, part.center)
        for row, reason in zip(hits.tolist(), done.reasons, strict=True):
            why[row] = reason
    return Side(reached, x, tuple(why))


def _closest(
    query: AttackQuery,
    attack: Attack,
    problem: Problem,
    ball: Ball,
    spec: Spec,
    frame_set: FrameSet,
    clock: Clock,
) -> Smallest:
    """The smallest eps, or what an attack that minimises a distance of its own finds in the widest region."""

    def spent() -> bool:
        return clock.spent

    search = query.descent
    if attack.minimises is None:
        return smallest_eps(attack, problem.graph, ball, spec, search, spent)
    if problem.clip is not None:
        width, features = problem.clip[1] - problem.clip[0], problem.x.shape[2]
        widest = problem.threat.covering(width, len(frame_set.frames), features)
        search = replace(search, start=widest, ceiling=widest)
    return closest(attack, problem.graph, ball, spec, search, spent)
