"""The importer is checked, not believed: a graph must compute what onnxruntime computes from the same file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
import torch

from certrnn.domains.points import evaluate
from certrnn.errors import Unsupported
from certrnn.io.onnx import OnnxModel
from certrnn.ir import Gather, Graph

TOLERANCE = {onnx.TensorProto.FLOAT16: 3e-2, onnx.TensorProto.DOUBLE: 1e-8}
"""Allowed difference by the model's element type, as a share of the largest score; 1e-4 for float32."""

_REMEDY = (
    "Please report the model; until then export it differently (legacy or dynamo exporter, other opset)."
)


@dataclass(frozen=True)
class ImportCheck:
    """How well graph and onnxruntime agree: the largest difference of scores over ``samples`` random samples."""

    samples: int
    difference: float
    tolerance: float


def check_against_onnxruntime(
    model: OnnxModel, shape: tuple[int, ...], samples: int = 6, seed: int = 0
) -> ImportCheck:
    """Compare the graph of ``model`` for samples of shape (T, D), in float64, with onnxruntime on random inputs.

    Raises
    ------
    Unsupported: they differ by more than the tolerance; the message names the first node that differs. Or onnxruntime
        cannot run the model at all: then nothing is known, and the model is refused.
    """
    x, words = _samples(model, shape, samples, seed)
    graph = model.graph(shape)
    ours = evaluate(graph, torch.from_numpy(x)).numpy()
    theirs = model.run_onnxruntime(x).astype(np.float64)
    limit = TOLERANCE.get(model.input.type, 1e-4)  # type: ignore[call-overload]
    scale = max(1.0, float(np.abs(theirs).max())) if np.isfinite(theirs).all() else 1.0
    difference = float(np.abs(ours - theirs).max())
    if not difference <= limit * scale:
        received = f"a difference of {difference:.3g} at {_first_difference(model, shape, x, limit)}"
        raise Unsupported(
            "checking the model", f"graph and onnxruntime agree within {limit * scale:.3g}", received, _REMEDY
        )
    if words is not None:
        _check_words(model, words, theirs, limit * scale)
    return ImportCheck(samples, difference, limit * scale)


def _samples(
    model: OnnxModel, shape: tuple[int, ...], samples: int, seed: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Random inputs that float32 holds exactly, of growing size; random words where the model takes words."""
    random = np.random.default_rng(seed)
    if model.embedding is not None:
        words = random.integers(0, len(model.embedding.table), size=(samples, shape[0]))
        return model.embed(words), words
    spread = 2.0 ** np.linspace(-2, 1, samples).round()
    x = random.standard_normal((samples, *shape)) * spread[:, None, None]
    kind = np.float16 if model.input.type == onnx.TensorProto.FLOAT16 else np.float32
    return x.astype(kind).astype(np.float64), None


def _check_words(model: OnnxModel, words: np.ndarray, scores: np.ndarray, limit: float) -> None:
    """The uncut file, fed with words, gives the scores of the cut one, fed with their vectors."""
    whole = model.run_onnxruntime_on_words(words).astype(np.float64)
    difference = float(np.abs(whole - scores).max())
    if not difference <= limit:
        raise Unsupported(
            "checking the model",
            "words and their vectors give the same scores",
            f"a difference of {difference:.3g}",
            _REMEDY,
        )


def _first_difference(model: OnnxModel, shape: tuple[int, ...], x: np.ndarray, limit: float) -> str:
    """The first ONNX node one of whose outputs differs, for the sample with the largest inputs."""
    lowered = model.lowered(shape)
    sample = x[-1]
    total = int(lowered.starts[-1])
    every = Gather(np.arange(total), tuple(range(len(lowered.whole.nodes))))
    whole = Graph((*lowered.whole.nodes, every), len(lowered.whole.nodes))
    values = evaluate(whole, torch.from_numpy(sample[None])).numpy()[0]
    for node in model.file.proto.graph.node:
        for name in node.output:
            if name not in lowered.tensors:
                continue
            try:
                theirs = model.inner(sample, (name,))[0].astype(np.float64)
            except Unsupported:
                continue  # onnxruntime cannot hand this one out
            ours = values[lowered.tensors[name]]
            same = ours.shape == theirs.shape
            if not same or not np.abs(ours - theirs).max() <= limit * max(1.0, np.abs(theirs).max()):
                return f"node {node.name or name!r} ({node.op_type})"
    return "the output"
