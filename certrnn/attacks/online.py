"""Attacks that disturb a sequence while it arrives (Deka et al., sections III and IV).

The disturbance of frame t is computed from frames up to t, in the same time for every t. The network is taken as the
discrete system it is, ``h(k+1) = F(h(k), x(k))``, that is with Delta = 1 in the paper's eq. (3): the gradient of V is
taken at the state that the present frame leads to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from certrnn.attacks.attack import Attack
from certrnn.attacks.causal import CausalSystem, State
from certrnn.attacks.lyapunov import Lyapunov, Margin
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import Spec

Limits = Callable[[int, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""``limits(t, x_t)``: least and largest values (B, D) of the disturbed frame."""


@dataclass(frozen=True)
class LinfLimits:
    """Every feature moves by at most ``eps``, and stays in the valid range ``clip`` where there is one."""

    eps: float
    clip: tuple[float, float] | None = None

    def __call__(self, frame: int, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        lower, upper = inwards(x - self.eps, x + self.eps, x)
        return (lower, upper) if self.clip is None else (lower.clamp(*self.clip), upper.clamp(*self.clip))


def inwards(lower: torch.Tensor, upper: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Limits one number towards ``x``, so that their own rounding leaves no region: a projection afterwards, which
    sees the whole sequence, then has nothing to move."""
    return torch.nextafter(lower, x), torch.nextafter(upper, x)


@dataclass(frozen=True, eq=False)
class Moment:
    """All that is known when a frame arrives.

    ``x`` (B, D) is the frame, ``state`` the perturbed state before it; ``lower`` and ``upper`` (B, D) limit the
    disturbance of the frame.
    """

    system: CausalSystem
    frame: int
    x: torch.Tensor
    state: State
    nominal: State
    lyapunov: Lyapunov
    spec: Spec
    lower: torch.Tensor
    upper: torch.Tensor

    @property
    def extent(self) -> torch.Tensor:
        """(B, D) how far each feature may move, the farther way."""
        return torch.maximum(-self.lower, self.upper)

    @property
    def fixed(self) -> bool:
        """The frame may not be disturbed."""
        return not bool(self.extent.any())

    def clamp(self, disturbance: torch.Tensor) -> torch.Tensor:
        return torch.minimum(torch.maximum(disturbance, self.lower), self.upper)

    def observe(self, state: State, x: torch.Tensor) -> torch.Tensor:
        """(B, m) what V is a function of, after a frame ``x`` taken from ``state``."""
        last = self.frame == self.system.frames - 1
        following = (
            () if self.lyapunov.observes == "scores" or last else self.system.advance(self.frame, state, x)
        )
        return torch.cat(following, dim=1) if following else self.system.scores(state, x, self.frame)

    def direction(self) -> torch.Tensor:
        """(B, m) the gradient v of V where the undisturbed frame leads to."""
        with torch.no_grad():
            ahead, nominal = self.observe(self.state, self.x), self.observe(self.nominal, self.x)
        return self.lyapunov.direction(ahead, nominal, self.spec)

    def pull_back(self, v: torch.Tensor, disturbances: torch.Tensor) -> torch.Tensor:
        """``(grad_x F(h2, x + d))^T v`` for disturbances d (K, B, D); the same shape. One evaluation of all."""
        many = disturbances.shape[0]
        state = tuple(s.repeat(many, 1) for s in self.state)
        with torch.enable_grad():
            leaf = (self.x + disturbances).flatten(0, 1).detach().requires_grad_()
            value = (self.observe(state, leaf) * v.repeat(many, 1)).sum()
            gradient = torch.autograd.grad(value, leaf, allow_unused=True)[0] if value.requires_grad else None
        if gradient is None:
            return torch.zeros_like(disturbances)
        return torch.nan_to_num(gradient, 0.0, 0.0, 0.0).reshape(disturbances.shape)


class Feedback(ABC):
    """A disturbance as a feedback law, possibly with a memory: what :meth:`CausalAttack.feedback` hands out."""

    @abstractmethod
    def disturb(self, moment: Moment) -> torch.Tensor:
        """(B, D) the disturbance of the frame of ``moment``."""


class OnlineAttack:
    """A sequence under attack while it arrives: feed frames with :meth:`step`, in order."""

    def __init__(
        self, system: CausalSystem, feedback: Feedback, lyapunov: Lyapunov, limits: Limits, spec: Spec
    ) -> None:
        self.system, self.feedback, self.lyapunov = system, feedback, lyapunov
        self.limits, self.spec = limits, spec
        self.frame = 0
        self.state: State = ()
        self.nominal: State = ()

    def step(self, x: torch.Tensor) -> torch.Tensor:
        """The perturbed frame for the frame ``x`` (B, D) that has just arrived."""
        lower, upper = self.limits(self.frame, x)
        moment = Moment(
            self.system,
            self.frame,
            x,
            self.state,
            self.nominal,
            self.lyapunov,
            self.spec,
            lower - x,
            upper - x,
        )
        moved = torch.minimum(torch.maximum(x + moment.clamp(self.feedback.disturb(moment)), lower), upper)
        with torch.no_grad():
            self.state = self.system.advance(self.frame, self.state, moved)
            self.nominal = self.system.advance(self.frame, self.nominal, x)
        self.frame += 1
        return moved.detach()


@dataclass(frozen=True, eq=False)
class CausalAttack(Attack):
    """The part that all causal attacks share. ``lyapunov`` says what is driven upwards."""

    lyapunov: Lyapunov = field(default_factory=Margin)

    @abstractmethod
    def feedback(self) -> Feedback:
        """A fresh feedback law."""

    def start(
        self,
        system: CausalSystem | Graph,
        limits: Limits | float,
        spec: Spec | None = None,
        clip: tuple[float, float] | None = None,
    ) -> OnlineAttack:
        """The attack as an object that is fed frame by frame, for sequences of any length.

        Args:
            system: the network; a graph of three frames or more serves every length.
            limits: how far a frame may move: an l-inf distance, or a function of frame number and frame.
            spec: what the attack breaks; ``Target`` and ``Distance`` do without.
            clip: valid range of the inputs, beside a distance.

        Raises:
            UsageError: the Lyapunov function needs a specification.
        """
        if spec is None and self.lyapunov.reads_spec:
            name = type(self.lyapunov).__name__
            raise UsageError("starting an attack", f"{name} is given a specification", "none")
        network = system if isinstance(system, CausalSystem) else CausalSystem(system)
        reach = limits if callable(limits) else LinfLimits(float(limits), clip)
        empty = torch.zeros(0, 0, 0, dtype=torch.float64)
        return OnlineAttack(
            network, self.feedback(), self.lyapunov, reach, spec or Spec(empty, torch.zeros(0, 0))
        )

    def run(self, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
        center = region.center
        # the farthest that each feature goes, from the projection alone: attacks do not read boxes
        ends = [region.project(center + 1e9 * sign) for sign in (-1.0, 1.0)]
        lower, upper = inwards(torch.minimum(*ends), torch.maximum(*ends), center)

        def limits(frame: int, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return lower[:, frame], upper[:, frame]

        online = self.start(graph, limits, spec)
        frames = [online.step(center[:, t]) for t in range(center.shape[1])]
        return torch.stack(frames, dim=1)
