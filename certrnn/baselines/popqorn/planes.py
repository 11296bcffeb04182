"""Two planes a neuron: chosen slopes, enclosed offsets. A row takes the side that its coefficient's sign needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from certrnn.arrays import to_tensor
from transformers_abs import Region, Transformer
from transformers_abs.rounding import gamma


class Fit(Protocol):
    """Chooses slopes of the lower and of the upper plane, both (arity, N) and finite. Soundness does not depend on
    them."""

    def __call__(self, transformer: Transformer, region: Region) -> tuple[np.ndarray, np.ndarray]: ...


@dataclass(frozen=True, eq=False)
class PlanePair:
    """``lower_slopes . x + lower_offset <= f(x) <= upper_slopes . x + upper_offset`` on the region of each neuron.

    Shapes: slopes (arity, B, n), offsets (B, n).
    """

    lower_slopes: torch.Tensor
    lower_offset: torch.Tensor
    upper_slopes: torch.Tensor
    upper_offset: torch.Tensor

    @staticmethod
    def of(transformer: Transformer, region: Region, fit: Fit, like: torch.Tensor) -> PlanePair:
        """The planes of ``fit``, with offsets that the transformer encloses; ``like`` is (B, n)."""
        below, above = fit(transformer, region)
        arity = len(below)
        parts = (
            below.reshape(arity, *like.shape),
            transformer.residual(below, region).lower.reshape(like.shape),
            above.reshape(arity, *like.shape),
            transformer.residual(above, region).upper.reshape(like.shape),
        )
        return PlanePair(*(to_tensor(part, like) for part in parts))

    def substituted(self, coefficient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What :data:`~certrnn.analyses.substitution.Planes` asks of a node, for coefficients (B, R, n)."""
        positive = coefficient >= 0
        slopes = torch.where(positive, self.lower_slopes[:, :, None], self.upper_slopes[:, :, None])
        terms = coefficient * torch.where(positive, self.lower_offset[:, None], self.upper_offset[:, None])
        return slopes, terms.sum(2), gamma(coefficient.shape[2] + 6) * terms.abs().sum(2)
