"""A guided search on the samples of one batch, replayed in onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from certrnn.attacks.replay import answers
from certrnn.attacks.rnn_test import Words
from certrnn.coverage import Record, Tracer
from certrnn.datasets import Batch, Sequences
from certrnn.domains.points import evaluate
from certrnn.errors import Unsupported, UsageError
from certrnn.io.onnx import OnnxModel
from certrnn.quality.cost import costs
from certrnn.results.guided import GuidedRow
from certrnn.specs import UNASKED
from certrnn.testing.search import Found, GuidedSearch, Searcher, decided

Spell = Callable[[int], str]
"""How the word of a number is written."""


@dataclass(frozen=True, eq=False)
class ChangedInput:
    """A changed input: the sample's number, the run, ``x`` (T, D), its words (T,) where it has any, and its label."""

    sample: int
    run: int
    x: np.ndarray
    words: np.ndarray | None
    label: np.ndarray


@dataclass(frozen=True, eq=False)
class SearchBatch:
    """The samples of one batch, what becomes of each, and the rows about it.

    Args:
        network: as it sees samples of this kind.
        asked: the options.
        batch: the samples.
        words: what may be put in; None for a network of vectors.
        sequences: all samples, which know their words.
        clip: valid range of vectors, or None.
        precision: number type of the network's input.
        spell: how the word of a number is written.
    """

    network: OnnxModel
    asked: GuidedSearch
    batch: Batch
    words: Words | None
    sequences: Sequences
    clip: tuple[float, float] | None
    precision: Any
    spell: Spell

    def searched(self, run: int, record: Record | None) -> tuple[list[Found], list[Any], Record | None]:
        """What each sample became, the coverage after each, and the record after all."""
        shape, span = self.batch.kind.shape, self.batch.kind.span
        tracer = Tracer.of(self.network, shape)
        searcher = Searcher(self.asked, tracer, self.words, self.clip, self.precision)
        targets, changes, shares = self.targets, list[Found](), list[Any]()
        numbers = self.word_numbers
        for row, number in enumerate(self.batch.numbers):
            frame = searcher.frame(run, number, span)
            word = None if numbers is None else int(numbers[row, frame])
            key = (self.asked.seed, run, number)
            one = searcher(self.batch.x[row], word, targets[row], frame, record, key)
            if record is not None and one.generated:
                with torch.no_grad():
                    record = record.after(tracer(one.x[None]), [len(record.samples)])
            changes.append(one)
            shares.append(() if record is None else tuple(record.coverage().tolist()))
        return changes, shares, record

    @cached_property
    def targets(self) -> torch.Tensor:
        """(B, n) the words that follow, the labels of the data, or the network's own answers."""
        steps = self.network.steps(self.batch.kind.shape)
        if self.asked.next_word:
            return self._following(steps)
        if self.batch.labels is not None:
            return self.batch.labels.reshape(len(self.batch.x), -1)
        own = decided(self.scores(self.batch.x))
        first, stop = self.batch.kind.span
        if steps == self.batch.kind.shape[0]:  # padding asks nothing
            inside = torch.arange(steps)
            own = torch.where((inside >= first) & (inside < stop), own, -1)
        return own

    def _following(self, steps: int) -> torch.Tensor:
        """(B, T) the word behind each; nothing is asked behind the last one."""
        numbers, (first, stop) = self.word_numbers, self.batch.kind.span
        classes = self.network.graph(self.batch.kind.shape).outputs // steps
        if numbers is None or steps != numbers.shape[1] or int(numbers.max()) >= classes:
            raise UsageError(
                "reading --next-word",
                "the network reads words, and scores every word at each step",
                f"{steps} steps of {classes} classes",
            )
        out = np.full(numbers.shape, UNASKED)
        out[:, first : stop - 1] = numbers[:, first + 1 : stop]
        return torch.from_numpy(out)

    def scores(self, x: torch.Tensor) -> torch.Tensor:
        """(B, n, C) in float64."""
        shape = self.batch.kind.shape
        if self.network.lowered(shape).answer.kind == "numbers":
            raise Unsupported("searching", "the network answers in classes", "numbers")
        with torch.no_grad():
            return evaluate(self.network.graph(shape), x).unflatten(1, (self.network.steps(shape), -1))

    @cached_property
    def word_numbers(self) -> np.ndarray | None:
        """(B, T) numbers of the words that the vectors stand for, the first of equal ones."""
        if self.words is None:
            return None
        place: dict[bytes, int] = {}
        for number, vector in enumerate(self.words.table.numpy()):
            place.setdefault((vector + 0.0).tobytes(), number)
        return np.array([[place[(v + 0.0).tobytes()] for v in sample] for sample in self.batch.x.numpy()])

    def replayed(self, x: torch.Tensor, numbers: np.ndarray | None) -> np.ndarray:
        """(B, n) what onnxruntime answers: to words with the whole file, to vectors otherwise."""
        if numbers is None:
            scores = self.network.run_onnxruntime(x.numpy())
        else:
            scores = self.network.run_onnxruntime_on_words(numbers)
        steps = self.network.steps(self.batch.kind.shape)
        flat = np.asarray(scores, dtype=np.float64).reshape(len(x) * steps, -1)
        return answers(flat).reshape(len(x), steps)

    def rows(self, run: int, changes: list[Found], shares: list[Any]) -> list[GuidedRow]:
        """The rows of the batch, once onnxruntime has answered the inputs before and after."""
        before, after = self.batch.x, torch.stack([one.x for one in changes])
        numbers = self.word_numbers
        changed = None if numbers is None else _with(numbers, changes)
        targets = self.targets
        required = (targets >= 0).numpy()
        ours, scores = self.scores(before), self.scores(after)
        theirs = [self.replayed(before, numbers), self.replayed(after, changed)]
        right = [(each == targets.numpy()) & required for each in theirs]
        agree = [
            ((each == decided(own).numpy()) | ~required).all(axis=1)
            for each, own in zip(theirs, (ours, scores), strict=True)
        ]
        cost = [costs(own, targets).sum(dim=1).tolist() for own in (ours, scores)]
        out = []
        for row, one in enumerate(changes):
            confirmed = bool(agree[0][row] and agree[1][row])
            out.append(
                GuidedRow(
                    sample=self.batch.numbers[row],
                    run=run,
                    frame=one.frame - self.batch.kind.span[0],
                    word=one.word,
                    substitute=one.substitute,
                    spelled=self._spelled(row, one),
                    scale=one.scale,
                    l2=one.l2,
                    generated=one.generated,
                    by_chance=one.by_chance,
                    asked=int(required[row].sum()),
                    wrong_before=int((required & ~right[0])[row].sum()),
                    wrong_after=int((required & ~right[1])[row].sum()),
                    cost_before=cost[0][row],
                    cost_after=cost[1][row],
                    confirmed=confirmed,
                    success=one.generated and bool((right[0] & ~right[1])[row].any()),
                    coverage=shares[row],
                    text=self._text(row, one),
                )
            )
        return out

    def inputs(self, run: int, changes: list[Found]) -> list[ChangedInput]:
        """The changed inputs of the batch."""
        numbers, targets = self.word_numbers, self.targets.numpy()
        changed = None if numbers is None else _with(numbers, changes)
        return [
            ChangedInput(
                self.batch.numbers[row],
                run,
                one.x.numpy(),
                None if changed is None else changed[row],
                targets[row],
            )
            for row, one in enumerate(changes)
            if one.generated
        ]

    def _own_words(self, row: int) -> tuple[str, ...]:
        """The words of a sample's text, as they are written; "" where that is not known."""
        position = self.sequences.numbers.index(self.batch.numbers[row])
        if self.sequences.words is not None:
            return self.sequences.words[position]
        numbers, (first, stop) = self.word_numbers, self.batch.kind.span
        return () if numbers is None else tuple(self.spell(int(n)) for n in numbers[row, first:stop])

    def _spelled(self, row: int, one: Found) -> tuple[str, str]:
        own, place = self._own_words(row), one.frame - self.batch.kind.span[0]
        before = own[place] if place < len(own) else ""
        return before, "" if one.substitute is None else self.spell(one.substitute)

    def _text(self, row: int, one: Found) -> tuple[str, ...]:
        own, place = list(self._own_words(row)), one.frame - self.batch.kind.span[0]
        if one.substitute is None or not any(own):
            return tuple(own) if any(own) else ()
        own[place] = self.spell(one.substitute) or str(one.substitute)
        return tuple(own)


def _with(numbers: np.ndarray, changes: list[Found]) -> np.ndarray:
    """The words with each substitute in its place."""
    out = numbers.copy()
    for row, one in enumerate(changes):
        if one.substitute is not None:
            out[row, one.frame] = one.substitute
    return out
