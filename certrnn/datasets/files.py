"""Samples of a file as a network takes them: padding, sequence lengths and words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from certrnn.datasets.axes import arranged
from certrnn.datasets.sequences import Sequences, SequenceShape
from certrnn.errors import InvalidInput
from certrnn.io.data import Samples, read_samples
from certrnn.io.data.samples import Arrays, Origin
from certrnn.io.onnx import OnnxModel

CUT = "padding was cut off: every sample has its own number of frames"
TOLD = "the network is told every sample's length; frames after it are padding and stay as they are"
KEPT = "the network reads the padding, which stays as it is"


def network_for(network: OnnxModel, kind: SequenceShape) -> OnnxModel:
    """The network as it sees samples of one kind: told their length, where it takes one, and which words are masked."""
    network = network.at_length(kind.told or kind.span[1]) if network.takes_lengths else network
    return network.at_marks(kind.marks)


def marked(network: OnnxModel, sequences: Sequences, words: Sequence[np.ndarray]) -> Sequences:
    """Samples with the classes of their words (T,), where the network computes masks from them."""
    parts = zip(words, sequences.frames, strict=True)
    marks = tuple(network.marks_of(numbers[: len(part)]) for numbers, part in parts)
    return replace(sequences, marks=marks) if any(marks) else sequences


def fits(network: OnnxModel, frames: int, features: int) -> bool:
    """True where a sample of that shape is one that the network takes."""
    try:
        network.layout((frames, features))
    except InvalidInput:
        return False
    return True


def read_file(network: OnnxModel, path: str | os.PathLike[str]) -> Sequences:
    """Samples of a file, not yet rounded to the network's number type.

    Raises:
        InvalidInput: the file is missing or damaged, or does not fit the network.
    """
    samples = read_samples(path, partial(arranged, network))
    _require_labels(network, samples)
    if network.input.tokens:
        words = _words(samples, path)
        frames = [network.embed(row[None])[0] for row in words]
        sequences = marked(network, _padded(network, frames, samples), words)
    else:
        sequences = _padded(network, list(samples.x), samples)
    return replace(sequences, unlabelled=samples.unlabelled).noted(*samples.notes)


def read_array(network: OnnxModel, x: np.ndarray) -> np.ndarray:
    """Samples (N, T, D) of an array in memory, whose axes the user named.

    Raises:
        InvalidInput: they do not fit the network.
    """
    if network.letters is None:
        return x
    samples, _ = arranged(network, Arrays(x), Origin(Path("an array")))
    return samples[:, :, 0] if network.input.tokens else samples


def _require_labels(network: OnnxModel, samples: Samples) -> None:
    """Labels are one a sample, or one for each frame as it stands in the file.

    Raises:
        InvalidInput: there are several, of another number, where a network's several answers are those of its frames.
    """
    y, frames = samples.y, samples.x.shape[1]
    if y is not None and y.ndim == 2 and network.framewise and y.shape[1] != frames:
        raise InvalidInput(
            f"reading {samples.source}",
            f"labels y have one entry for each of {len(samples)} samples, or one for each of {frames} frames of it",
            f"shape {y.shape}",
            "Of one-hot labels store the numbers of the classes: y.argmax(axis=1).",
        )


def _words(samples: Samples, path: str | os.PathLike[str]) -> list[np.ndarray]:
    flat = samples.x[:, :, 0]
    words = flat.astype(np.int64)
    if (words != flat).any():
        raise InvalidInput(f"reading samples from {path}", "words are whole numbers", "fractions")
    return list(words)


def _padded(network: OnnxModel, frames: Sequence[np.ndarray], samples: Samples) -> Sequences:
    """Padding is cut off where the network takes any number of frames and is told no lengths; else it stays."""
    lengths = samples.lengths
    if lengths is None:
        return Sequences.of(frames, samples.y, framewise=network.framewise)
    spans = [(0, int(length)) for length in lengths]
    if network.takes_lengths:
        return Sequences.of(frames, samples.y, framewise=network.framewise).spanning(spans).noted(TOLD)
    features = frames[0].shape[1]
    if all(fits(network, length, features) for length in {stop for _, stop in spans}):
        cut = [part[:stop] for part, (_, stop) in zip(frames, spans, strict=True)]
        return Sequences.of(cut, samples.y, framewise=network.framewise).noted(CUT)
    return Sequences.of(frames, samples.y, framewise=network.framewise).spanning(spans).noted(KEPT)
