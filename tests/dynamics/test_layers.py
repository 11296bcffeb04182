"""Recurrent layers as they are read from files: both directions, initial states, stacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import helper

from certrnn.dynamics import Layer, examine, recurrences
from certrnn.dynamics.divergence import trajectory
from certrnn.io.onnx import OnnxModel, read
from certrnn.regions import LinfBall
from tests.dynamics.networks import uniform
from tests.io.onnx_models import model, node, saved

EPS, FRAMES = 0.05, 5


@pytest.fixture
def both_ways(tmp_path: Path) -> OnnxModel:
    """A bidirectional GRU with initial states."""
    rng = np.random.default_rng(0)
    shapes = {"W": (2, 9, 2), "R": (2, 9, 3), "B": (2, 18), "h0": (2, 1, 3)}
    numbers = {name: rng.uniform(-1, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    inputs = ["t", "W", "R", "B", "", "h0"]
    nodes = [
        node("Transpose", ["x"], "t", perm=[1, 0, 2]),
        helper.make_node("GRU", inputs, ["", "last"], name="gru", hidden_size=3, direction="bidirectional"),
        node("Transpose", ["last"], "u", perm=[1, 0, 2]),
        node("Reshape", ["u", "shape"], "scores"),
    ]
    return read(saved(tmp_path, model(nodes, {**numbers, "shape": np.array([-1, 6])}, [1, "T", 2])))


def test_both_directions_are_enclosed(both_ways: OnnxModel) -> None:
    layers, graph = recurrences(both_ways, (FRAMES, 2))
    x = uniform(1, 1, FRAMES, 2)
    region = LinfBall(x, torch.tensor([EPS], dtype=torch.float64), (1, 2))
    assert [layer.name for layer in layers] == ["gru+", "gru-"]
    for recurrence, order, times in zip(
        layers, ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0]), ((2, 3, 4), (3, 4)), strict=True
    ):
        shown = Layer.of(recurrence, graph, x)
        assert list(shown.reads_input) == order
        assert bool((shown.states[0][0] != 0).any())
        tube, bound = shown.tube(region), examine(recurrence, graph, region).error_bound
        assert tube.times == times
        assert bound is not None
        (lower, upper), jacobians, start = tube.state(), tube.by_state(), shown.states[0][0]
        nominal = trajectory(shown, start, x[:, order])
        for k in range(20):
            y = x.clone()
            y[:, 1:3] += EPS * (1 - 1e-12) * uniform(k, 1, 2, 2).sign()
            moved = trajectory(shown, start, y[:, order])
            for row, step in enumerate(times):
                assert bool(((lower[row] <= moved[step]) & (moved[step] <= upper[row])).all())
                between = shown.step.jacobians(0.5 * moved[step] + 0.5 * nominal[step], x[:, order[step]])[0]
                assert bool(jacobians.part(row).contains(between).all())
            assert float((moved[-1] - nominal[-1]).abs().max()) <= bound


def test_trajectories_end_in_the_networks_scores(both_ways: OnnxModel) -> None:
    layers, graph = recurrences(both_ways, (FRAMES, 2))
    x = uniform(1, 1, FRAMES, 2)
    ends = []
    for recurrence in layers:
        shown = Layer.of(recurrence, graph, x)
        ends.append(trajectory(shown, shown.states[0][0], x[:, list(shown.reads_input)])[-1])
    scores = both_ways.run_onnxruntime(x.numpy().astype(np.float32))
    np.testing.assert_allclose(torch.cat(ends, dim=1).numpy(), scores, atol=1e-5)


def test_a_second_layer_does_not_read_the_frames(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    numbers = {f"{n}{k}": rng.uniform(-1, 1, (1, 2, 2)).astype(np.float32) for n in "WR" for k in "12"}
    nodes = [
        node("Transpose", ["x"], "t", perm=[1, 0, 2]),
        helper.make_node("RNN", ["t", "W1", "R1"], ["y1", ""], name="first", hidden_size=2),
        node("Squeeze", ["y1", "one"], "z1"),
        helper.make_node("RNN", ["z1", "W2", "R2"], ["", "last"], name="second", hidden_size=2),
        node("Squeeze", ["last", "zero"], "scores"),
    ]
    numbers |= {"one": np.array([1]), "zero": np.array([0])}
    layers, graph = recurrences(read(saved(tmp_path, model(nodes, numbers, [1, "T", 2]))), (FRAMES, 2))
    region = LinfBall(uniform(1, 1, FRAMES, 2), torch.tensor([EPS], dtype=torch.float64), (0, 3))
    first, second = (examine(layer, graph, region) for layer in layers)
    assert (first.layer, second.layer) == ("first", "second")
    assert first.error_bound is not None
    assert second.error_bound is None
    assert second.steps == (1, 2, 3, 4)
    assert second.divergence is None
