"""Rows of an attack, and the counterexamples behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from certrnn.arrays import to_numpy, to_tensor
from certrnn.attacks.replay import answers
from certrnn.attacks.smallest import distance
from certrnn.certification import FrameSet, Problem
from certrnn.datasets import Batch
from certrnn.falsification.counterexamples import Counterexample
from certrnn.io.onnx import OnnxModel
from certrnn.results.attacks import AttackRow, Replaced

Found = tuple[AttackRow, Counterexample | None]


@dataclass(frozen=True)
class AttackRowKey:
    """What rows are about: the attack's name, the frames, the eps (None: the smallest) and the target (None: any).

    ``by_words`` says that only words of the network's table count.
    """

    attack: str
    frame_set: FrameSet
    eps: float | None
    target: int | None
    by_words: bool


@dataclass(frozen=True, eq=False)
class Side:
    """Confirmed counterexamples of samples (R,): radius (inf where none), sequence, and why one does not count."""

    eps: torch.Tensor
    x: torch.Tensor
    reasons: tuple[str, ...]


def rows_of(
    network: OnnxModel,
    problem: Problem,
    batch: Batch,
    rows: torch.Tensor,
    asked: AttackRowKey,
    side: Side,
    seconds: float,
) -> list[Found]:
    """A row for each sample of a batch, the attacked ones ``rows`` (R,) with what ``side`` says of them."""
    place = {int(sample): row for row, sample in enumerate(rows)}
    out: list[Found] = []
    for sample, number in enumerate(batch.numbers):
        label = int(problem.labels[sample])
        if label == asked.target:
            continue
        row = AttackRow(
            sample=number,
            frames=asked.frame_set.name,
            label=label,
            prediction=int(problem.predictions[sample]),
            target=asked.target,
            verdict="misclassified",
            eps=asked.eps,
            answer=None,
            linf=None,
            l2=None,
            l0=None,
            words=None,
            attack=asked.attack,
            seconds=0.0,
        )
        if sample not in place:
            out.append((row, None))
            continue
        at = place[sample]
        row = replace(row, verdict="unknown", seconds=seconds, reason=side.reasons[at])
        if not bool(side.eps[at].isfinite()):
            out.append((row, None))
            continue
        found = _counterexample(network, problem, batch, sample, asked, float(side.eps[at]), side.x[at])
        if found is None:
            out.append(
                (
                    replace(row, reason="onnxruntime answers otherwise to the words than to their vectors"),
                    None,
                )
            )
            continue
        out.append((_falsified(row, found, network), found))
    return out


def _counterexample(
    network: OnnxModel,
    problem: Problem,
    batch: Batch,
    sample: int,
    asked: AttackRowKey,
    eps: float,
    x: torch.Tensor,
) -> Counterexample | None:
    sequence, center = to_numpy(x), to_numpy(problem.x[sample])
    answer = int(answers(np.asarray(network.run_onnxruntime(sequence[None])))[0])
    words = lookup(network, sequence) if asked.by_words else None
    if asked.by_words:
        if words is None:
            return None
        answer = int(answers(np.asarray(network.run_onnxruntime_on_words(words[None])))[0])
    label = int(problem.labels[sample])
    if answer == label or answer < 0 or asked.target not in (None, answer):
        return None
    return Counterexample(
        sample=batch.numbers[sample],
        x=sequence,
        center=center,
        frames=asked.frame_set.frames,
        span=batch.kind.span,
        eps=eps,
        label=label,
        target=asked.target,
        answer=answer,
        words=words,
        told=batch.kind.told,
    )


def _falsified(row: AttackRow, found: Counterexample, network: OnnxModel) -> AttackRow:
    moved = found.x - found.center
    words: tuple[Replaced, ...] | None = None
    if found.words is not None:
        before = lookup(network, found.center)
        if before is not None:
            changed = np.flatnonzero(before != found.words)
            words = tuple((int(t) - found.span[0], int(before[t]), int(found.words[t])) for t in changed)
    exact = to_tensor(found.x[None], torch.zeros(0)), to_tensor(found.center[None], torch.zeros(0))
    return replace(
        row,
        verdict="falsified",
        answer=found.answer,
        linf=float(distance(*exact)[0]),
        l2=float(np.linalg.norm(moved)),
        l0=int(np.count_nonzero(moved)),
        words=words,
        reason="",
    )


def lookup(network: OnnxModel, vectors: np.ndarray) -> np.ndarray | None:
    """(T,) numbers of the words whose vectors (T, D) these are, the first of equal ones; None where one is no word."""
    if network.embedding is None:
        return None
    table = network.embedding.table
    out = []
    for vector in vectors:
        hits = np.flatnonzero((table == vector).all(axis=1))
        if not len(hits):
            return None
        out.append(int(hits[0]))
    return np.array(out, dtype=np.int64)
