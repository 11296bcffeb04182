"""An output's axis is time where its entries stand for one frame after the other, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_outputs import EVERY, FRAMES, SAMPLES, answered, numbers, refused, written
from tests.io.onnx_models import node


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("chosen", [False, True])
def test_frames_and_scores_exchanged_by_a_reshape_are_no_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], chosen: bool, classes: int
) -> None:
    """As many numbers as frames, that move through them as well, but each is made of several frames' scores."""
    nodes = [*EVERY, node("Reshape", ["z", "whole"], "g")]
    end = node("ArgMax", ["g"], "y", axis=1, keepdims=0) if chosen else node("Identity", ["g"], "y")
    given = numbers(classes, whole=np.array([-1, classes, FRAMES]))
    shape = ["N", FRAMES] if chosen else ["N", classes, FRAMES]
    path = written(tmp_path, [*nodes, end], given, {"y": shape})
    message = refused(capsys, path)
    assert "traces to time" in message


@pytest.mark.parametrize("kernel", [1, 2, 3])
def test_windows_about_each_frame_are_answers_of_frames(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kernel: int
) -> None:
    """Scores of every frame by a convolution, centred or of the frames before."""
    nodes = [
        node("Transpose", ["x"], "t", perm=[0, 2, 1]),
        node("Conv", ["t", "K"], "c", pads=[(kernel - 1), 0] if kernel == 2 else [(kernel - 1) // 2] * 2),
        node("Transpose", ["c"], "y", perm=[0, 2, 1]),
    ]
    weight = np.random.default_rng(kernel).normal(size=(5, 3, kernel)).astype(np.float32)
    path = written(tmp_path, nodes, {"K": weight}, {"y": ["N", FRAMES, 5]})
    assert [row["label"] for row in answered(capsys, path)["rows"]] == [FRAMES] * len(SAMPLES)
