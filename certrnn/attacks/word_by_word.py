"""Replacing words one by one as they arrive, each by one of a few candidates (Deka et al., section V.D).

The sequence is read once. A word is replaced, if at all, before the next one is seen; the candidates of a word may
depend on the words before it. To add a source of candidates, write a class with ``__call__`` as in
:class:`Candidates`; :mod:`certrnn.attacks.language` has one that asks a language model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch

from certrnn.attacks.attack import select, worst_margin
from certrnn.attacks.causal import CausalSystem, State
from certrnn.attacks.gradient_sign import GradientSign
from certrnn.attacks.lyapunov import Lyapunov, Margin
from certrnn.attacks.online import CausalAttack, Feedback, Moment
from certrnn.errors import UsageError
from certrnn.ir import Graph
from certrnn.specs import Spec


class Candidates(Protocol):
    """Words that may stand for a word."""

    def __call__(self, before: Sequence[int], word: int) -> Sequence[int]:
        """Candidates for ``word`` after the words ``before`` of the original text, the most fitting first."""
        ...


@dataclass(frozen=True, eq=False)
class EmbeddingNeighbours:
    """The words whose vectors lie nearest.

    Args:
        table: (words, features).
        count: how many.
        largest: no farther than this in the l2 norm.
    """

    table: torch.Tensor
    count: int = 20
    largest: float = float("inf")

    def __call__(self, before: Sequence[int], word: int) -> Sequence[int]:
        distance = (self.table - self.table[word]).norm(dim=1)
        distance[word] = torch.inf
        nearest = distance.topk(min(self.count, len(distance) - 1), largest=False)
        return [int(w) for w, d in zip(nearest.indices, nearest.values, strict=True) if d <= self.largest]


class Rule(ABC):
    """How a replacement is chosen among candidates."""

    @abstractmethod
    def choose(self, moment: Moment, feedback: Feedback, vectors: torch.Tensor) -> int | None:
        """Index into the candidates' ``vectors`` (C, E), or None to keep the word. ``moment`` holds one sequence."""


@dataclass(frozen=True)
class Aligned(Rule):
    """The nearest candidate z whose step points along the computed disturbance: ``(z - x) . d >= 0``."""

    def choose(self, moment: Moment, feedback: Feedback, vectors: torch.Tensor) -> int | None:
        disturbance = feedback.disturb(moment)
        steps = vectors - moment.x
        along = (steps * disturbance).sum(dim=1)
        distance = torch.where((along >= 0) & bool(disturbance.any()), steps.norm(dim=1), torch.inf)
        return int(distance.argmin()) if bool(torch.isfinite(distance).any()) else None


@dataclass(frozen=True)
class BestEffect(Rule):
    """The candidate that drives V up the most, by trying each; the word stays where none does."""

    def choose(self, moment: Moment, feedback: Feedback, vectors: torch.Tensor) -> int | None:
        every = torch.cat([moment.x, vectors])
        state = tuple(s.expand(len(every), -1) for s in moment.state)
        spec = select(moment.spec, torch.zeros(len(every), dtype=torch.int64))
        with torch.no_grad():
            nominal = moment.observe(moment.nominal, moment.x).expand(len(every), -1)
            value = moment.lyapunov.value(moment.observe(state, every), nominal, spec)
        best = int(torch.nan_to_num(value, -torch.inf).argmax())
        return best - 1 if best and bool(value[best] > value[0]) else None


@dataclass(frozen=True)
class WordOutcome:
    """A text after the attack: ``words`` (T,), the positions that ``changed``, the smallest ``margin`` in float64, and
    whether it violates the specification."""

    words: tuple[int, ...]
    changed: tuple[int, ...]
    margin: float
    success: bool


@dataclass(frozen=True, eq=False)
class WordByWord:
    """Causal replacement of words.

    Args:
        table: (words, features), the vectors that the network reads.
        candidates: what may stand for a word.
        lyapunov: what is driven upwards.
        rule: how a replacement is chosen.
        disturbance: computes the direction that :class:`Aligned` follows.
        most: most words replaced; None for any number.
    """

    table: torch.Tensor
    candidates: Candidates
    lyapunov: Lyapunov = field(default_factory=Margin)
    rule: Rule = field(default_factory=BestEffect)
    disturbance: CausalAttack = field(default_factory=GradientSign)
    most: int | None = None

    def start(self, system: CausalSystem | Graph, spec: Spec) -> OnlineWords:
        """The attack on one text that is still arriving; ``spec`` is that of one sample."""
        if len(spec.rows) != 1:
            raise UsageError("attacking words", "the specification is one sample's", len(spec.rows))
        return OnlineWords(self, system if isinstance(system, CausalSystem) else CausalSystem(system), spec)

    def __call__(self, graph: Graph, words: Sequence[int], spec: Spec) -> WordOutcome:
        """Attack one whole text, and verify the result in float64 on its graph."""
        online = self.start(graph, spec)
        choices = tuple(online.step(int(word)) for word in words)
        with torch.no_grad():
            margin = float(worst_margin(graph, spec, self.table[list(choices)][None]))
        changed = tuple(k for k, (a, b) in enumerate(zip(choices, words, strict=True)) if a != b)
        return WordOutcome(choices, changed, margin, margin <= 0)


class OnlineWords:
    """A text under attack while it arrives: feed words with :meth:`step`, in order."""

    def __init__(self, attack: WordByWord, system: CausalSystem, spec: Spec) -> None:
        self.attack, self.system, self.spec = attack, system, spec
        self.feedback = attack.disturbance.feedback()
        self.before: list[int] = []
        self.replaced = 0
        self.state: State = ()
        self.nominal: State = ()

    def step(self, word: int) -> int:
        """The word that stands for ``word``, which has just arrived."""
        table, frame = self.attack.table, len(self.before)
        chosen, x = word, table[word][None]
        offered = [c for c in self.attack.candidates(self.before, word) if c != word]
        if offered and (self.attack.most is None or self.replaced < self.attack.most):
            vectors = table[offered]
            reach = (vectors - x).abs().amax(dim=0, keepdim=True)
            moment = Moment(
                self.system,
                frame,
                x,
                self.state,
                self.nominal,
                self.attack.lyapunov,
                self.spec,
                -reach,
                reach,
            )
            pick = self.attack.rule.choose(moment, self.feedback, vectors)
            chosen = word if pick is None else offered[pick]
        with torch.no_grad():
            self.state = self.system.advance(frame, self.state, table[chosen][None])
            self.nominal = self.system.advance(frame, self.nominal, x)
        self.before.append(word)
        self.replaced += chosen != word
        return chosen
