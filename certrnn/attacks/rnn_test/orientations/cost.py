"""Cost: the loss of the sequence is driven up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from certrnn.attacks.rnn_test.moment import Moment
from certrnn.attacks.rnn_test.orientations.orientation import Orientation
from certrnn.quality.cost import costs


@dataclass(frozen=True)
class Cost(Orientation):
    """The cross-entropy of all outputs of the sample against their targets.

    Source: Guo et al. (RNN-Test), eq. (8); Goodfellow et al., Explaining and harnessing adversarial examples (2015).
    """

    reads_scores: ClassVar[bool] = True

    def value(self, moment: Moment) -> torch.Tensor:
        return costs(*moment.outputs()).sum(dim=1)
