"""A guided search over whole sets of samples: every find replayed in onnxruntime, coverage after each."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from certrnn.attacks.rnn_test import Words
from certrnn.certification import Query
from certrnn.certification.posing import notes_of
from certrnn.certification.statement import question_of
from certrnn.coverage import Record
from certrnn.datasets import Sequences
from certrnn.datasets.files import network_for
from certrnn.io.onnx import OnnxModel
from certrnn.model import Data, Model
from certrnn.results.guided import GuidedResults, GuidedRow
from certrnn.results.question import Way
from certrnn.testing.measure import longest
from certrnn.testing.search import GuidedSearch
from certrnn.testing.search_batch import ChangedInput, SearchBatch, Spell

BATCH = 64
"""Samples whose outputs are computed together."""

Tick = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class GuidedOutcome:
    """The results of a search, and the inputs behind them."""

    results: GuidedResults
    inputs: tuple[ChangedInput, ...]

    def content(self, precision: type[np.floating[Any]]) -> bytes:
        """An npz whose ``x``, ``y`` and ``lengths`` are samples that every command reads, with ``sample`` and ``run``
        of each; of a network of words, ``x`` (N, T) holds these."""
        stop = max((len(one.x) for one in self.inputs), default=1)
        many = max((len(one.label) for one in self.inputs), default=1)
        read = [one.x if one.words is None else one.words for one in self.inputs]
        kind = np.int64 if read and read[0].ndim == 1 else precision
        x = np.zeros((len(read), stop, *(read[0].shape[1:] if read else (1,))), dtype=kind)
        y = np.full((len(self.inputs), many), -1, dtype=np.int64)
        for row, one in enumerate(self.inputs):
            x[row, : len(one.x)] = read[row]
            y[row, : len(one.label)] = one.label
        lengths = np.array([len(one.x) for one in self.inputs], dtype=np.int64)
        numbers = {name: np.array([getattr(one, name) for one in self.inputs]) for name in ("sample", "run")}
        stream = io.BytesIO()
        arrays = {"x": x, "y": y[:, 0] if many == 1 else y, **numbers}
        if len(set(lengths.tolist())) > 1:
            arrays["lengths"] = lengths
        np.savez_compressed(stream, allow_pickle=False, **arrays)  # type: ignore[arg-type]
        return stream.getvalue()


def guided_search(
    model: Model,
    x: Data,
    y: int | Sequence[int] | np.ndarray | None = None,
    search: GuidedSearch | None = None,
    clip: tuple[float, float] | None = None,
    spell: Spell = lambda _: "",
    tick: Tick = lambda _: None,
    certify: bool = False,
) -> GuidedOutcome:
    """Change one frame of every sample along the gradient of an objective (RNN-Test).

    Works on classifiers and on networks that answer at every step, such as language models. A network of words gets
    the nearest other word at a growing scale; a network of vectors the first scaled step that changes an answer.

    Args:
        model: with at least one recurrent node.
        x: samples, as :meth:`certrnn.Model.certify` takes them.
        y: targets, one a sample or one a step; without, the network's own answers.
        search: the options.
        clip: valid range of vectors.
        spell: how the word of a number is written.
        tick: told how many rows were finished.
        certify: also certify the eps of the frame that changes, in the unchanged input (method zonotope).

    Raises:
        UsageError: an option makes no sense, or the network has nothing that the guide counts.
        Unsupported: no recurrent node, no classes, or another answer than onnxruntime's.
    """
    settings, sequences = search or GuidedSearch(), model.sequences(x, y)
    model.job(sequences, Query()).check()
    steps = longest(model.network, [sequences])
    words = _words(model.network, settings)
    rows: list[GuidedRow] = []
    inputs: list[ChangedInput] = []
    metric = None if settings.objective.guide is None else settings.objective.guide.metric
    for run in range(settings.runs):
        record = None if metric is None else Record(metric, steps)
        for batch in sequences.batches(BATCH):
            network = network_for(model.network, batch.kind)
            job = SearchBatch(network, settings, batch, words, sequences, clip, model.precision, spell)
            changes, shares, record = job.searched(run, record)
            rows += job.rows(run, changes, shares)
            inputs += job.inputs(run, changes)
            tick(len(changes))
    if certify:
        rows = [replace(row, eps_certified=_certified(model, sequences, row)) for row in rows]
    rows.sort(key=lambda row: (row.run, row.sample))
    inputs.sort(key=lambda one: (one.run, one.sample))
    question = replace(
        question_of(model.network, model.precision, sequences, Query(clip=clip)), way=Way("rnn-test")
    )
    names = () if metric is None else metric.names
    notes = tuple(note for note in notes_of(model.network, sequences) if note)
    results = GuidedResults(
        model.path, model.sha256, settings.name, tuple(rows), settings.record(), names, notes, question
    )
    return GuidedOutcome(results, tuple(inputs))


def _words(network: OnnxModel, search: GuidedSearch) -> Words | None:
    if network.embedding is None:
        return None
    return Words(torch.from_numpy(network.embedding.table), search.barred)


def _certified(model: Model, sequences: Sequences, row: GuidedRow) -> float | None:
    one = sequences.take([sequences.numbers.index(row.sample)])
    (certificate,) = model.radius(one, frames=[row.frame], method="zonotope", attack=False)
    return certificate.eps_certified
