"""Networks, regions and specifications small enough to know the answers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch

from certrnn.ir import Graph, GraphBuilder
from certrnn.regions import LinfBall, Region
from certrnn.specs import Spec, label_spec
from transformers_abs import TANH


@dataclass(frozen=True, eq=False)
class Case:
    """One attack problem by name; ``breakable`` says whether violations exist in every, some or no region."""

    name: str
    graph: Graph
    region: LinfBall
    spec: Spec
    breakable: str = "some"


def uniform(seed: int, *shape: int) -> torch.Tensor:
    """Numbers in [-1, 1)."""
    generator = torch.Generator().manual_seed(seed)
    return 2.0 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1.0


def linear(weight: torch.Tensor, bias: torch.Tensor) -> Graph:
    """``scores = sum_t weight[:, t] x[t] + bias``; ``weight`` is (scores, frames, features)."""
    builder = GraphBuilder()
    inputs = [builder.input(t, weight.shape[2]) for t in range(weight.shape[1])]
    zero = torch.zeros_like(bias)
    terms = [builder.affine(weight[:, t].contiguous(), zero, i) for t, i in enumerate(inputs)]
    one = torch.ones_like(bias)
    return builder.build(builder.affine(one, bias, builder.sum(terms)))


def recurrent(seed: int, frames: int = 3, features: int = 4, hidden: int = 6, scores: int = 3) -> Graph:
    """A vanilla tanh network with random weights."""
    builder = GraphBuilder()
    inward, across = uniform(seed, hidden, features), uniform(seed + 1, hidden, hidden)
    offset, state = uniform(seed + 2, hidden), None
    for frame in range(frames):
        driven = builder.affine(inward, offset, builder.input(frame, features))
        if state is not None:
            driven = builder.sum([driven, builder.affine(across, torch.zeros_like(offset), state)])
        state = builder.elementwise(TANH, driven)
    assert state is not None
    return builder.build(builder.affine(uniform(seed + 3, scores, hidden), uniform(seed + 4, scores), state))


def constant(frames: int = 2, features: int = 3) -> Graph:
    """Scores 1, 0, 0 whatever the input, which is read and multiplied by zero."""
    return linear(
        torch.zeros(3, frames, features, dtype=torch.float64),
        torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64),
    )


def unread(frames: int = 2, features: int = 3) -> Graph:
    """The same scores from a constant node: there is no gradient at all."""
    builder = GraphBuilder()
    for frame in range(frames):
        builder.input(frame, features)
    return builder.build(builder.constant(torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)))


def cases() -> list[Case]:
    """Single and several frames, clipped and not, breakable and not, one score and several."""
    from certrnn.domains import evaluate

    net, x = recurrent(3), 0.5 + 0.5 * uniform(11, 6, 3, 4)
    spec = label_spec(evaluate(net, x).argmax(dim=1), 3)
    eps = torch.tensor([0.0, 1e-6, 0.1, 0.3, 1.0, 3.0], dtype=torch.float64)
    binary, y = recurrent(8, scores=1), uniform(12, 4, 3, 4)
    sign = label_spec((evaluate(binary, y)[:, 0] > 0).long(), 1)
    wide = torch.full((4,), 2.0, dtype=torch.float64)
    still, origin = torch.full((2,), 5.0, dtype=torch.float64), torch.zeros(2, 2, 3, dtype=torch.float64)
    first = label_spec(torch.zeros(2, dtype=torch.int64), 3)
    return [
        Case("one frame", net, LinfBall(x, eps, (1,)), spec),
        Case("two frames", net, LinfBall(x, eps, (0, 2)), spec),
        Case("all frames, clipped", net, LinfBall(x, eps, (0, 1, 2), (0.0, 1.0)), spec),
        Case("one score", binary, LinfBall(y, wide, (0, 1, 2)), sign),
        Case("constant", constant(), LinfBall(origin, still, (0, 1)), first, "none"),
        Case("constant, no gradient", unread(), LinfBall(origin, still, (0, 1)), first, "none"),
    ]


def exactly_inside(region: LinfBall, x: torch.Tensor) -> list[bool]:
    """Membership by rational arithmetic, row by row."""
    return [_row_inside(region, x[b], b) for b in range(region.batch)]


def _row_inside(region: LinfBall, x: torch.Tensor, row: int) -> bool:
    eps = Fraction(float(region.eps[row]))
    for frame, (values, centers) in enumerate(zip(x.tolist(), region.center[row].tolist(), strict=True)):
        radius = eps if frame in region.frames else Fraction(0)
        for value, center in zip(values, centers, strict=True):
            if (
                value != value
                or abs(value) == float("inf")
                or abs(Fraction(value) - Fraction(center)) > radius
            ):
                return False
            if region.clip and value != center and not region.clip[0] <= value <= region.clip[1]:
                return False
    return True


@dataclass(frozen=True, eq=False)
class EuclideanBall(Region):
    """``|x - center|_2 <= eps`` over all frames: attacks must do with what a region says of itself."""

    center: torch.Tensor
    eps: torch.Tensor
    frames: tuple[int, ...]

    def box(self, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
        raise AssertionError("attacks do not read boxes")

    def rows(self, start: int, stop: int) -> EuclideanBall:
        return EuclideanBall(self.center[start:stop], self.eps[start:stop], self.frames)

    def select(self, rows: torch.Tensor) -> EuclideanBall:
        return EuclideanBall(self.center[rows], self.eps[rows], self.frames)

    def project(self, x: torch.Tensor) -> torch.Tensor:
        moved = x - self.center
        size = moved.flatten(1).norm(dim=1).clamp_min(1e-300)
        return self.center + moved * (self.eps / size).clamp_max(1.0)[:, None, None]

    def contains(self, x: torch.Tensor) -> torch.Tensor:
        inside = []
        for row, center, eps in zip(x, self.center, self.eps.tolist(), strict=True):
            moved = zip(row.flatten().tolist(), center.flatten().tolist(), strict=True)
            inside.append(sum((Fraction(a) - Fraction(b)) ** 2 for a, b in moved) <= Fraction(eps) ** 2)
        return torch.tensor(inside)
