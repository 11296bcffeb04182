"""Rows of an attack, and the counterexamples behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from certrnn.arrays import to_numpy, to_tensor
from certrnn.attacks.smallest import distance
from certrnn.certification import FrameSet, Problem
from certrnn.certification.witnesses import Naming, lookup
from certrnn.datasets import Batch, Sequences
from certrnn.falsification.query import AttackQuery
from certrnn.falsification.search import Side
from certrnn.io.onnx import OnnxModel
from certrnn.results.attacks import AttackRow, Counterexample, Replaced
from certrnn.results.changes import marked
from certrnn.threats import Specification

UNFINITE = -1
"""The answer of scores that are no finite numbers."""


@dataclass(frozen=True, eq=False)
class Found:
    """What rows are about.

    Args:
        network: on samples of this kind.
        problem, batch: the samples.
        sequences: the samples, as people know them.
        rows: (R,) those that were attacked.
        query: what was asked.
        frame_set: the frames that may change.
        eps: the eps, or None for the smallest.
    """

    network: OnnxModel
    problem: Problem
    batch: Batch
    sequences: Sequences
    rows: torch.Tensor
    query: AttackQuery
    frame_set: FrameSet
    eps: float | None


def rows_of(context: Found, side: Side, seconds: float) -> list[AttackRow]:
    """A row for each sample of a batch; of the attacked ones what ``side`` says of them, in this order."""
    place = {int(sample): row for row, sample in enumerate(context.rows)}
    out = []
    for sample in range(len(context.batch.numbers)):
        row = _plain(context, sample)
        if sample in place:
            at = place[sample]
            row = replace(
                row, verdict="timeout" if side.cut else "unknown", seconds=seconds, reason=side.reasons[at]
            )
            if bool(side.eps[at].isfinite()):
                row = _confirmed(context, row, sample, float(side.eps[at]), side.x[at])
        out.append(row)
    return out


def _plain(context: Found, sample: int) -> AttackRow:
    """The row of a sample of which nothing is found, as if it were not attacked."""
    problem = context.problem
    answers = int(problem.labels[sample]), int(problem.predictions[sample])
    wanted = (context.query.name, context.query.target, context.eps)
    number = context.batch.numbers[sample]
    return AttackRow.without(number, context.frame_set.name, answers, wanted, "misclassified")


def _confirmed(context: Found, row: AttackRow, sample: int, eps: float, x: torch.Tensor) -> AttackRow:
    """The row with its counterexample, if the file itself, words included, gives another answer to it."""
    network, problem, batch = context.network, context.problem, context.batch
    sequence, center = to_numpy(x), to_numpy(problem.x[sample])
    required = to_numpy(problem.wanted(sample)).reshape(-1)
    words = lookup(network, sequence)
    if context.query.by_words and words is None:
        return replace(row, verdict="unknown", reason="a frame of it is no word of the network")
    scores = [network.run_onnxruntime(sequence[None])]
    if words is not None:
        scores.append(network.run_onnxruntime_on_words(words[None]))
    specification, steps = problem.specification, problem.steps
    held, answers = zip(*(met(specification, required, one, steps) for one in scores), strict=True)
    if any(held):
        return replace(
            row, verdict="unknown", reason="onnxruntime answers otherwise to words than to vectors"
        )
    counterexample = Counterexample(
        sample=row.sample,
        x=sequence,
        center=center,
        frames=context.frame_set.frames,
        span=batch.kind.span,
        eps=eps,
        label=row.label,
        target=row.target,
        answer=answers[-1],
        words=words,
        told=batch.kind.told,
        threat=problem.threat.of(row.sample),
        specification=specification,
        required=tuple(int(one) for one in required),
    )
    naming = Naming(network, context.sequences)
    changed = naming.changes(context.sequences.numbers.index(row.sample), sequence, problem.threat)
    row = replace(row, verdict="falsified", reason="", counterexample=counterexample, changed=changed)
    texts = context.sequences.words
    if texts is not None and changed and all(one.after for one in changed):
        own = texts[context.sequences.numbers.index(row.sample)]
        row = replace(row, text=marked(own, changed))
    return _measured(row, counterexample, network)


def met(
    specification: Specification, required: np.ndarray, scores: np.ndarray, steps: int
) -> tuple[bool, int]:
    """Whether scores (1, n) of onnxruntime keep to what is required (S,), and the answer that rows show for them; -1 of
    scores that are no finite numbers, which keep to everything."""
    exact = torch.from_numpy(np.asarray(scores, dtype=np.float64))
    if not bool(exact.isfinite().all()):
        return True, UNFINITE
    wanted = torch.from_numpy(np.asarray(required, dtype=np.int64))
    outcome = specification.met(wanted[None] if steps > 1 else wanted, exact, steps)
    return bool(outcome.right[0]), int(outcome.predictions[0])


def _measured(row: AttackRow, counterexample: Counterexample, network: OnnxModel) -> AttackRow:
    """The row with the counterexample's answer, distances and words."""
    moved = counterexample.x - counterexample.center
    words: tuple[Replaced, ...] | None = None
    before = None if counterexample.words is None else lookup(network, counterexample.center)
    if counterexample.words is not None and before is not None:
        changed = np.flatnonzero(before != counterexample.words)
        words = tuple(
            (int(t) - counterexample.span[0], int(before[t]), int(counterexample.words[t])) for t in changed
        )
    exact = (
        to_tensor(counterexample.x[None], torch.zeros(0)),
        to_tensor(counterexample.center[None], torch.zeros(0)),
    )
    return replace(
        row,
        answer=counterexample.answer,
        radius=counterexample.eps,
        linf=float(distance(*exact)[0]),
        l2=float(np.linalg.norm(moved)),
        l0=int(np.count_nonzero(moved)),
        words=words,
    )
