"""Back-propagation of the mean squared error to the input, with a pull towards a given sequence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from certrnn.attacks.attack import Attack
from certrnn.attacks.copies import Closest, Copies, nearest
from certrnn.attacks.pgd import reach
from certrnn.domains.points import evaluate
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec


@dataclass(frozen=True, eq=False)
class SquaredError(Attack):
    """Gradient descent of ``|goal - sigmoid(scores)|^2 / 2N + pull |x - towards|^2 / 2L`` on the input.

    N is the number of scores, L that of features. The goal is 1 for the class that a specification's row puts above
    the label, 0 for every other: the one-hot vector of the target. With a pull the attack is the report's targeted one,
    which looks like the given sequence; with ``pull=0`` and ``noise=1`` it is the non-targeted one, which begins at
    noise and may look like anything. Of a try's sequences that are violations the one closest to ``towards`` counts.

    The report descends at a fixed rate. Here the gradient is divided by its largest entry, so that a saturated
    sigmoid does not stop the descent, and the steps carry momentum and shrink. The means are those of the report's
    appendix; its section 7.2 writes sums, whose pull is ``2L / N`` times as strong and holds most images back.

    Args:
        steps: descent steps.
        pull: lambda, the weight of the distance; the report's value.
        towards: (B, frames, features) what the result shall look like, None for the region's center.
        noise: the start's random distance from the center as a share of the region's reach.
        rate, last: length of the first and the last step as a share of how far a feature may move.
        momentum: share of the direction before that is kept.
        targets: rows of each specification tried, the nearest first.
        seed: of the random start.
        hint: (B, frames, features) where to start instead, or None.

    Raises:
        UsageError: a count below 1, a negative pull or noise, a rate or momentum that makes no sense.

    Source: R. K. Singh, Adversarial attack (report, 2021), sections 7.1 and 7.2, and its appendix, equations 7 to 9.
    """

    steps: int = 80
    pull: float = 0.05
    towards: torch.Tensor | None = None
    noise: float = 0.0
    rate: float = 0.3
    last: float = 0.002
    momentum: float = 0.9
    targets: int = 3
    seed: int = 0
    hint: torch.Tensor | None = None

    def __post_init__(self) -> None:
        shares = self.pull >= 0 and 0 <= self.noise <= 1 and 0 <= self.momentum < 1
        if min(self.steps, self.targets) < 1 or not shares or min(self.rate, self.last) <= 0:
            raise UsageError(
                "attacking",
                "steps and targets are at least 1, the pull at least 0, the noise in [0, 1], the momentum in [0, 1), "
                "the rates positive",
                (self.steps, self.targets, self.pull, self.noise, self.momentum, self.rate, self.last),
            )

    def starting_at(self, x: torch.Tensor) -> SquaredError:
        return replace(self, hint=x)

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        copies = nearest(graph, region, spec, self.targets, order=2)
        each = copies.each
        wanted = copies.center if self.towards is None else self.towards.repeat_interleave(each, dim=0)
        goal = _goal(copies)
        x, closest = self._start(copies), Closest.none(copies.center)
        velocity, extent = torch.zeros_like(x), copies.extent[:, None, None]
        for step in range(self.steps + 1):
            gradient, margin = self._slope(graph, copies.spec, x, goal, wanted)
            closest = closest.seen(x, margin, (x - wanted).flatten(1).norm(dim=1))
            if step == self.steps:
                break
            largest = gradient.abs().flatten(1).amax(dim=1).clamp_min(1e-300)
            velocity = self.momentum * velocity - gradient / largest[:, None, None]
            length = self.rate * (self.last / self.rate) ** (step / self.steps)
            x = copies.region.project(x + length * extent * velocity)
        return closest.of_each(each).x

    def _start(self, copies: Copies) -> torch.Tensor:
        if self.hint is not None:
            return copies.region.project(self.hint.repeat_interleave(copies.each, dim=0))
        if self.noise == 0:
            return copies.center.clone()
        generator = torch.Generator().manual_seed(self.seed)
        drawn = (
            2.0 * torch.rand(copies.center.shape[1:], generator=generator, dtype=copies.center.dtype) - 1.0
        )
        drawn = drawn.to(copies.center.device).expand(copies.center.shape)  # the same noise in every region
        return copies.region.project(copies.center + self.noise * drawn.abs() * reach(copies.region, drawn))

    def _slope(
        self, graph: Graph, spec: Spec, x: torch.Tensor, goal: torch.Tensor, wanted: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The cost's gradient (N, frames, features), and the smallest margin (N,)."""
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            scores = evaluate(graph, leaf)
            error = ((goal - scores.sigmoid()) ** 2).mean(dim=1)
            cost = 0.5 * (error + self.pull * ((leaf - wanted) ** 2).flatten(1).mean(dim=1))
            gradient = torch.autograd.grad(cost.sum(), leaf)[0]
            margin = spec.margins(scores.detach()).amin(dim=1)
        return torch.nan_to_num(gradient, 0.0, 0.0, 0.0), torch.nan_to_num(margin, torch.inf)


def _goal(copies: Copies) -> torch.Tensor:
    """(N, scores) 1 where the attacked clause holds a score down, else 0; for a single score that is the end wanted."""
    rows, clause = copies.spec.rows, copies.spec.clause
    numbers = torch.arange(rows.shape[1]) if clause is None else torch.tensor(clause)
    own = (numbers.to(rows.device) == copies.target[:, None]).to(rows.dtype)
    # "never class t" is one clause with a row for every other class: t alone is held down in their sum
    return (torch.einsum("nk,nkc->nc", own, rows) < 0).to(rows.dtype)
