"""What a causal attack drives upwards: Lyapunov-like functions of the perturbed state (Deka et al., section III).

An attack looks at ``observed`` (B, m), which is either the scores as if the sequence ended with the present frame or
the state after it, and asks for a direction ``v`` (B, m): the gradient of V. To add one, write a frozen dataclass with
``observes`` and ``value`` and name it in :data:`LYAPUNOV`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch

from certrnn.errors import UsageError
from certrnn.specs import Spec


class Lyapunov(ABC):
    """A function V(perturbed; nominal) that grows as the perturbed network leaves the nominal answer."""

    observes: str = "scores"
    """``scores``, or ``state`` (the scores at the last frame of a graph, which hands no state on)."""
    reads_spec: bool = True
    """V is a function of the specification's margins."""

    @abstractmethod
    def value(self, observed: torch.Tensor, nominal: torch.Tensor, spec: Spec) -> torch.Tensor:
        """(B,) V of ``observed`` (B, m); ``nominal`` (B, m) is the same of the undisturbed network."""

    def direction(self, observed: torch.Tensor, nominal: torch.Tensor, spec: Spec) -> torch.Tensor:
        """(B, m) the gradient of V in ``observed``; what is not finite counts as zero."""
        with torch.enable_grad():
            leaf = observed.detach().requires_grad_()
            value = self.value(leaf, nominal, spec).sum()
            gradient = torch.autograd.grad(value, leaf, allow_unused=True)[0] if value.requires_grad else None
        return torch.zeros_like(observed) if gradient is None else torch.nan_to_num(gradient, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Margin(Lyapunov):
    """Minus the smallest margin of the specification: linear in the scores, so it does not saturate. Untargeted."""

    def value(self, observed: torch.Tensor, nominal: torch.Tensor, spec: Spec) -> torch.Tensor:
        return -spec.margins(observed).amin(dim=1)


@dataclass(frozen=True)
class Confidence(Lyapunov):
    """``max(0, threshold - p)^2``, p the probability of the label: eq. (9) turned so that it grows. Untargeted.

    p is ``1 / (1 + sum_j exp(-margin_j))``, the label's softmax where the margins are those of
    :func:`~certrnn.specs.label_spec`. With a threshold below 1 there is no direction while p lies above it.
    """

    threshold: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold <= 1.0:
            raise UsageError("choosing a Lyapunov function", "the threshold lies in (0, 1]", self.threshold)

    def value(self, observed: torch.Tensor, nominal: torch.Tensor, spec: Spec) -> torch.Tensor:
        margins = spec.margins(observed)
        against = torch.logsumexp(torch.cat([-margins, torch.zeros_like(margins[:, :1])], dim=1), dim=1)
        other = -torch.expm1(-against)  # 1 - p without cancellation
        return torch.clamp_min(other - (1.0 - self.threshold), 0.0).square()


@dataclass(frozen=True, eq=False)
class Target(Lyapunov):
    """The log-probability of a wanted class, (B,) ``labels``: a targeted attack. One score means classes 0 and 1."""

    labels: torch.Tensor
    reads_spec: bool = field(default=False, init=False)

    def value(self, observed: torch.Tensor, nominal: torch.Tensor, spec: Spec) -> torch.Tensor:
        scores = torch.cat([torch.zeros_like(observed), observed], 1) if observed.shape[1] == 1 else observed
        return torch.log_softmax(scores, dim=1).gather(1, self.labels[:, None])[:, 0]


@dataclass(frozen=True)
class Distance(Lyapunov):
    """``|h2 - h1|^2 / 2``, whose gradient is the error e (Proposition 2): drives the states apart, wherever to.

    The error starts at the equilibrium e = 0, which no feedback leaves; there the direction is all ones.
    """

    observes: str = field(default="state", init=False)
    reads_spec: bool = field(default=False, init=False)

    def value(self, observed: torch.Tensor, nominal: torch.Tensor, spec: Spec) -> torch.Tensor:
        return 0.5 * (observed - nominal).square().sum(dim=1)

    def direction(self, observed: torch.Tensor, nominal: torch.Tensor, spec: Spec) -> torch.Tensor:
        error = torch.nan_to_num(observed.detach() - nominal, 0.0, 0.0, 0.0)
        resting = (error == 0).all(dim=1, keepdim=True)
        return torch.where(resting, torch.ones_like(error), error)


LYAPUNOV: tuple[Lyapunov, ...] = (Margin(), Confidence(), Distance())
"""Those that need nothing but a specification."""
