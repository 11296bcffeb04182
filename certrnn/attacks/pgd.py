"""Projected gradient descent on the margins; the fast gradient sign method is one step of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from certrnn.attacks.attack import Attack, select
from certrnn.domains.points import evaluate
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec


@dataclass(frozen=True, eq=False)
class PGD(Attack):
    """Projected steepest descent with momentum, on every row of the specification from several starts at once.

    The loss is the margin itself: linear in the scores, so that it does not saturate. Each row of the
    specification (each target class) is descended from the center, from ``restarts`` random sequences of the region
    and from the hint, all in one batch. A region drops out once a violation is found, and after a quarter and half
    of the steps only the most promising copies of each region go on. What is found in one region does not depend on
    the other regions of the batch, up to rounding.

    Args:
        steps: number of steps.
        restarts: random starts for each row of the specification, beside the center.
        first, last: length of the first and of the last step as a share of the region's extent; geometric in between.
        momentum: share of the direction before that is kept.
        survivors: copies of a region that go on after half of the steps; twice as many after a quarter.
        seed: seed of the random starts.
        copies: largest number of sequences in one evaluation of the graph.
        hint: (B, frames, features) a start of its own for each region, or None.

    Raises:
        UsageError: a number of steps, restarts, survivors or copies that makes no sense, or a length that is not
            positive.

    Source: Madry et al., Towards deep learning models resistant to adversarial attacks (ICLR 2018); momentum: Dong
    et al., Boosting adversarial attacks with momentum (CVPR 2018).
    """

    steps: int = 30
    restarts: int = 2
    first: float = 1.0
    last: float = 0.02
    momentum: float = 0.5
    survivors: int = 4
    seed: int = 0
    copies: int = 1024
    hint: torch.Tensor | None = None

    def __post_init__(self) -> None:
        counts = (self.steps, self.restarts + 1, self.survivors, self.copies)
        if min(counts) < 1 or not (self.first > 0 and self.last > 0 and 0 <= self.momentum < 1):
            raise UsageError(
                "attacking",
                "steps, survivors and copies are at least 1, restarts at least 0, step lengths positive and "
                "the momentum in [0, 1)",
                {k: v for k, v in vars(self).items() if k != "hint"},
            )

    def starting_at(self, x: torch.Tensor) -> PGD:
        return replace(self, hint=x)

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        each = spec.width * (1 + self.restarts + (self.hint is not None))
        size = max(1, self.copies // each)
        parts = [region.center[:0]]
        for start in range(0, region.batch, size):
            stop = min(start + size, region.batch)
            hint = None if self.hint is None else self.hint[start:stop]
            parts.append(self._descend(graph, region.rows(start, stop), spec.part(start, stop), hint))
        return torch.cat(parts)

    def _descend(self, graph: Graph, region: Region, spec: Spec, hint: torch.Tensor | None) -> torch.Tensor:
        x, target = self._starts(region, spec, hint)
        best = region.center.clone()
        going = torch.arange(region.batch, device=x.device)
        lowest = torch.full((region.batch,), torch.inf, dtype=x.dtype, device=x.device)
        velocity = torch.zeros_like(x)
        for step in range(self.steps + 1):
            shape = x.shape[:2]
            owners = going.repeat_interleave(shape[1])
            margins, gradient = descent(graph, select(spec, owners), x.flatten(0, 1), target.flatten())
            value, winner = margins.amin(dim=1).reshape(shape).min(dim=1)
            better = (value < lowest[going]).nonzero().flatten()
            lowest[going[better]] = value[better]
            best[going[better]] = x[better, winner[better]]
            left = value > 0
            if step == self.steps or not bool(left.any()):
                break
            velocity = self.momentum * velocity - _normalised(gradient.reshape(x.shape))
            own = margins.gather(1, target.flatten()[:, None]).reshape(shape)
            keep = self._promising(own, step)
            x, target, velocity = (_pick(tensor, keep)[left] for tensor in (x, target, velocity))
            going = going[left]
            x = self._move(region.select(going.repeat_interleave(x.shape[1])), x, velocity, step)
        return best

    def _starts(
        self, region: Region, spec: Spec, hint: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Sequences (B, copies, frames, features) and the row of the specification each attacks, (B, copies)."""
        center, rows = region.center, spec.width
        starts = [center[:, None].expand(-1, rows, -1, -1)]
        many = region.select(torch.arange(region.batch, device=center.device).repeat_interleave(rows))
        generator = torch.Generator().manual_seed(self.seed)
        for _ in range(self.restarts):
            # the same noise in every region: what is found does not depend on the rest of the batch
            noise = 2.0 * torch.rand((rows, *center.shape[1:]), generator=generator, dtype=center.dtype) - 1.0
            noise = noise.to(center.device).repeat(region.batch, 1, 1)
            moved = many.project(many.center + noise.abs() * reach(many, noise))
            starts.append(moved.reshape(region.batch, rows, *center.shape[1:]))
        if hint is not None:
            starts.append(region.project(hint)[:, None].expand(-1, rows, -1, -1))
        target = torch.arange(rows, device=center.device).repeat(len(starts))
        return torch.cat(starts, dim=1), target.expand(region.batch, -1)

    def _promising(self, own: torch.Tensor, step: int) -> torch.Tensor:
        """(B, count) the copies of each region that go on after this step."""
        count = {self.steps // 4: 2 * self.survivors, self.steps // 2: self.survivors}.get(step, own.shape[1])
        if count >= own.shape[1]:
            return torch.arange(own.shape[1], device=own.device).expand(len(own), -1)
        return own.topk(count, dim=1, largest=False).indices

    def _move(self, region: Region, x: torch.Tensor, velocity: torch.Tensor, step: int) -> torch.Tensor:
        share = self.first * (self.last / self.first) ** (step / max(1, self.steps - 1))
        moved = x.flatten(0, 1) + share * reach(region, velocity.flatten(0, 1))
        return region.project(moved).reshape(x.shape)


@dataclass(frozen=True, eq=False)
class FGSM(Attack):
    """The fast gradient sign method: one full step from the center for each row of the specification.

    Args:
        loss: ``margins``, which do not saturate; or ``softmax``, the cross-entropy of margins in float32, whose
            gradient vanishes where margins are large. That attack fails on distilled networks for no merit of theirs:
            it shows how hidden gradients mislead (Papernot et al. 2016; Carlini and Wagner 2017), and is in no list.

    Raises:
        UsageError: an unknown loss.

    Source: Goodfellow et al., Explaining and harnessing adversarial examples (ICLR 2015).
    """

    loss: str = "margins"

    def __post_init__(self) -> None:
        if self.loss not in ("margins", "softmax"):
            raise UsageError("attacking", "the loss is margins or softmax", repr(self.loss))

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        if self.loss == "softmax":
            return region.center + reach(region, -_softmax_gradient(graph, region, spec))
        return PGD(steps=1, restarts=0, momentum=0.0, survivors=spec.width).run(graph, region, spec)


def reach(region: Region, direction: torch.Tensor) -> torch.Tensor:
    """How far the region extends from its center in a direction, (B, frames, features): a far point's projection.

    For an l-inf ball that is ``eps * sign(direction)``, for an l2 ball ``eps * direction / |direction|``: the step of
    steepest descent in the region's own norm, learnt from its projection alone.
    """
    largest = direction.abs().flatten(1).amax(dim=1).clamp_min(torch.finfo(direction.dtype).tiny)
    unit = direction / largest[:, None, None]
    return region.project(region.center + 1e9 * unit) - region.center


def _softmax_gradient(graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
    """Minus the gradient of ``log(1 + sum exp(-margin))`` in float32 at the centers; zero where it underflows."""
    with torch.enable_grad():
        leaf = region.center.detach().requires_grad_()
        margins = spec.margins(evaluate(graph, leaf)).to(torch.float32)
        terms = torch.cat([torch.zeros_like(margins[:, :1]), -margins], dim=1)
        loss = torch.logsumexp(terms, dim=1).sum()
        gradient = torch.autograd.grad(loss, leaf, allow_unused=True)[0] if loss.requires_grad else None
    return torch.zeros_like(leaf) if gradient is None else torch.nan_to_num(-gradient, 0.0, 0.0, 0.0).detach()


def _pick(tensor: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Entries ``index`` (B, count) of dimension 1."""
    rows = torch.arange(len(index), device=index.device)[:, None]
    return tensor[rows, index]


def descent(
    graph: Graph, spec: Spec, x: torch.Tensor, target: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """All margins (N, K) at ``x``, and the gradient (N, frames, features) of the one that each copy attacks.

    A margin that is not a number counts as infinite: nothing is found there.
    """
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        margins = spec.margins(evaluate(graph, leaf))
        own = margins.gather(1, target[:, None]).sum()
        gradient = torch.autograd.grad(own, leaf, allow_unused=True)[0] if own.requires_grad else None
    finite = torch.zeros_like(x) if gradient is None else torch.nan_to_num(gradient, 0.0, 0.0, 0.0)
    return torch.where(margins.isnan(), torch.inf, margins.detach()), finite


def _normalised(gradient: torch.Tensor) -> torch.Tensor:
    size = gradient.abs().flatten(2).sum(dim=2).clamp_min(torch.finfo(gradient.dtype).tiny)
    return gradient / size[..., None, None]
