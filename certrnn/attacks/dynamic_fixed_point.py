"""The dynamic fixed-point disturbance: an ordinary differential equation beside the network's (Deka et al., eq. 18)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch

from certrnn.attacks.fixed_point import Mean, unit_gain
from certrnn.attacks.online import CausalAttack, Feedback, Moment
from certrnn.errors import UsageError


@dataclass(frozen=True, eq=False)
class DynamicFixedPoint(CausalAttack):
    """``epsilon dd/dt = alpha B(t, e, d)^T v - d``, integrated along with the network: one evaluation of B a frame.

    The disturbance of a frame follows from the frames before it alone. With B and v held over a frame the equation
    has an exact solution, ``d + (1 - exp(-1 / epsilon)) (alpha B^T v - d)``, stable for any epsilon.

    Args:
        lyapunov: its gradient is v.
        alpha: the gain, or None for one that makes the features fill the frame's region on average; larger ones are
            cut.
        epsilon: the small constant, in frames.
        initial: (B, D) the disturbance of the first frame (without an alpha, as a share of what it allows); zero by
            default.
        mean: how B is integrated.

    Source: Deka et al., section IV.C, eq. (18), Theorem 2.
    """

    alpha: float | None = None
    epsilon: float = 0.2
    initial: torch.Tensor | None = None
    mean: Mean = field(default_factory=Mean)

    def __post_init__(self) -> None:
        if not self.epsilon > 0 or not (self.alpha is None or self.alpha > 0):
            raise UsageError("attacking", "alpha and epsilon are positive", (self.alpha, self.epsilon))

    def feedback(self) -> Feedback:
        return _Dynamic(self, None if self.initial is None else self.initial.clone())


@dataclass
class _Dynamic(Feedback):
    options: DynamicFixedPoint
    present: torch.Tensor | None = field(default=None)

    def disturb(self, moment: Moment) -> torch.Tensor:
        alpha = self.options.alpha
        present = torch.zeros_like(moment.x) if self.present is None else self.present
        # without an alpha the equation runs in shares of what the frame allows
        unit = moment.extent.amax(dim=1, keepdim=True) if alpha is None else 1.0
        applied = moment.clamp(unit * present)
        v = moment.direction()
        slope = self.options.mean(moment, v, applied)
        goal = (unit_gain(slope) if alpha is None else alpha) * slope
        share = -math.expm1(-1.0 / self.options.epsilon)
        self.present = present + share * (goal - present)
        return applied
