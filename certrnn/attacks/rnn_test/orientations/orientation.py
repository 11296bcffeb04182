"""What an orientation is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch

from certrnn.attacks.rnn_test.moment import Moment


class Orientation(ABC):
    """A number of every sample that a search drives up.

    ``reads_states`` and ``reads_scores`` say what it looks at, so that nothing else is computed.
    """

    reads_states: ClassVar[bool] = False
    reads_scores: ClassVar[bool] = False

    @abstractmethod
    def value(self, moment: Moment) -> torch.Tensor:
        """(B,) the numbers, differentiable in the input."""
