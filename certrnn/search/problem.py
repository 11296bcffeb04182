"""What is asked: samples, labels, and the frames that may change."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from certrnn.domains import evaluate
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import LinfBall
from certrnn.specs import Spec, label_spec


@dataclass(frozen=True)
class Threat:
    """The frames that are disturbed together. ``whole`` says that they are all there are."""

    frames: tuple[int, ...]
    whole: bool = False

    @property
    def name(self) -> str | list[int]:
        """``"all"``, or the list of frames, as results show it."""
        return "all" if self.whole else list(self.frames)


def parse_threats(text: str, length: int, first: int = 0) -> list[Threat]:
    """Threats from ``all``, ``each`` (one threat a frame) or a list such as ``0,3-5`` (these frames together).

    Parameters
    ----------
    first, length: the frames that may change are ``first`` up to, not including, ``length``; others are padding.

    Raises
    ------
    UsageError: anything else, or a frame outside the sequence.

    >>> [t.name for t in parse_threats("each", 2)], parse_threats("0,2-3", 4)[0].name, parse_threats("all", 9)[0].name
    ([[0], [1]], [0, 2, 3], 'all')
    """
    if text == "all":
        return [Threat(tuple(range(first, length)), whole=True)]
    if text == "each":
        return [Threat((t,)) for t in range(first, length)]
    frames: set[int] = set()
    for part in text.split(","):
        start, dash, last = part.strip().partition("-")
        if not start.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError("reading --frames", "each, all, or frame numbers such as 0,3-5", repr(text))
        ends = int(start), int(last) if dash else int(start)
        if not first <= ends[0] <= ends[1] < length:
            raise UsageError(
                "reading --frames", f"frames lie in {first}..{length - 1} and ranges ascend", repr(part)
            )
        frames.update(range(ends[0], ends[1] + 1))
    return [Threat(tuple(sorted(frames)), whole=len(frames) == length - first)]


def predict(scores: torch.Tensor) -> torch.Tensor:
    """Labels (N,) of scores (N, n): the largest, or for one score class 1 where it is positive."""
    return (scores[:, 0] > 0).long() if scores.shape[1] == 1 else scores.argmax(dim=1)


@dataclass(frozen=True, eq=False)
class Problem:
    """Samples of one length under one network.

    Parameters
    ----------
    graph: the network on that length.
    x: (N, frames, features) float64.
    labels: (N,) what must be answered.
    predictions: (N,) what the network answers.
    clip: valid range of inputs, or None.
    span: first frame that is no padding and the one after the last; None where all are the sample's own.
    """

    graph: Graph
    x: torch.Tensor
    labels: torch.Tensor
    predictions: torch.Tensor
    clip: tuple[float, float] | None = None
    span: tuple[int, int] | None = None

    @staticmethod
    def of(
        graph: Graph,
        x: torch.Tensor,
        labels: torch.Tensor | None = None,
        clip: tuple[float, float] | None = None,
        span: tuple[int, int] | None = None,
    ) -> Problem:
        """With predictions by plain evaluation; labels default to them."""
        with torch.no_grad():
            predictions = torch.cat([predict(evaluate(graph, part)) for part in x.split(256)])
        return Problem(graph, x, predictions if labels is None else labels, predictions, clip, span)

    def threats(self, frames: str) -> list[Threat]:
        """What :func:`parse_threats` reads in ``frames``, among the frames that are no padding."""
        first, stop = (0, self.x.shape[1]) if self.span is None else self.span
        return parse_threats(frames, stop, first)

    @property
    def right(self) -> torch.Tensor:
        """(N,) bool: samples whose prediction is their label; only these have anything to certify."""
        return self.labels == self.predictions

    def ball(self, samples: torch.Tensor, eps: torch.Tensor, threat: Threat) -> LinfBall:
        """Regions of the given samples (R,) at ``eps`` (R,)."""
        return LinfBall(self.x[samples], eps, threat.frames, self.clip)

    def spec(self, samples: torch.Tensor) -> Spec:
        """Label margins of the given samples."""
        return label_spec(self.labels[samples], self.graph.outputs)
