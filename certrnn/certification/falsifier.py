"""The other side: attacks whose counterexamples are replayed in onnxruntime before they count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from certrnn.arrays import to_numpy
from certrnn.attacks import PGD, Attack, Descent, Substitution, smallest_eps
from certrnn.attacks.attack import pull_inside
from certrnn.attacks.replay import Replayable, replay, replay_smallest, round_inwards
from certrnn.certification.batch import Falsifier
from certrnn.certification.problem import FrameSet, Problem
from certrnn.certification.witnesses import Witnesses
from certrnn.regions import Region


@dataclass(frozen=True, eq=False)
class AttackFalsifier(Falsifier):
    """An attack in float64, then the file itself in onnxruntime.

    Args:
        network: runs the file in onnxruntime.
        precision: the number type of its input.
        attack: proposes sequences.
        descent: how the smallest eps is searched.
        witnesses: told every counterexample.
        audit: holds the network's reading against the file at sequences (N, T, D), and raises where the two disagree;
            None where nothing is known but the network.
    """

    network: Replayable
    precision: Any = np.float32
    attack: Attack = field(default_factory=PGD)
    descent: Descent = field(default_factory=Descent)
    audit: Callable[[np.ndarray], object] | None = None
    witnesses: Witnesses = field(default_factory=Witnesses)

    def within(
        self, problem: Problem, samples: torch.Tensor, frame_set: FrameSet, eps: float
    ) -> torch.Tensor:
        return self._confirmed(problem, samples, frame_set, eps, Substitution(otherwise=self.attack))

    def near(
        self, problem: Problem, sample: torch.Tensor, frame_set: FrameSet, eps: float, x: torch.Tensor
    ) -> float:
        attack = self.attack.starting_at(x)
        return float(self._confirmed(problem, sample.expand(len(x)), frame_set, eps, attack).amin())

    def _confirmed(
        self, problem: Problem, samples: torch.Tensor, frame_set: FrameSet, eps: float, attack: Attack
    ) -> torch.Tensor:
        """Distances (R,) of counterexamples that the file itself confirms; inf where there is none."""
        radius = torch.full((len(samples),), eps, dtype=torch.float64)
        region, spec = problem.ball(samples, radius, frame_set), problem.spec(samples)
        outcome = attack(problem.graph, region, spec)
        self._audited(region, outcome.x)
        distances = torch.full_like(radius, torch.inf)
        hits = outcome.success.nonzero().flatten()
        if len(hits):
            played = replay(
                self.network,
                problem.graph,
                region.select(hits),
                problem.spec(samples[hits]),
                outcome.x[hits],
                problem.classes(samples[hits]),
                self.precision,
            )
            apart = torch.minimum(region.select(hits).distance(played.x), radius[hits])
            distances[hits] = torch.where(played.confirmed, apart, torch.inf)
            self.witnesses.add(samples[hits], distances[hits], played.x)
        return distances

    def smallest(self, problem: Problem, samples: torch.Tensor, frame_set: FrameSet) -> torch.Tensor:
        spec, labels = problem.spec(samples), problem.classes(samples)

        def ball(rows: torch.Tensor, eps: torch.Tensor) -> Region:
            return problem.ball(samples[rows], eps, frame_set)

        best = smallest_eps(self.attack, problem.graph, ball, spec, self.descent)
        eps = torch.where(best.eps.isfinite(), best.eps, 0.0)
        self._audited(ball(torch.arange(len(eps), device=eps.device), eps), best.x)
        confirmed, _ = replay_smallest(self.network, problem.graph, ball, spec, best, labels, self.precision)
        self.witnesses.add(samples, confirmed.eps, confirmed.x)
        return confirmed.eps

    def _audited(self, region: Region, x: torch.Tensor) -> None:
        """Hold the reading against the file where the attack went, found or not, and at a corner of each region."""
        if self.audit is None or not len(x):
            return
        random = torch.from_numpy(np.random.default_rng(0).choice([-1.0, 1.0], size=tuple(x.shape))).to(x)
        far = float((x - region.center).abs().max()) + 1.0
        corners = pull_inside(region, region.center + far * random)
        for points in (x, corners):
            self.audit(to_numpy(round_inwards(points, region.center, self.precision)).astype(np.float64))
