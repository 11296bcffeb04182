"""Decision boundary: the runners-up are driven above the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from certrnn.attacks.rnn_test.moment import Moment
from certrnn.attacks.rnn_test.orientations.orientation import Orientation
from certrnn.errors import UsageError


@dataclass(frozen=True)
class DecisionBoundary(Orientation):
    """``sum over i = 1 .. k-1 of (y[top i] - y[top 0])`` of the output at the frame that changes.

    A network that answers once is asked for that answer. The paper takes probabilities after softmax, the authors'
    code the scores before it, as is done here.

    Args:
        top: k, the number of classes looked at, the answer included; all where the network has fewer.

    Raises:
        UsageError: fewer than two.

    Source: Guo et al. (RNN-Test), eq. (9); Guo et al., DLFuzz (ESEC/FSE 2018).
    """

    top: int = 3
    reads_scores: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.top < 2:
            raise UsageError(
                "reading --topk", "the answer and at least one class more are looked at", self.top
            )

    def value(self, moment: Moment) -> torch.Tensor:
        scores, _ = moment.outputs()
        steps = scores.shape[1]
        at = moment.frames if steps == moment.length else torch.full_like(moment.frames, steps - 1)
        own = scores[torch.arange(len(at), device=at.device), at]
        if own.shape[1] == 1:
            own = torch.cat([torch.zeros_like(own), own], dim=1)
        best = own.topk(min(self.top, own.shape[1]), dim=1).values
        return (best[:, 1:] - best[:, :1]).sum(dim=1)
