"""What is asked: samples, labels, and the frames that may change."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from certrnn.domains import evaluate
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.regions import Region
from certrnn.specs import UNASKED, Spec
from certrnn.threats import Labels, NormBall, Specification, ThreatModel, predict


@dataclass(frozen=True)
class FrameSet:
    """The frames that are disturbed together. ``whole`` says that they are all there are.

    ``first`` is the sample's first frame that is no padding: people count from there.
    """

    frames: tuple[int, ...]
    whole: bool = False
    first: int = 0

    @property
    def name(self) -> str | list[int]:
        """``"all"``, or the list of frames, as results show it."""
        return "all" if self.whole else [frame - self.first for frame in self.frames]


def parse_frames(text: str, length: int, first: int = 0) -> list[FrameSet]:
    """Threats from ``all``, ``each`` (one threat a frame) or a list such as ``0,3-5`` (these frames together).

    Args:
        first, length: the frames that may change are ``first`` up to, not including, ``length``; others are padding.
            Frames are counted from ``first``: 0 is a sample's own first frame, on whichever side its padding is.

    Raises:
        UsageError: anything else, or a frame outside the sequence.

    >>> [t.name for t in parse_frames("each", 2)], parse_frames("0,2-3", 4)[0].name, parse_frames("all", 9)[0].name
    ([[0], [1]], [0, 2, 3], 'all')
    >>> parse_frames("0", 6, first=3)[0].frames
    (3,)
    """
    if text == "all":
        return [FrameSet(tuple(range(first, length)), whole=True, first=first)]
    if text == "each":
        return [FrameSet((t,), first=first) for t in range(first, length)]
    own = length - first
    frames: set[int] = set()
    for part in text.split(","):
        start, dash, last = part.strip().partition("-")
        if not start.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError("reading --frames", "each, all, or frame numbers such as 0,3-5", repr(text))
        ends = int(start), int(last) if dash else int(start)
        if not ends[0] <= ends[1] < own:
            requirement = f"frames of the sample lie in 0..{own - 1} and ranges ascend"
            raise UsageError("reading --frames", requirement, repr(part))
        frames.update(range(first + ends[0], first + ends[1] + 1))
    # the only frame of a sequence is named by its number, as in ``each``: a row then has one name however it is asked
    return [FrameSet(tuple(sorted(frames)), 1 < len(frames) == own, first)]


@dataclass(frozen=True, eq=False)
class Problem:
    """Samples of one length under one network.

    Args:
        graph: the network on that length.
        x: (N, frames, features) float64.
        labels: (N,) what must be answered, as rows show it.
        predictions: (N,) what the network answers.
        clip: valid range of inputs, or None.
        span: first frame that is no padding and the one after the last; None where all are the sample's own.
        numbers: positions of the samples in the data, by which the threat model knows them; None for 0..N-1.
        threat: what may change.
        specification: what must hold.
        required: (N,) or (N, S) what the specification's rows are made of; None for the labels.
        steps: how many steps the scores belong to.
        holds: (N,) bool, whether the undisturbed answer meets the specification; None: where it is the label.
    """

    graph: Graph
    x: torch.Tensor
    labels: torch.Tensor
    predictions: torch.Tensor
    clip: tuple[float, float] | None = None
    span: tuple[int, int] | None = None
    numbers: tuple[int, ...] | None = None
    threat: ThreatModel = field(default_factory=NormBall)
    specification: Specification = field(default_factory=Labels)
    required: torch.Tensor | None = None
    steps: int = 1
    holds: torch.Tensor | None = None

    @staticmethod
    def of(
        graph: Graph,
        x: torch.Tensor,
        labels: torch.Tensor | None = None,
        clip: tuple[float, float] | None = None,
        span: tuple[int, int] | None = None,
        numbers: tuple[int, ...] | None = None,
        threat: ThreatModel | None = None,
        specification: Specification | None = None,
        steps: int = 1,
        framewise: bool = True,
    ) -> Problem:
        """With predictions by plain evaluation; labels default to them. ``framewise`` tells that several steps are the
        frames of a sample."""
        specification = Labels() if specification is None else specification
        with torch.no_grad():
            scores = torch.cat([evaluate(graph, part) for part in x.split(256)])
        own = _own_steps(labels, scores, span, steps, x.shape[1]) if framewise else labels
        targets = specification.targets(own, scores, steps)
        return Problem(
            graph,
            x,
            targets.labels,
            targets.predictions,
            clip,
            span,
            numbers,
            NormBall() if threat is None else threat,
            specification,
            targets.required,
            steps,
            targets.right,
        )

    def frame_sets(self, frames: str) -> list[FrameSet]:
        """What :func:`parse_frames` reads in ``frames``, among the frames that are no padding."""
        first, stop = (0, self.x.shape[1]) if self.span is None else self.span
        return parse_frames(frames, stop, first)

    @property
    def right(self) -> torch.Tensor:
        """(N,) bool: samples whose undisturbed answer meets the specification; only these have anything to certify."""
        return self.labels == self.predictions if self.holds is None else self.holds

    def ball(self, samples: torch.Tensor, eps: torch.Tensor, frame_set: FrameSet) -> Region:
        """Regions of the given samples (R,) at ``eps`` (R,)."""
        rows = samples.tolist()
        numbers = rows if self.numbers is None else [self.numbers[row] for row in rows]
        return self.threat.region(numbers, self.x[samples], eps, frame_set.frames, self.clip)

    def spec(self, samples: torch.Tensor) -> Spec:
        """What must hold of the given samples."""
        required = self.labels if self.required is None else self.required
        return self.specification.spec(required[samples], self.graph.outputs, self.steps)

    def wanted(self, sample: int) -> torch.Tensor:
        """What the specification asks of one sample: () or (S,), a step each."""
        return (self.labels if self.required is None else self.required)[sample]

    def classes(self, samples: torch.Tensor) -> torch.Tensor | None:
        """The classes (R,) that must be answered, where another predicted class is what a violation is."""
        return self.labels[samples] if self.specification.classes and self.steps == 1 else None


def _own_steps(
    labels: torch.Tensor | None, scores: torch.Tensor, span: tuple[int, int] | None, steps: int, frames: int
) -> torch.Tensor | None:
    """Labels that ask nothing of a step that is a frame of padding, whatever the network answers there."""
    if span is None or steps == 1 or steps != frames or span == (0, frames):
        return labels  # of steps that are no frames it is not known which are padding's
    if labels is None:
        labels = predict(scores.reshape(len(scores) * steps, -1)).reshape(len(scores), steps)
    own = torch.full_like(labels, UNASKED)
    own[:, span[0] : span[1]] = labels[:, span[0] : span[1]]
    return own
