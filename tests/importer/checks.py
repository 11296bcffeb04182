"""What the tests of the importer compare: the graph on the points domain, onnxruntime, the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from certrnn.certification.self_check import ended
from certrnn.domains.points import evaluate
from certrnn.io.onnx import OnnxModel
from tests.importer import grid

TOLERANCE = 1e-5
"""Onnxruntime computes in float32; relative where a value exceeds 1, for unbounded activations reach 100."""

REFERENCE_TOLERANCE = 1e-10
"""The reference computes in float64, as the graph does."""


def session(model: bytes | str) -> onnxruntime.InferenceSession:
    """A quiet session on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def graph_outputs(model: OnnxModel, x: np.ndarray) -> np.ndarray:
    """The file's output (N, n) of sequences ``x`` (N, T, D), by our graph, its end included."""
    lowered = model.as_numbers().lowered((x.shape[1], x.shape[2]))
    return ended(lowered, torch.as_tensor(x, dtype=torch.float64), 0.0).values


def graph_scores(model: OnnxModel, x: np.ndarray) -> np.ndarray:
    """Scores (N, n) of sequences ``x`` (N, T, D) that decide, by our graph."""
    graph = model.graph((x.shape[1], x.shape[2]))
    return evaluate(graph, torch.as_tensor(x, dtype=torch.float64)).numpy()


def close(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    """True where no value is off by more than the tolerance, and none is nan."""
    return a.shape == b.shape and bool((np.abs(a - b) <= tolerance * np.maximum(1.0, np.abs(b))).all())


def grid_models(block: int, count: int) -> list[grid.Model]:
    """The ``block``-th run of generated models; the same on every call."""
    rng = np.random.default_rng([2, block])
    return [grid.draw_model(rng) for _ in range(count)]


def has_layout_one(model: grid.Model) -> bool:
    return any(node.layout for branch in model.branches for node in branch)


def complaints(model: grid.Model, imported: OnnxModel, file: bytes, seed: int) -> list[str]:
    """Branches on which the graph differs from onnxruntime or from the reference."""
    x = np.random.default_rng(seed).normal(size=(1, model.frames, model.features)).astype(np.float32)
    ours = graph_outputs(imported, x)[0]
    # onnxruntime refuses layout 1; the same node in layout 0 gives the same values in this order
    plain = grid.build(grid.without_layout(model)).SerializeToString() if has_layout_one(model) else file
    theirs = np.asarray(session(plain).run(None, {"x": x})[0])[0]
    found, start = [], 0
    for branch, reference in zip(model.branches, grid.expected(model, x[0]), strict=True):
        stop = start + len(reference)
        if not close(reference, theirs[start:stop], TOLERANCE):
            found.append(f"reference and onnxruntime disagree on {branch}")
        if not close(ours[start:stop], theirs[start:stop], TOLERANCE):
            found.append(f"graph and onnxruntime disagree on {branch}")
        if not close(ours[start:stop], reference, REFERENCE_TOLERANCE):
            found.append(f"graph and reference disagree on {branch}")
        start = stop
    return found


def write(proto: onnx.ModelProto, folder: Path) -> tuple[Path, bytes]:
    """Save a model and return its path and bytes."""
    content = proto.SerializeToString()
    path = folder / "model.onnx"
    path.write_bytes(content)
    return path, content
