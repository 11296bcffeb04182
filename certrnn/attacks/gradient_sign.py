"""The gradient-sign disturbance: every frame takes one full step up the gradient of V (Deka et al., eq. 8)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from certrnn.attacks.online import CausalAttack, Feedback, Moment
from certrnn.errors import UsageError


@dataclass(frozen=True, eq=False)
class GradientSign(CausalAttack):
    """``d = alpha sign((grad_h V)^T grad_x f)``: one evaluation of the Jacobian a frame.

    Args:
        lyapunov: the function V that is driven upwards.
        alpha: size of the disturbance; None for all that the region allows.

    Source: Deka, Stipanovic, Tomlin, Dynamically computing adversarial perturbations for recurrent neural networks,
    eq. (8).
    """

    alpha: float | None = None

    def __post_init__(self) -> None:
        if self.alpha is not None and not self.alpha > 0:
            raise UsageError("attacking", "alpha is positive", self.alpha)

    def feedback(self) -> Feedback:
        return _Sign(self.alpha)


@dataclass(frozen=True)
class _Sign(Feedback):
    alpha: float | None

    def disturb(self, moment: Moment) -> torch.Tensor:
        if moment.fixed:
            return torch.zeros_like(moment.x)
        slope = moment.pull_back(moment.direction(), torch.zeros_like(moment.x)[None])[0]
        size = moment.extent if self.alpha is None else self.alpha
        return size * torch.sign(slope)
