"""Data is read by the meaning of its axes: as it was meant, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from certrnn import load
from certrnn.datasets import Sequences
from certrnn.domains.points import evaluate
from certrnn.errors import InvalidInput
from certrnn.io.onnx import OnnxModel
from tests.importer.layouts import BODIES, Case, Stored, case, stored

ROUNDS = int(os.environ.get("CERTRNN_LAYOUT_ROUNDS", "2"))
"""Networks of each kind, each with its data stored in about five ways; 20 make more than a thousand pairs."""

COUNT = 2
"""Samples of a file."""


def theirs(made: Case, tensor: np.ndarray) -> np.ndarray:
    """What the file itself answers to the input that is meant."""
    if made.body == "layout_1":  # onnxruntime does not run it: the same with time first
        from certrnn.io.onnx.replay import edited

        content = edited(made.proto, (), ()).SerializeToString()
    else:
        content = made.proto.SerializeToString()
    return onnxruntime.InferenceSession(content).run(None, {"x": tensor.astype(np.float32)})[0].reshape(-1)


def check_meaning(made: Case, network: OnnxModel, read: Sequences, meant: np.ndarray) -> None:
    """Samples lie where they are meant, frame k is step k, and the graph's scores are the file's."""
    assert len(read) == len(meant)
    for sample, frames in zip(meant, read.frames, strict=True):
        fed = network.feed(frames[None])["x"]
        assert np.array_equal(fed, made.meant(sample).astype(np.float32))
        for k in range(len(frames)):
            moved, wanted = frames.copy(), sample.copy()
            moved[k] += 1
            wanted[k] += 1
            assert np.array_equal(network.feed(moved[None])["x"], made.meant(wanted).astype(np.float32)), k
    graph = network.graph((made.frames, made.features))
    ours = evaluate(graph, torch.from_numpy(read.frames[0])[None]).numpy().reshape(-1)
    assert np.allclose(ours, theirs(made, made.meant(meant[0])), atol=1e-5)


def check(made: Case, one: Stored, x: np.ndarray, folder: Path) -> None:
    file, data = folder / "model.onnx", folder / "x.npz"
    file.write_bytes(made.proto.SerializeToString())
    np.savez(data, x=one.array)
    meant = x[:1] if one.name == "one sequence" else x
    told = load(file, layout=one.letters or None)
    if one.letters:
        check_meaning(made, told.network, told.read(str(data)), meant)
    model = load(file)
    if one.right:
        check_meaning(made, model.network, model.read(str(data)), meant)
        return
    with pytest.raises(InvalidInput) as caught:
        model.read(str(data))
    message = str(caught.value)
    assert f"shape {one.array.shape}" in message
    assert "--layout" in message or not one.letters, message
    assert one.letters in message or one.name == "samples last", message


def cases() -> list[tuple[str, int]]:
    return [(body, number) for body in BODIES for number in range(ROUNDS)]


@pytest.mark.parametrize(("body", "number"), cases())
def test_data_is_read_as_it_was_meant_or_not_at_all(tmp_path: Path, body: str, number: int) -> None:
    random = np.random.default_rng([BODIES.index(body), number])
    made = case(body, random)
    x = random.standard_normal((COUNT, made.frames, made.features)).astype(np.float32).astype(np.float64)
    for one in stored(made, x, random):
        try:
            check(made, one, x, tmp_path)
        except Exception as error:
            error.add_note(
                f"{made.body} {made.frames} x {made.features}, dynamic {made.dynamic}: {one.name} {one.letters}"
            )
            raise
