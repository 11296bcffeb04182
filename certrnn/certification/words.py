"""How much each word of a text decides: what is certified where it alone changes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import torch

from certrnn.certification.clock import Clock
from certrnn.certification.fading import Shares, fading_shares
from certrnn.certification.posing import check_kind, notes_of, problem_of
from certrnn.certification.problem import FrameSet, Problem
from certrnn.certification.query import Query
from certrnn.certification.radii import radii
from certrnn.certification.statement import of_words, question_of
from certrnn.datasets import Batch, Sequences
from certrnn.datasets.files import network_for
from certrnn.datasets.sequences import SequenceShape
from certrnn.domains import evaluate
from certrnn.errors import InvalidInput, Unsupported, UsageError
from certrnn.results.question import Question
from certrnn.results.subject import Expected, Subject, early, extent_of
from certrnn.results.words import Sentence, Word, Words
from certrnn.runs.job import Job, Part, Tick
from certrnn.search import RelativeTolerance
from certrnn.threats import NormBall

ZEROS = "a vector of zeros"
FADE = "fade"
BALL = "ball"


@dataclass(frozen=True, eq=False)
class WordQuery:
    """What is asked of every word.

    Args:
        threat: ``fade`` (the word's vector moves towards another one) or ``ball`` (it moves by at most eps in
            ``norm``).
        toward: (features,) the vector that words fade to; zeros where None.
        name: what that vector is, for the reader.
        method: ``auto`` or the name of an analysis.
        rel_tol: relative tolerance of the search of an eps.
        norm: ``inf``, ``2`` or ``1``, of ``ball``.
        budget: seconds for a text, or None for any: of a search that it ends, what was certified before counts.

    Raises:
        UsageError: another threat, method or norm.
    """

    threat: str = FADE
    toward: torch.Tensor | None = None
    name: str = ZEROS
    method: str = "auto"
    rel_tol: float = 0.02
    norm: str = "inf"
    budget: float | None = None
    query: Query = field(init=False)

    @property
    def toward_name(self) -> str:
        """What words fade to, or "" where they do not."""
        return self.name if self.threat == FADE else ""

    @property
    def threat_name(self) -> str:
        """``fade``, or the ball by its norm."""
        return FADE if self.threat == FADE else self.query.threat.name

    def __post_init__(self) -> None:
        if self.threat not in (FADE, BALL):
            raise UsageError("reading --threat", f"it is {FADE} or {BALL}", repr(self.threat))
        if self.threat == FADE and self.norm != "inf":
            raise UsageError("reading --norm", f"it belongs to --threat {BALL}", f"--threat {FADE}")
        schedule = RelativeTolerance(self.rel_tol)
        ball = NormBall(self.norm)
        query = Query(method=self.method, schedule=schedule, attack=False, budget=self.budget, threat=ball)
        object.__setattr__(self, "query", query)


class WordsJob(Job[WordQuery, Sentence, Words]):
    """How far may each word of some texts change, alone, before the answer can?"""

    record: ClassVar = Sentence
    doing: ClassVar = "ranking words"

    def check_kind(self, kind: SequenceShape) -> None:
        self.sequences.require_classes()
        check_kind(self.network, self.sequences, kind, self.query.query, None)
        self._require_marks(kind)
        if network_for(self.network, kind).steps(kind.shape) > 1:
            raise Unsupported(
                "ranking words", "the network gives one answer a sample", "an answer a step", "Use certify."
            )

    def _require_marks(self, kind: SequenceShape) -> None:
        """Words fade to one that the network masks as it masks them: of a vector that is no word's, masks stay.

        Raises:
            InvalidInput: they do not.
        """
        toward = self.query.toward
        if not kind.marks or self.query.threat != FADE or toward is None or self.query.name == ZEROS:
            return
        told = self.network.marks_of_vector(toward.numpy(), len(kind.marks))
        if told and any(told != {mark} for mark in kind.marks[slice(*kind.span)]):
            raise InvalidInput(
                f"fading words to {self.query.name}",
                "the network masks it where it masks the words that fade",
                "one that it masks otherwise, as it masks padding",
                "Pass --toward another word, or zero: vectors fade, and masks stay.",
            )

    def parts(self, kind: SequenceShape) -> list[Part]:
        return [Part("each", [])]

    def answers(self, part: Part, tick: Tick) -> Iterator[list[Sentence]]:
        (batch,) = self.sequences.batches(len(self.sequences))
        query, clock = self.query, Clock(self.query.budget, len(self.sequences))
        problem = problem_of(network_for(self.network, batch.kind), batch, query.query, None)
        bounds, cut = [], clock.spent
        for frame_set in problem.frame_sets("each"):
            bounds.append(_bounded(problem, frame_set, query, tick, clock))
            cut = clock.spent
        yield [
            _sentence(problem, batch, row, self.sequences, bounds, cut) for row in range(len(batch.numbers))
        ]

    def failure(self, part: Part, number: int, label: int, verdict: str, reason: str) -> Sentence:
        return Sentence(number, label, -1, (), verdict == "timeout", reason)

    def question(self) -> Question:
        question = question_of(self.network, self.precision, self.sequences, self.query.query)
        return of_words(question, self.query.toward_name)

    def notes(self) -> list[str]:
        return notes_of(self.network, self.sequences)

    @classmethod
    def collected(
        cls, subject: Subject, query: WordQuery, rows: Iterable[Sentence], expected: Expected, part: str
    ) -> Words:
        done = tuple(sorted(rows, key=lambda sentence: sentence.place))
        extent = extent_of(expected, done)
        notes = [subject.note] if subject.note else []
        notes += [f"text {one.sample} has no answer: {one.reason}" for one in done if one.reason]
        cut = sum(one.cut for one in done)
        notes += [f"the budget ended the search of some words in {cut} of {len(done)} texts"] if cut else []
        notes += early(len(done), extent, part, "texts")
        about = query.threat_name, query.toward_name, query.query.analysis().name
        question = subject.question
        return Words(subject.path, subject.sha256, *about, done, tuple(notes), question, extent)


def _bounded(
    problem: Problem, frame_set: FrameSet, question: WordQuery, tick: Tick, clock: Clock
) -> tuple[torch.Tensor, ...]:
    """Certified amount, proved margin, sensitivity and influence (N,) of every sample's word, the only one that
    changes."""
    toward = question.toward
    if toward is None or question.threat == BALL:
        toward = torch.zeros(problem.x.shape[2], dtype=torch.float64)
    before, without = _margins(problem, problem.x), problem.x.clone()
    without[:, frame_set.frames[0]] = toward
    influence = before - _margins(problem, without)
    analysis = question.query.analysis()
    if question.threat == BALL:
        eps = radii(problem, analysis, frame_set, question.query.schedule, tick, clock)
        length = torch.linalg.vector_norm(problem.x[:, frame_set.frames[0]], dim=1)
        return eps, torch.full_like(eps, torch.nan), length / eps, influence
    shares, margins = fading_shares(problem, analysis, frame_set, toward, Shares(), tick, clock)
    lost = 1.0 - torch.minimum(margins, before) / before
    return shares, margins, torch.where(shares >= 1.0, lost, 1.0 / shares), influence


def _margins(problem: Problem, x: torch.Tensor) -> torch.Tensor:
    """The margin (N,) of the label at sequences (N, T, D), in float64."""
    with torch.no_grad():
        scores = evaluate(problem.graph, x)
    return problem.spec(torch.arange(len(problem.x))).margins(scores).amin(dim=1)


def _sentence(
    problem: Problem,
    batch: Batch,
    row: int,
    sequences: Sequences,
    bounds: list[tuple[torch.Tensor, ...]],
    cut: bool,
) -> Sentence:
    place = sequences.numbers.index(batch.numbers[row])
    first, stop = batch.kind.span
    spoken = (
        tuple(f"[{t}]" for t in range(stop - first)) if sequences.words is None else sequences.words[place]
    )
    places = sequences.place(place)
    right = bool(problem.right[row])
    words = []
    known = (True,) * len(spoken) if sequences.known is None else sequences.known[place]
    for frame, (text, columns) in enumerate(zip(spoken, bounds, strict=True)):
        amount, margin, weight, influence = (float(column[row]) for column in columns)
        words.append(
            Word(
                frame,
                text,
                amount if right else None,
                margin if right and math.isfinite(margin) else None,
                (weight if weight == weight else math.inf) if right else None,
                places[frame],
                known[frame],
                influence if right and math.isfinite(influence) else None,
            )
        )
    answer = int(problem.predictions[row])
    return Sentence(batch.numbers[row], int(problem.labels[row]), answer, tuple(words), cut and right)
