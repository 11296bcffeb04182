"""An attack put to batches of samples: rows, and counterexamples that onnxruntime confirmed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from certrnn.attacks import (
    NAMED,
    Attack,
    Ball,
    Descent,
    NearestWords,
    Smallest,
    closest,
    replay_smallest,
    smallest_eps,
)
from certrnn.attacks.replay import replay
from certrnn.attacks.smallest import distance
from certrnn.certification import FrameSet, Problem, Query
from certrnn.certification.statement import question_of
from certrnn.datasets import Batch, Sequences
from certrnn.errors import UsageError
from certrnn.falsification.rows import AttackRowKey, Found, Side, rows_of
from certrnn.io.onnx import OnnxModel
from certrnn.regions import Region
from certrnn.results.question import Question, Way
from certrnn.specs import Spec, accept_spec
from certrnn.threats import Accept, Labels


@dataclass(frozen=True, eq=False)
class AttackQuery:
    """What is asked of every sample.

    Args:
        name: the attack's name.
        attack: the attack itself.
        eps: eps that are attacked, or None for the smallest: of attacks that minimise a distance of their own the
            closest counterexample in the first region that holds one.
        frames: ``each``, ``all`` or a list such as ``0,3-5``.
        clip: the valid range of inputs, or None.
        target: the class that must come out, or None for any but the label.
        descent: how the smallest eps is searched.
    """

    name: str
    attack: Attack
    eps: tuple[float, ...] | None = None
    frames: str = "all"
    clip: tuple[float, float] | None = None
    target: int | None = None
    descent: Descent = field(default_factory=Descent)

    def spec(self, problem: Problem, samples: torch.Tensor) -> Spec:
        """The label's margins, or that the target is never answered."""
        if self.target is None:
            return problem.spec(samples)
        classes = max(problem.graph.outputs, 2)
        others = [label for label in range(classes) if label != self.target]
        return accept_spec(len(samples), others, problem.graph.outputs)


def attack_named(name: str, network: OnnxModel) -> Attack:
    """The attack of that name; the word attack with the network's own table.

    Raises:
        UsageError: there is no such attack, or the network has no words.
    """
    if name not in NAMED:
        raise UsageError("reading --attack", f"the attack is one of {', '.join(NAMED)}", repr(name))
    attack = NAMED[name]
    if isinstance(attack, NearestWords):
        if network.embedding is None:
            raise UsageError(
                "reading --attack",
                "words are replaced in a network with an embedding",
                "one that reads floats",
            )
        return replace(attack, table=torch.from_numpy(network.embedding.table))
    return attack


def run_attack(
    network: OnnxModel, precision: Any, problem: Problem, batch: Batch, query: AttackQuery
) -> Iterator[list[Found]]:
    """Rows of one batch, threat by threat and eps by eps. Samples whose label is the target are left out."""
    samples = problem.right & (problem.labels != (-1 if query.target is None else query.target))
    rows = samples.nonzero().flatten()
    for frame_set in problem.frame_sets(query.frames):
        for eps in query.eps or (None,):
            start = time.perf_counter()
            side = _attacked(network, precision, problem, rows, frame_set, query, eps)
            seconds = (time.perf_counter() - start) / max(1, len(rows))
            asked = AttackRowKey(
                query.name, frame_set, eps, query.target, isinstance(query.attack, NearestWords)
            )
            yield rows_of(network, problem, batch, rows, asked, side, seconds)


def _attacked(
    network: OnnxModel,
    precision: Any,
    problem: Problem,
    rows: torch.Tensor,
    frame_set: FrameSet,
    query: AttackQuery,
    eps: float | None,
) -> Side:
    spec, labels = query.spec(problem, rows), problem.labels[rows]

    def ball(chosen: torch.Tensor, radius: torch.Tensor) -> Region:
        return problem.ball(rows[chosen], radius, frame_set)

    if not len(rows):
        return Side(torch.zeros(0, dtype=torch.float64), problem.x[:0], ())
    if eps is None:
        best = _closest(query, problem, ball, spec)
        found, done = replay_smallest(
            network, problem.graph, ball, spec, best, labels, precision, query.target
        )
        reasons = [r if bool(e.isfinite()) else "" for r, e in zip(done.reasons, best.eps, strict=True)]
        return Side(found.eps, found.x, tuple(reasons))
    radius = torch.full((len(rows),), eps, dtype=torch.float64)
    region = ball(torch.arange(len(rows)), radius)
    outcome = query.attack(problem.graph, region, spec)
    hits = outcome.success.nonzero().flatten()
    reached, x, why = torch.full_like(radius, torch.inf), region.center.clone(), [""] * len(rows)
    if len(hits):
        part, own = region.select(hits), spec.select(hits)
        done = replay(
            network, problem.graph, part, own, outcome.x[hits], labels[hits], precision, query.target
        )
        tight = torch.minimum(distance(done.x, part.center), radius[hits])
        tight = torch.where(ball(hits, tight).contains(done.x), tight, radius[hits])
        reached[hits] = torch.where(done.confirmed, tight, torch.inf)
        x[hits] = torch.where(done.confirmed[:, None, None], done.x, part.center)
        for row, reason in zip(hits.tolist(), done.reasons, strict=True):
            why[row] = reason
    return Side(reached, x, tuple(why))


def _closest(query: AttackQuery, problem: Problem, ball: Ball, spec: Spec) -> Smallest:
    """The smallest eps, or what an attack that minimises a distance of its own finds in the widest region."""
    search, attack = query.descent, query.attack
    if attack.minimises is None:
        return smallest_eps(attack, problem.graph, ball, spec, search)
    if problem.clip is not None:
        widest = problem.clip[1] - problem.clip[0]
        search = replace(search, start=widest, ceiling=widest)
    return closest(attack, problem.graph, ball, spec, search)


def question_of_attack(
    network: OnnxModel, precision: Any, sequences: Sequences, query: AttackQuery
) -> Question:
    """What the rows of an attack depend on."""
    specification = Labels() if query.target is None else Accept((query.target,), never=True)
    asked = Query(query.eps, query.frames, query.clip, specification=specification)
    asked = question_of(network, precision, sequences, asked)
    return replace(asked, way=Way(query.name, "" if query.eps else "the closest counterexample"))


def left_out(labels: Sequence[object], target: int | None) -> str:
    """A line about samples whose label is the target already, or ""."""
    count = sum(label == target for label in labels)
    return (
        f"left out, because class {target} is the target: {count} of {len(labels)} samples" if count else ""
    )
