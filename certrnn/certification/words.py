"""How much each word of a text decides: what is certified where it alone changes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from certrnn.certification.fading import Shares, fading_shares
from certrnn.certification.problem import FrameSet, Problem
from certrnn.certification.query import Query
from certrnn.certification.radii import Tick, radii
from certrnn.datasets import Batch, Sequences
from certrnn.datasets.files import network_for
from certrnn.domains import evaluate
from certrnn.errors import Unsupported, UsageError
from certrnn.io.onnx import OnnxModel
from certrnn.results.words import Sentence, Word
from certrnn.search import RelativeTolerance
from certrnn.threats import NormBall

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

    Raises:
        UsageError: another threat, method or norm.
    """

    threat: str = FADE
    toward: torch.Tensor | None = None
    name: str = "a vector of zeros"
    method: str = "auto"
    rel_tol: float = 0.02
    norm: str = "inf"
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
        query = Query(method=self.method, schedule=schedule, attack=False, threat=ball)
        object.__setattr__(self, "query", query)


def answer_words(
    network: OnnxModel, sequences: Sequences, question: WordQuery, size: int, tick: Tick = lambda _: None
) -> Iterator[list[Sentence]]:
    """Sentences of one batch after the other, at most ``size`` of them at a time."""
    for batch in sequences.batches(size):
        told = network_for(network, batch.kind)
        if told.steps(batch.kind.shape) > 1:
            raise Unsupported(
                "ranking words", "the network gives one answer a sample", "an answer a step", "Use certify."
            )
        ball = question.query.threat
        graph = told.graph(batch.kind.shape)
        problem = Problem.of(
            graph, batch.x, batch.labels, span=batch.kind.span, numbers=batch.numbers, threat=ball
        )
        found = [_bounded(problem, frame_set, question, tick) for frame_set in problem.frame_sets("each")]
        yield [_sentence(problem, batch, row, sequences, found) for row in range(len(batch.numbers))]


def _bounded(
    problem: Problem, frame_set: FrameSet, question: WordQuery, tick: Tick
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Certified amount, proved margin and sensitivity (N,) of every sample's word, the only one that changes."""
    analysis = question.query.analysis()
    if question.threat == BALL:
        eps = radii(problem, analysis, frame_set, question.query.schedule, tick)
        length = torch.linalg.vector_norm(problem.x[:, frame_set.frames[0]], dim=1)
        return eps, torch.full_like(eps, torch.nan), length / eps
    toward = question.toward
    if toward is None:
        toward = torch.zeros(problem.x.shape[2], dtype=torch.float64)
    shares, margins = fading_shares(problem, analysis, frame_set, toward, Shares(), tick)
    before = _margins(problem)
    lost = 1.0 - torch.minimum(margins, before) / before
    return shares, margins, torch.where(shares >= 1.0, lost, 1.0 / shares)


def _margins(problem: Problem) -> torch.Tensor:
    """The undisturbed margin (N,) of the label, in float64."""
    with torch.no_grad():
        scores = evaluate(problem.graph, problem.x)
    return problem.spec(torch.arange(len(problem.x))).margins(scores).amin(dim=1)


def _sentence(
    problem: Problem,
    batch: Batch,
    row: int,
    sequences: Sequences,
    found: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]],
) -> Sentence:
    place = sequences.numbers.index(batch.numbers[row])
    first, stop = batch.kind.span
    spoken = (
        tuple(f"[{t}]" for t in range(stop - first)) if sequences.words is None else sequences.words[place]
    )
    places = sequences.place(place)
    right = bool(problem.right[row])
    words = []
    for frame, (text, (amounts, margins, sensitivities)) in enumerate(zip(spoken, found, strict=True)):
        amount, margin, weight = (float(v[row]) for v in (amounts, margins, sensitivities))
        words.append(
            Word(
                frame,
                text,
                amount if right else None,
                margin if right and math.isfinite(margin) else None,
                (weight if weight == weight else math.inf) if right else None,
                places[frame],
            )
        )
    return Sentence(batch.numbers[row], int(problem.labels[row]), int(problem.predictions[row]), tuple(words))
