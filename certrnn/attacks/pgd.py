"""Projected gradient descent on the margins."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from certrnn.attacks._protocol import Attack
from certrnn.domains.points import evaluate
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec


@dataclass(frozen=True, eq=False)
class PGD(Attack):
    """Projected steepest descent with momentum, on every row of the specification from several starts at once.

    The loss is the margin itself: linear in the scores, so that it does not saturate. Each row of the specification
    (each target class) is descended from the center, from ``restarts`` random sequences of the region and from the hint,
    all in one batch; a region drops out once a violation is found. After a quarter and after half of the steps only the
    most promising copies of each region go on. Results do not depend on the rest of the batch, up to rounding.

    Parameters
    ----------
    steps: number of steps.
    restarts: random starts for each row of the specification, beside the center.
    first, last: length of the first and of the last step as a share of the region; geometric in between.
    momentum: share of the direction before that is kept.
    survivors: copies of a region that go on after half of the steps (twice as many after a quarter).
    seed: seed of the random starts.
    rows: largest number of copies in one batch.
    hint: (B, frames, features) a start of its own for each region, or None.

    Source: Madry et al., Towards deep learning models resistant to adversarial attacks (ICLR 2018); momentum after
    Dong et al. (CVPR 2018).
    """

    steps: int = 30
    restarts: int = 1
    first: float = 1.0
    last: float = 0.02
    momentum: float = 0.75
    survivors: int = 4
    seed: int = 0
    rows: int = 1024
    hint: torch.Tensor | None = None

    def starting_at(self, x: torch.Tensor) -> PGD:
        return replace(self, hint=x)

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        copies = spec.rows.shape[1] * (1 + self.restarts + (self.hint is not None))
        size = max(1, self.rows // copies)
        parts = []
        for first in range(0, region.batch, size):
            last = min(first + size, region.batch)
            hint = None if self.hint is None else self.hint[first:last]
            parts.append(self._descend(graph, region.rows(first, last), spec.part(first, last), hint))
        return torch.cat(parts) if parts else region.center

    def _descend(self, graph: Graph, region: Region, spec: Spec, hint: torch.Tensor | None) -> torch.Tensor:
        x, target = self._starts(region, spec, hint)
        best = region.center.clone()
        alive = torch.arange(region.batch)
        velocity = torch.zeros_like(x)
        for step in range(self.steps + 1):
            copies = x.shape[1]
            owners = alive.repeat_interleave(copies)
            margins, gradient = _descent(graph, _select(spec, owners), x.flatten(0, 1), target.flatten())
            worst = margins.amin(dim=1).nan_to_num(nan=torch.inf).reshape(len(alive), copies)
            value, winner = worst.min(dim=1)
            found = value <= 0
            if step == 0:
                lowest = value
            else:
                lowest = torch.minimum(lowest, value)
            improved = value <= lowest
            best[alive[improved]] = x[improved, winner[improved]]
            if step == self.steps or bool(found.all()):
                return best
            own = margins.gather(1, target.flatten()[:, None]).reshape(len(alive), copies)
            keep = self._promising(own, step)
            x, target, velocity = (t.gather(1, _like(keep, t)) for t in (x, target, velocity))
            gradient = gradient.reshape(len(alive), copies, *x.shape[2:])
            gradient = gradient.gather(1, _like(keep, gradient))
            left = ~found
            x, target, velocity, gradient = x[left], target[left], velocity[left], gradient[left]
            alive, lowest = alive[left], lowest[left]
            velocity = self.momentum * velocity - _normalised(gradient)
            x = self._move(region.select(alive.repeat_interleave(x.shape[1])), x, velocity, step)
        return best

    def _starts(
        self, region: Region, spec: Spec, hint: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Sequences (B, copies, frames, features) and the row of the specification that each attacks (B, copies)."""
        batch, rows = spec.rows.shape[:2]
        targets = torch.arange(rows)
        starts = [region.center[:, None].expand(-1, rows, -1, -1)]
        generator = torch.Generator().manual_seed(self.seed)
        shape = (rows, *region.center.shape[1:])
        for _ in range(self.restarts):
            noise = 2.0 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1.0
            noise = noise.expand(batch, *shape).flatten(0, 1).to(region.center.device)
            many = region.select(torch.arange(batch).repeat_interleave(rows))
            starts.append((many.center + noise.abs() * reach(many, noise)).reshape(batch, *shape))
        if hint is not None:
            starts.append(region.project(hint)[:, None].expand(-1, rows, -1, -1))
        return torch.cat(starts, dim=1), targets.repeat(len(starts)).expand(batch, -1)

    def _promising(self, own: torch.Tensor, step: int) -> torch.Tensor:
        """(B, kept) the copies of each region that go on after this step."""
        copies = own.shape[1]
        if step == self.steps // 4:
            copies = min(copies, 2 * self.survivors)
        if step == self.steps // 2:
            copies = min(copies, self.survivors)
        if copies == own.shape[1]:
            return torch.arange(copies).expand(len(own), -1)
        return own.nan_to_num(nan=torch.inf).topk(copies, dim=1, largest=False).indices

    def _move(self, region: Region, x: torch.Tensor, velocity: torch.Tensor, step: int) -> torch.Tensor:
        share = self.first * (self.last / self.first) ** (step / max(1, self.steps - 1))
        moved = x.flatten(0, 1) + share * reach(region, velocity.flatten(0, 1))
        return region.project(moved).reshape(x.shape)


def FGSM() -> PGD:  # noqa: N802 - an attack by its name
    """The fast gradient sign method: one full step from the center (Goodfellow et al., ICLR 2015)."""
    return PGD(steps=1, restarts=0, last=1.0, momentum=0.0)


def reach(region: Region, direction: torch.Tensor) -> torch.Tensor:
    """How far the region extends from its center in a direction, (B, frames, features): the projection of a far point.

    For an l-inf ball ``eps * sign(direction)``, for an l2 ball ``eps * direction / |direction|``: the step of steepest
    descent in the region's own norm, learnt from its projection alone.
    """
    largest = direction.abs().flatten(1).amax(dim=1).clamp_min(torch.finfo(direction.dtype).tiny)
    far = region.center + direction * (1e6 / largest)[:, None, None]
    return region.project(far) - region.center


def _select(spec: Spec, rows: torch.Tensor) -> Spec:
    return Spec(spec.rows[rows], spec.offset[rows])


def _like(index: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    """(B, kept) as an index of ``gather`` along dimension 1 of a larger tensor."""
    index = index.reshape(*index.shape, *(1 for _ in tensor.shape[2:]))
    return index.expand(-1, -1, *tensor.shape[2:])


def _descent(
    graph: Graph, spec: Spec, x: torch.Tensor, target: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """All margins (N, K) at ``x``, and the gradient (N, frames, features) of the margin that each copy attacks."""
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        margins = spec.margins(evaluate(graph, leaf))
        loss = margins.gather(1, target[:, None]).sum()
        gradient = torch.autograd.grad(loss, leaf, allow_unused=True)[0] if loss.requires_grad else None
    return margins.detach(), torch.zeros_like(x) if gradient is None else gradient.nan_to_num()


def _normalised(gradient: torch.Tensor) -> torch.Tensor:
    size = gradient.abs().flatten(2).sum(dim=2).clamp_min(torch.finfo(gradient.dtype).tiny)
    return gradient / size[..., None, None]
