"""What a training loss defends against: a ball around each input, or sets of words that may stand in a place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from certrnn.errors import UsageError
from certrnn.training.bounds import Box
from certrnn.training.layers import stages


class Perturbation(ABC):
    """What may become of an input, as boxes of vectors."""

    @abstractmethod
    def box(self, module: nn.Module, vectors: Tensor) -> Box:
        """Box of the vectors (B, frames, features) that an input became."""

    @abstractmethod
    def scaled(self, share: float) -> Perturbation:
        """The same perturbation, of ``share`` times the size; 0 is none."""

    @property
    @abstractmethod
    def nothing(self) -> bool:
        """True where no input can change at all."""


@dataclass(frozen=True, eq=False)
class Ball(Perturbation):
    """The l-infinity ball, in the units of the vectors.

    Args:
        eps: its radius: a number, or a tensor that broadcasts to (B, frames, features), such as (1, frames, 1) with
            zeros where frames stay as they are.
        clip: valid range of the vectors, or None.

    Raises:
        UsageError: a radius that is negative or not finite.
    """

    eps: float | Tensor
    clip: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        radius = torch.as_tensor(self.eps)
        if not bool((radius >= 0).all() & radius.isfinite().all()):
            raise UsageError("training", "eps is a number from 0, finite", self.eps)

    @property
    def nothing(self) -> bool:
        return not bool(torch.as_tensor(self.eps).any())

    def box(self, module: nn.Module, vectors: Tensor) -> Box:
        lower, upper = vectors - self.eps, vectors + self.eps
        if self.clip is None:
            return Box(lower, upper)
        return Box(lower.clamp_min(self.clip[0]), upper.clamp_max(self.clip[1]))

    def scaled(self, share: float) -> Ball:
        return replace(self, eps=share * self.eps)


@dataclass(frozen=True, eq=False)
class WordSets(Perturbation):
    """Every word may be replaced by one of its candidates, any number of words at once.

    The box of a place is the hull of its candidates' vectors, in each feature the least and the largest; ``share``
    draws it towards the word's own vector (Jia et al., Certified robustness to adversarial word substitutions, 2019).
    Gradients flow into trained vectors, so that the loss draws them together; frozen ones stay.

    Args:
        candidates: words (B, frames, K), the word itself among them; -1 where there are fewer.
        share: how much of the way to the hull, from 0 to 1.
    """

    candidates: Tensor
    share: float = 1.0

    @property
    def nothing(self) -> bool:
        return self.share == 0.0

    def box(self, module: nn.Module, vectors: Tensor) -> Box:
        table = stages(module)[0]
        if not isinstance(table, nn.Embedding):
            raise UsageError(
                "training", "word sets are those of a network with nn.Embedding first", type(table)
            )
        there = (self.candidates >= 0)[..., None]
        embeddings = table(self.candidates.clamp_min(0))
        own = vectors[:, :, None]
        lower = torch.where(there, embeddings, own).amin(2)
        upper = torch.where(there, embeddings, own).amax(2)
        away = vectors - self.share * (vectors - torch.minimum(lower, vectors))
        return Box(away, vectors + self.share * (torch.maximum(upper, vectors) - vectors))

    def scaled(self, share: float) -> WordSets:
        return replace(self, share=share * self.share)


def perturbation(eps: float | Tensor | Perturbation) -> Perturbation:
    """The perturbation itself, or the ball of that radius."""
    return eps if isinstance(eps, Perturbation) else Ball(eps)
