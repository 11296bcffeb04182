"""What an objective may look at: states, scores and targets of samples at the steps that are to change."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from certrnn.coverage import Trace
from certrnn.errors import UsageError


@dataclass(frozen=True, eq=False)
class Moment:
    """B samples on the way through a network.

    Args:
        frames: (B,) the frame of each sample that is to change.
        length: number of frames T.
        trace: states of the recurrent layers; None where no objective reads them.
        scores: (B, n, C) before softmax, of n steps; None where no objective reads them.
        targets: (B, n) classes, negative where nothing is asked; None where no objective reads them.
    """

    frames: torch.Tensor
    length: int
    trace: Trace | None = None
    scores: torch.Tensor | None = None
    targets: torch.Tensor | None = None

    def states(self) -> Trace:
        """The trace.

        Raises:
            UsageError: there is none.
        """
        if self.trace is None:
            raise UsageError(
                "evaluating an objective", "it is given the states of the recurrent layers", "none"
            )
        return self.trace

    def outputs(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores and targets; without targets the network's own answers."""
        if self.scores is None:
            raise UsageError("evaluating an objective", "it is given the network's scores", "none")
        if self.targets is not None:
            return self.scores, self.targets
        lone = self.scores.shape[2] == 1
        own = (self.scores[..., 0] > 0).long() if lone else self.scores.argmax(dim=2)
        return self.scores, own.detach()
