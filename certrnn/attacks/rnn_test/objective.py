"""The joint objective: an orientation, a guide, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from certrnn.attacks.rnn_test.guides import Guide
from certrnn.attacks.rnn_test.moment import Moment
from certrnn.attacks.rnn_test.orientations import Orientation
from certrnn.coverage import Record, Trace

Network = Callable[[torch.Tensor, bool], Trace]
"""A network as :class:`certrnn.coverage.Tracer` runs it: states, and scores where they are asked."""


@dataclass(frozen=True)
class Objective:
    """``obj = obj_orient + obj_cov``, weighted alike; either may be missing, and without both there is none.

    Source: Guo et al. (RNN-Test), Algorithm 1, line 8.
    """

    orientation: Orientation | None = None
    guide: Guide | None = None

    def __bool__(self) -> bool:
        return self.orientation is not None or self.guide is not None

    @property
    def reads_scores(self) -> bool:
        """Whether the network's scores are needed."""
        return self.orientation is not None and self.orientation.reads_scores

    def value(
        self, moment: Moment, record: Record | None, generators: list[np.random.Generator]
    ) -> torch.Tensor:
        """(B,) the joint objective; see :meth:`Guide.value`."""
        parts = []
        if self.orientation is not None:
            parts.append(self.orientation.value(moment))
        if self.guide is not None:
            parts.append(self.guide.value(moment, record, generators))
        return torch.stack(parts).sum(dim=0)

    def gradient(
        self,
        network: Network,
        x: torch.Tensor,
        frames: torch.Tensor,
        targets: torch.Tensor | None,
        record: Record | None,
        generators: list[np.random.Generator],
    ) -> torch.Tensor:
        """(B, D) the gradient in the frame of each sample that is to change; 0 where it is no finite number.

        Args:
            x: (B, T, D) float64.
            frames: (B,).
            targets: (B, n) classes of the network's n steps, negative where nothing is asked; None for its answers.
        """
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            seen = network(leaf, self.reads_scores)
            scores = None
            if seen.scores is not None:
                steps = 1 if targets is None else targets.shape[1]
                scores = seen.scores.unflatten(1, (steps, -1))
            moment = Moment(frames, x.shape[1], seen, scores, targets)
            total = self.value(moment, record, generators).sum()
            gradient = torch.autograd.grad(total, leaf, allow_unused=True)[0] if total.requires_grad else None
        rows = torch.arange(len(x))
        own = torch.zeros_like(x[:, 0]) if gradient is None else gradient[rows, frames]
        return torch.nan_to_num(own, 0.0, 0.0, 0.0)
