"""Existence conditions of a whole data set, layer by layer and sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from certrnn.certification.problem import parse_frames
from certrnn.certification.query import Query
from certrnn.certification.rounding import outward
from certrnn.certification.self_check import check_against_onnxruntime
from certrnn.certification.statement import of_conditions, question_of
from certrnn.datasets import Sequences
from certrnn.dynamics import examine, recurrences
from certrnn.io.onnx import OnnxModel
from certrnn.regions import LinfBall
from certrnn.results.conditions import Conditions, Examined
from transformers_abs.decimals import at_least


def conditions_of(
    path: str,
    network: OnnxModel,
    sequences: Sequences,
    eps: Sequence[float],
    frames: str = "all",
    clip: tuple[float, float] | None = None,
    precision: type[np.floating[Any]] = np.float32,
) -> Conditions:
    """All conditions for every sample, threat, eps and recurrent layer.

    Raises:
        Unsupported: the model has no recurrent node, or disagrees with onnxruntime.
    """
    for shape in sequences.shapes:
        recurrences(network, shape)
        check_against_onnxruntime(network, shape)
    rows, valid = [], outward(clip, precision)
    for batch in sequences.batches(1):
        layers, graph = recurrences(network, tuple(batch.x.shape[1:]))
        first, stop = batch.kind.span
        for frame_set in parse_frames(frames, stop, first):
            for distance in eps:
                radius = torch.tensor([at_least(distance)], dtype=torch.float64)
                region = LinfBall(batch.x, radius, frame_set.frames, valid)
                rows += [
                    Examined(batch.numbers[0], frame_set.name, distance, examine(layer, graph, region))
                    for layer in layers
                ]
    notes = [sequences.note] if sequences.note else []
    asked = question_of(network, precision, sequences, Query(tuple(eps), frames, clip))
    return Conditions(path, network.sha256, tuple(rows), tuple(notes), of_conditions(asked))
