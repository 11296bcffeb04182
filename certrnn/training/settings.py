"""What a training run is: a defence, its numbers, and how they change over the epochs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from torch import nn

from certrnn.errors import UsageError
from certrnn.training.bounds import Domain, Intervals, Zonotopes
from certrnn.training.losses import LOSSES, Contraction, Distillation, Loss, SmallBoxes, Verified
from certrnn.training.schedules import Ramp


@dataclass(frozen=True)
class Settings:
    """A training run, without its data.

    Args:
        defence: name of the loss, of :data:`certrnn.training.LOSSES`.
        eps: l-infinity radius that is trained for, in the units of the inputs or word vectors.
        epochs: passes over the samples.
        batch: samples of a step.
        rate: largest learning rate of Adam; it falls to zero along a cosine.
        seed: of weights, order, dropout and attacks.
        clip: valid range of inputs, or None.
        warmup: epochs without a disturbance.
        ramp: epochs over which eps then grows from 0 to its value, and kappa falls from 1 to its.
        kappa: share of the plain loss at the end, for losses that have one; None for the loss's own.
        memory: steps whose symbols zonotopes keep; see :class:`certrnn.training.bounds.Zonotopes`.
        temperature: of distillation.
        gamma, norm, converse, weight: of ``contract``; see :class:`certrnn.training.losses.Contraction`.
        freeze: word vectors stay as they are.
        recurrent_scale: factor of a new network's recurrent weights before the first step; None is 0.1 for losses that
            bound the network, whose bounds else grow from step to step (cf. Shi et al. 2021), and 1 for others.

    Raises:
        UsageError: a number that makes no sense, or an unknown defence.
    """

    defence: str = "none"
    eps: float = 0.0
    epochs: int = 20
    batch: int = 32
    rate: float = 2e-3
    seed: int = 0
    clip: tuple[float, float] | None = None
    warmup: float = 1.0
    ramp: float = 10.0
    kappa: float | None = None
    memory: int = 1
    temperature: float = 20.0
    gamma: float = 0.1
    norm: str = "inf"
    converse: bool = False
    weight: float = 1.0
    freeze: bool = False
    recurrent_scale: float | None = None

    def __post_init__(self) -> None:
        if self.defence not in LOSSES:
            raise UsageError("reading --defence", f"it is one of {', '.join(LOSSES)}", repr(self.defence))
        requirements = {
            "--eps": (self.eps, 0 <= self.eps < float("inf")),
            "--epochs": (self.epochs, self.epochs >= 1),
            "--batch": (self.batch, self.batch >= 1),
            "--rate": (self.rate, 0 < self.rate < float("inf")),
            "--warmup": (self.warmup, self.warmup >= 0),
            "--ramp": (self.ramp, self.ramp >= 0),
            "--kappa": (self.kappa, self.kappa is None or 0 <= self.kappa <= 1),
            "--memory": (self.memory, self.memory >= 1),
            "--clip": (self.clip, self.clip is None or self.clip[0] < self.clip[1]),
        }
        for option, (value, fits) in requirements.items():
            if not fits:
                raise UsageError(f"reading {option}", "the number makes sense there", value)
        self.loss(None)

    @property
    def share(self) -> Ramp:
        """By epoch the share of the full perturbation that is trained for."""
        return Ramp(0.0, 1.0, self.warmup, self.warmup + self.ramp)

    @property
    def starting_scale(self) -> float:
        """Factor of a new network's recurrent weights."""
        if self.recurrent_scale is not None:
            return self.recurrent_scale
        return 0.1 if isinstance(self.loss(None), Verified | SmallBoxes) else 1.0

    @property
    def domain(self) -> Domain:
        """What held-out samples are bounded by while training goes on."""
        return Zonotopes(self.memory) if self.defence == "cert-rnn-vt" else Intervals()

    def loss(self, teacher: nn.Module | None) -> Loss:
        """The loss at the end of its schedule; ``teacher`` is distillation's."""
        loss = LOSSES[self.defence]()
        if isinstance(loss, Distillation):
            return Distillation(teacher, self.temperature)
        if isinstance(loss, Contraction):
            return Contraction(self.gamma, self.weight, self.norm, self.converse)
        if self.defence == "cert-rnn-vt":
            loss = Verified(self.domain)
        return loss if self.kappa is None or not _has_kappa(loss) else _with_kappa(loss, self.kappa)

    def at(self, loss: Loss, epoch: float) -> Loss:
        """The loss at an epoch, fractions of one included: kappa falls from 1 to its value."""
        if not _has_kappa(loss):
            return loss
        stop: Any = loss
        return _with_kappa(loss, Ramp(1.0, stop.kappa, self.warmup, self.warmup + self.ramp)(epoch))

    def document(self) -> dict[str, object]:
        """All settings by name, as JSON holds them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _has_kappa(loss: Loss) -> bool:
    return hasattr(loss, "kappa")


def _with_kappa(loss: Any, kappa: float) -> Loss:
    return replace(loss, kappa=kappa)
