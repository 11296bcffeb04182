"""Samples of a file as a network takes them: padding, sequence lengths and words."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from certrnn.errors import InvalidInput
from certrnn.io.data import Samples, read_samples
from certrnn.io.onnx import OnnxModel
from certrnn.run.sequences import Kind, Sequences

CUT = "padding was cut off: every sample has its own number of frames"
TOLD = "the network is told every sample's length; frames after it are padding and stay as they are"
KEPT = "the network reads the padding, which stays as it is"


def network_for(network: OnnxModel, kind: Kind) -> OnnxModel:
    """The network as it sees samples of one kind: told their length, where it takes one."""
    return network.at_length(kind.span[1]) if network.takes_lengths else network


def fits(network: OnnxModel, frames: int, features: int) -> bool:
    """True where a sample of that shape is one that the network takes."""
    try:
        network.layout((frames, features))
    except InvalidInput:
        return False
    return True


def read_file(network: OnnxModel, path: str | os.PathLike[str]) -> Sequences:
    """Samples of a file, not yet rounded to the network's number type.

    Raises
    ------
    InvalidInput: the file is missing or damaged, or does not fit the network.
    """
    samples = read_samples(path)
    dims = network.input.dims
    if network.input.tokens:
        return _words(network, samples, path)
    if len(dims) == 3 and not fits(network, *samples.x.shape[1:]):
        samples = read_samples(path, model_shape_hint=(None, dims[-1]))
    return _padded(network, list(samples.x), samples)


def _words(network: OnnxModel, samples: Samples, path: str | os.PathLike[str]) -> Sequences:
    flat = samples.x.reshape(len(samples), -1)
    words = flat.astype(np.int64)
    if (words != flat).any():
        raise InvalidInput(f"reading samples from {path}", "words are whole numbers", "fractions")
    return _padded(network, [network.embed(row[None])[0] for row in words], samples)


def _padded(network: OnnxModel, frames: Sequence[np.ndarray], samples: Samples) -> Sequences:
    """Padding is cut off where the network takes any number of frames and is told no lengths; else it stays."""
    lengths = samples.lengths
    if lengths is None:
        return Sequences.of(frames, samples.y)
    spans = [(0, int(length)) for length in lengths]
    if network.takes_lengths:
        return Sequences.of(frames, samples.y).spanning(spans).noted(TOLD)
    features = frames[0].shape[1]
    if all(fits(network, length, features) for length in {stop for _, stop in spans}):
        cut = [part[:stop] for part, (_, stop) in zip(frames, spans, strict=True)]
        return Sequences.of(cut, samples.y).noted(CUT)
    return Sequences.of(frames, samples.y).spanning(spans).noted(KEPT)
