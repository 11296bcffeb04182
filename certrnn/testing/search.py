"""One input at a time: which frame changes, and into what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from certrnn.attacks.rnn_test import ORIENTATIONS, SCALES, STRATEGIES, Guide, Objective, Words
from certrnn.attacks.rnn_test.orientations import DecisionBoundary
from certrnn.coverage import MetricOptions, Record, Tracer, chosen
from certrnn.errors import UsageError

NONE = "none"


@dataclass(frozen=True)
class GuidedSearch:
    """RNN-Test's search: in each input one frame is changed, along the gradient of an objective.

    Args:
        orientation: ``state``, ``state-swapped``, ``cost``, ``decision`` or ``none``.
        guide: a metric of :mod:`certrnn.coverage`, such as ``cs``, or ``none``. Without an orientation and a guide a
            word is replaced by chance: the baseline of the paper's tables.
        strategy: how the guide chooses states: ``boost`` or ``random``.
        states: how many it chooses.
        topk: how many classes the decision orientation looks at.
        scales: what the gradient is multiplied with, in turn.
        runs: how often every input is searched; each run draws its frames anew and covers by itself.
        seed: of all chance.
        next_word: the target of each step is the word that follows, of a language model; labels are not read.
        fill: an input for which no scale leads anywhere is changed by chance.
        barred: words that are never put in, such as padding.
        counting: how the guide's metric is counted.

    Raises:
        UsageError: an option makes no sense.

    Source: Guo et al. (RNN-Test), Algorithm 1.
    """

    orientation: str = "state"
    guide: str = NONE
    strategy: str = "boost"
    states: int = 50
    topk: int = 3
    scales: tuple[float, ...] = SCALES
    runs: int = 1
    seed: int = 0
    next_word: bool = False
    fill: bool = False
    barred: frozenset[int] = frozenset()
    counting: MetricOptions = field(default_factory=MetricOptions)

    def __post_init__(self) -> None:
        for option, value, known in (
            ("--orientation", self.orientation, (*ORIENTATIONS, NONE)),
            ("--guide", self.guide, (*chosen(None, self.counting), NONE)),
            ("--strategy", self.strategy, tuple(STRATEGIES)),
        ):
            if value not in known:
                raise UsageError(f"reading {option}", f"it is one of {', '.join(known)}", repr(value))
        if self.runs < 1:
            raise UsageError("reading --runs", "every input is searched once or more", self.runs)
        if not self.scales or min(self.scales) < 0:
            raise UsageError("reading --scales", "there are some, none of them negative", self.scales)
        if self.seed < 0:
            raise UsageError("reading --seed", "it is no negative number", self.seed)
        _ = self.objective

    @property
    def objective(self) -> Objective:
        """What is driven up."""
        orientation = ORIENTATIONS.get(self.orientation)
        if isinstance(orientation, DecisionBoundary):
            orientation = DecisionBoundary(self.topk)
        guide = None
        if self.guide != NONE:
            metric = chosen([self.guide], self.counting)[self.guide]
            guide = Guide(metric, STRATEGIES[self.strategy], self.states)
        return Objective(orientation, guide)

    @property
    def name(self) -> str:
        """The objective in words, such as ``state + cs``."""
        parts = [part for part in (self.orientation, self.guide) if part != NONE]
        if self.guide != NONE and self.strategy != "boost":
            parts[-1] += f" ({self.strategy})"
        return " + ".join(parts) or "replaced by chance"

    def record(self) -> tuple[tuple[str, Any], ...]:
        """The options by name, as documents state them."""
        plain = ("orientation", "guide", "strategy", "states", "topk", "runs", "seed", "next_word", "fill")
        told: list[tuple[str, Any]] = [(name, getattr(self, name)) for name in plain]
        return (*told, ("scales", list(self.scales)), ("barred", sorted(self.barred)))


@dataclass(frozen=True, eq=False)
class Found:
    """What an input became.

    Args:
        frame: the one that was to change.
        x: (T, D) the changed input; the input itself where nothing was found.
        word, substitute: numbers of words, of a network that looks them up.
        scale, l2: of the gradient; None where there was none.
        generated: whether another input was found.
        by_chance: whether chance found it.
    """

    frame: int
    x: torch.Tensor
    word: int | None
    substitute: int | None
    scale: float | None
    l2: float | None
    generated: bool
    by_chance: bool


@dataclass(frozen=True, eq=False)
class Searcher:
    """The search on samples of one shape.

    Args:
        asked: the options.
        tracer: the network.
        words: what may be put in; None for a network of vectors.
        clip: valid range of vectors, or None.
        precision: number type of the network's input.
    """

    asked: GuidedSearch
    tracer: Tracer
    words: Words | None
    clip: tuple[float, float] | None
    precision: Any

    def frame(self, run: int, number: int, span: tuple[int, int]) -> int:
        """The frame that changes: drawn uniformly, the first left out where there are more.

        It depends on seed, run and the sample's number alone, so that every objective changes the same frame.
        """
        first, stop = span
        generator = np.random.default_rng([self.asked.seed, run, number])
        return int(generator.integers(min(first + 1, stop - 1), stop))

    def __call__(
        self,
        x: torch.Tensor,
        word: int | None,
        targets: torch.Tensor,
        frame: int,
        record: Record | None,
        key: Sequence[int],
    ) -> Found:
        """Change one frame of one input.

        Args:
            x: (T, D).
            word: the number of the word in that frame.
            targets: (n,) classes; negative where nothing is asked.
            record: what the guide's metric has covered so far.
            key: seeds of what is drawn by chance.
        """
        generator, objective = np.random.default_rng([*key, 1]), self.asked.objective
        gradient = None
        if objective:
            at = torch.tensor([frame])
            gradient = objective.gradient(self.tracer, x[None], at, targets[None], record, [generator])[0]
        change = None
        if gradient is not None:
            change = self._along(x, word, frame, gradient, targets)
        if change is None and (gradient is None or self.asked.fill):
            change = self._chance(x, word, frame, targets, np.random.default_rng([*key, 2]))
        return change or Found(frame, x, word, None, None, None, False, False)

    def _along(
        self, x: torch.Tensor, word: int | None, frame: int, gradient: torch.Tensor, targets: torch.Tensor
    ) -> Found | None:
        if self.words is None:
            return self._moved(x, frame, gradient, targets)
        assert word is not None
        change = self.words.another(word, gradient, self.asked.scales)
        if change is None:
            return None
        return Found(
            frame, self._put(x, frame, change.word), word, change.word, change.scale, change.l2, True, False
        )

    def _chance(
        self,
        x: torch.Tensor,
        word: int | None,
        frame: int,
        targets: torch.Tensor,
        generator: np.random.Generator,
    ) -> Found | None:
        if self.words is None:
            direction = torch.from_numpy(generator.standard_normal(x.shape[1]))
            change = self._moved(x, frame, direction / direction.norm(), targets)
            return None if change is None else Found(frame, change.x, None, None, None, change.l2, True, True)
        assert word is not None
        other = self.words.random(word, generator)
        if other is None:
            return None
        changed = self._put(x, frame, other)
        return Found(frame, changed, word, other, None, float((changed - x).norm()), True, True)

    def _put(self, x: torch.Tensor, frame: int, word: int) -> torch.Tensor:
        assert self.words is not None
        out = x.clone()
        out[frame] = self.words.table[word]
        return out

    def _moved(
        self, x: torch.Tensor, frame: int, direction: torch.Tensor, targets: torch.Tensor
    ) -> Found | None:
        """Of a network of vectors: the first scale that changes a right answer, or else the last that moves the
        frame."""
        scales = [scale for scale in self.asked.scales if scale > 0]
        if not scales or not bool(direction.any()):
            return None
        tried = x.expand(len(scales), -1, -1).clone()
        tried[:, frame] = self._held(x[frame] + torch.tensor(scales)[:, None] * direction)
        moved = (tried[:, frame] != x[frame]).any(dim=1)
        if not bool(moved.any()):
            return None
        wrong = self._newly_wrong(x, tried, targets) & moved
        place = int(wrong.nonzero()[0]) if bool(wrong.any()) else int(moved.nonzero()[-1])
        l2 = float((tried[place] - x).norm())
        return Found(frame, tried[place], None, None, scales[place], l2, True, False)

    def _held(self, vectors: torch.Tensor) -> torch.Tensor:
        """Inside the valid range, in the network's own numbers."""
        if self.clip is not None:
            vectors = vectors.clamp(*self.clip)
        limit = float(np.finfo(self.precision).max)
        rounded = vectors.clamp(-limit, limit).numpy().astype(self.precision)
        return torch.from_numpy(rounded.astype(np.float64))

    def _newly_wrong(self, x: torch.Tensor, tried: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            scores = self.tracer(torch.cat([x[None], tried]), True).scores
        assert scores is not None
        right = decided(scores.unflatten(1, (len(targets), -1))) == targets
        return (right[:1] & ~right[1:] & (targets >= 0)).any(dim=1)


def decided(scores: torch.Tensor) -> torch.Tensor:
    """(B, n) classes of scores (B, n, C): the largest, or class 1 where a lone one is positive."""
    return (scores[..., 0] > 0).long() if scores.shape[2] == 1 else scores.argmax(dim=2)
