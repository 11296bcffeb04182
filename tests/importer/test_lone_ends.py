"""Single ends of files whose reading was wrong, or refused without need."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from certrnn import load
from certrnn.errors import Unsupported
from tests.io.onnx_models import model, node, saved

Build = tuple[list[onnx.NodeProto], dict[str, np.ndarray]]
FRAMES, FEATURES, HIDDEN = 4, 2, 3


def framewise() -> Build:
    """tanh(x M), a hidden vector ``h`` (1, 4, 3) of every frame."""
    matrix = np.random.default_rng(3).standard_normal((FEATURES, HIDDEN)).astype(np.float32)
    return [node("MatMul", ["x", "M"], "m"), node("Tanh", ["m"], "h")], {"M": matrix}


def wide() -> Build:
    """Every frame's vector is seen by a convolution of all frames."""
    random = np.random.default_rng(4)
    kernels = {"K": random.standard_normal((HIDDEN, FEATURES, 7)).astype(np.float32)}
    nodes = [
        node("Transpose", ["x"], "turned", perm=[0, 2, 1]),
        node("Conv", ["turned", "K"], "c", pads=[3, 3]),
        node("Tanh", ["c"], "bent"),
        node("Transpose", ["bent"], "h", perm=[0, 2, 1]),
    ]
    return nodes, kernels


def read(folder: Path, body: Build, tail: list[onnx.NodeProto], output: list[int | str], **numbers: object):
    column = np.random.default_rng(5).standard_normal((HIDDEN, 1)).astype(np.float32)
    given = {k: np.asarray(v) for k, v in numbers.items()}
    proto = model([*body[0], *tail], {**body[1], "V": column, **given}, [1, FRAMES, FEATURES], output=output)
    return load(saved(folder, proto), layout="n,t,f")


SCORE = node("MatMul", ["h", "V"], "z")
FLAT = node("Squeeze", ["z", "two"], "flat")


def test_scores_of_some_frames_are_no_classes(tmp_path: Path) -> None:
    tail = [SCORE, FLAT, node("Slice", ["flat", "one", "four", "one"], "scores")]
    given = read(tmp_path, framewise(), tail, [1, 3], two=[2], one=[1], four=[4])
    with pytest.raises(Unsupported, match="moves through the frames"):
        given.network.graph((FRAMES, FEATURES))


def test_frames_that_all_see_the_whole_sequence_are_no_classes(tmp_path: Path) -> None:
    given = read(tmp_path, wide(), [SCORE, node("Squeeze", ["z", "two"], "scores")], [1, 4], two=[2])
    with pytest.raises(Unsupported, match="one function of different places"):
        given.network.graph((FRAMES, FEATURES))


def test_a_zero_beside_each_frames_logit_leaves_time_where_it_is(tmp_path: Path) -> None:
    tail = [SCORE, node("Concat", ["zeros", "z"], "scores", axis=2)]
    given = read(tmp_path, framewise(), tail, [1, 4, 2], zeros=np.zeros((1, FRAMES, 1), np.float32))
    assert given.network.steps((FRAMES, FEATURES)) == FRAMES


LONE: dict[str, tuple[list[onnx.NodeProto], float | None]] = {
    "HardSigmoid": ([node("HardSigmoid", ["z"], "scores")], 0.5),
    "Clip to 0 and 1": ([node("Clip", ["z", "low", "high"], "scores")], 0.5),
    "LeakyRelu": ([node("LeakyRelu", ["z"], "scores")], 0.0),
    "a rectified score, moved": ([node("Relu", ["z"], "r"), node("Sub", ["r", "high"], "scores")], None),
    "one minus a rectified score": ([node("Relu", ["z"], "r"), node("Sub", ["high", "r"], "scores")], None),
}


def last(tail: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """The score of the last frame, whose hidden values are bounded."""
    return [node("Gather", ["h", "place"], "g", axis=1), node("MatMul", ["g", "V"], "z"), *tail]


@pytest.mark.parametrize("name", LONE)
def test_a_bounded_feature_says_nothing_of_what_a_score_means(tmp_path: Path, name: str) -> None:
    tail, cut = LONE[name]
    numbers = {"low": np.float32(0), "high": np.float32(1), "place": np.array(FRAMES - 1)}
    network = read(tmp_path, framewise(), last(tail), [1, 1], **numbers).network
    if cut is None:
        with pytest.raises(Unsupported, match="--cut"):
            network.graph((FRAMES, FEATURES))
    else:
        assert network.lowered((FRAMES, FEATURES)).answer.cut == cut


def test_a_mean_of_scores_clipped_unevenly_has_no_threshold(tmp_path: Path) -> None:
    tail = [
        SCORE,
        node("Clip", ["z", "low", "high"], "c"),
        node("ReduceMean", ["c"], "scores", axes=[1], keepdims=0),
    ]
    given = read(tmp_path, framewise(), tail, [1, 1], low=np.float32(-1), high=np.float32(3))
    with pytest.raises(Unsupported, match="--cut"):
        given.network.graph((FRAMES, FEATURES))


@pytest.mark.parametrize("head", ["Softmax", "LogSoftmax"])
def test_a_part_of_a_softmax_is_compared_with_the_file_as_that_part(tmp_path: Path, head: str) -> None:
    tail = [
        node("Gather", ["h", "place"], "g", axis=1),
        node(head, ["g"], "p", axis=1),
        node("Gather", ["p", "two"], "scores", axis=1),
    ]
    given = read(tmp_path, framewise(), tail, [1, 2], place=np.array(1), two=[2, 0])
    x = np.random.default_rng(6).standard_normal((3, FRAMES, FEATURES)).astype(np.float32)
    rows = given.certify(x, eps=1e-6, method="interval", attack=False, frames="all").rows
    theirs = given.network.run_outputs(x.astype(np.float64)).argmax(axis=1)
    assert [row.prediction for row in rows] == theirs.tolist()


def test_a_confident_sigmoid_is_compared_within_its_library_s_rounding(tmp_path: Path) -> None:
    tail = [SCORE, node("ReduceMean", ["z"], "mean", axes=[1], keepdims=0)]
    tail += [node("Sub", ["mean", "far"], "below"), node("Sigmoid", ["below"], "scores")]
    given = read(tmp_path, framewise(), tail, [1, 1], far=np.float32(14))
    x = np.random.default_rng(7).standard_normal((20, FRAMES, FEATURES)).astype(np.float32)
    rows = given.certify(x, eps=1e-6, method="interval", attack=False, frames="all").rows
    assert {row.prediction for row in rows} == {0}
