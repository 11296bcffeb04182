"""A question posed to a network: refused where it makes no sense, or turned into problems."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from certrnn.certification.falsifier import AttackFalsifier
from certrnn.certification.problem import Problem, parse_frames
from certrnn.certification.query import Query
from certrnn.certification.rounding import require_inside
from certrnn.certification.self_check import check_against_onnxruntime, check_points
from certrnn.datasets import Batch, Sequences
from certrnn.datasets.files import network_for
from certrnn.datasets.sequences import SequenceShape
from certrnn.errors import InvalidInput, Unsupported, UsageError
from certrnn.io.onnx import OnnxModel
from certrnn.threats import ThreatModel, Threshold

Clip = tuple[float, float] | None


def check_kind(
    network: OnnxModel, sequences: Sequences, kind: SequenceShape, query: Query, clip: Clip
) -> None:
    """Everything that can be refused of samples of one kind, before anything is certified.

    Args:
        network: as the question takes its output.
        clip: the valid range in the network's own numbers.

    Raises:
        InvalidInput: the samples, their labels or the threat do not fit the network, or each other.
        Unsupported: the network cannot answer the question, or disagrees with onnxruntime.
    """
    members = [n for n in range(len(sequences)) if sequences.kind(n) == kind]
    widths = {part.shape[1] for part in sequences.frames}
    if len(widths) > 1:
        raise InvalidInput("reading sequences", "all samples have one number of features", sorted(widths))
    network, shape = network_for(network, kind), kind.shape
    graph = network.graph(shape)
    numbers = [sequences.numbers[n] for n in members]
    labels = None if sequences.labels is None else [sequences.labels[n] for n in members]
    query.specification.check(labels, numbers, graph.outputs, network.steps(shape))
    if isinstance(query.specification, Threshold):
        _require_numbers(network, shape)
    places = {sequences.numbers[n]: sequences.place(n) for n in members}
    threat = query.threat.placed(kind.span[0], places)
    threat.check(numbers, shape)
    sets = parse_frames(query.frames, kind.span[1], kind.span[0])
    _require_marks(network, threat, kind, places, {frame for one in sets for frame in one.frames})
    x = torch.from_numpy(np.stack([sequences.frames[n] for n in members]))
    for frame_set in sets:
        require_inside(x, list(frame_set.frames), clip)
    check_against_onnxruntime(network, shape)
    check_points(network, x.numpy())


def _require_marks(
    network: OnnxModel,
    threat: ThreatModel,
    kind: SequenceShape,
    places: Mapping[int, Sequence[int]],
    frames: Collection[int],
) -> None:
    """Words whose substitutes leave the network's masks as they are, whatever puts them there.

    Args:
        places: by sample, what people call each frame of its span.
        frames: the disturbed ones.

    Raises:
        InvalidInput: one does not, such as a padding word for another one.
    """
    marks = kind.marks

    def classes(vectors: np.ndarray) -> Sequence[int]:
        return network.marks_of_vectors(vectors, len(marks))

    found = threat.misfit(places, frames, marks, classes) if marks else None
    if found is not None:
        sample, frame = found
        raise InvalidInput(
            f"reading the substitutes of sample {sample}, position {places[sample][frame - kind.span[0]]}",
            "the network masks a substitute where it masks the word",
            "a word that it masks otherwise, such as padding",
            "Leave that substitute out.",
        )


def _require_numbers(network: OnnxModel, shape: tuple[int, int]) -> None:
    """A threshold is asked of the output's own numbers, which are no classes."""
    classes = network.choices.classes
    if classes:
        raise UsageError(
            "reading --threshold", "it asks of the output's numbers, not of classes made of them", classes
        )
    function = network.lowered(shape).function
    if function:
        raise Unsupported(
            "reading --threshold",
            "the network's output is what is certified",
            f"a network that ends in {function}",
            "Export it without the last activation, and ask for the threshold before it.",
        )


def problem_of(network: OnnxModel, batch: Batch, query: Query, clip: Clip) -> Problem:
    """What is asked of a batch of samples."""
    return Problem.of(
        network.graph(batch.kind.shape),
        batch.x,
        batch.labels,
        clip,
        batch.kind.span,
        batch.numbers,
        query.threat.placed(batch.kind.span[0], batch.places),
        query.specification,
        network.steps(batch.kind.shape),
        network.framewise,
    )


def falsifier_of(network: OnnxModel, precision: type[np.floating[Any]]) -> AttackFalsifier:
    """The attack, which holds the network's reading against the file wherever it looks."""
    return AttackFalsifier(network, precision, audit=lambda x: check_points(network, x))


def notes_of(network: OnnxModel, sequences: Sequences) -> list[str]:
    """What was done to the data, and what a reader must know of how the network was read.

    Args:
        network: as the question takes its output.
    """
    lowered = [network_for(network, kind).lowered(kind.shape) for kind in sequences.kinds]
    warnings = dict.fromkeys(warning for one in lowered for warning in one.warnings)
    return [note for note in (sequences.note, network.spoken, *warnings) if note]
