"""What is certified is what the file's own final output says: read by its graph, chosen by name, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

import certrnn
from certrnn.cli import certify_main, main
from certrnn.errors import Unsupported
from certrnn.io.onnx.ops import OPERATORS
from certrnn.io.onnx.ops.arithmetic import times
from certrnn.io.onnx.tensors import Known
from tests.io.onnx_models import model, node, saved

FRAMES, FEATURES = 4, 3
RANDOM = np.random.default_rng(3)
SAMPLES = RANDOM.normal(size=(6, FRAMES, FEATURES)).astype(np.float32)
Nodes = list[onnx.NodeProto]


def numbers(classes: int, **more: object) -> dict[str, np.ndarray]:
    """Weights of a recurrent layer of 5 units and of scores of its states."""
    random = np.random.default_rng(classes)
    shapes = {"W": (1, 5, FEATURES), "R": (1, 5, 5), "V": (5, classes), "U": (5, 2)}
    found = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    return found | {"zero": np.array([0]), "one": np.array([1])} | {k: np.array(v) for k, v in more.items()}


LAST = [
    node("Transpose", ["x"], "t", perm=[1, 0, 2]),
    helper.make_node("RNN", ["t", "W", "R"], ["every", "last"], "layer", hidden_size=5),
    node("Squeeze", ["last", "zero"], "state"),
    node("MatMul", ["state", "V"], "z"),
]
"""Scores ``z`` (N, classes) of the last state."""
EVERY = [
    *LAST[:2],
    node("Squeeze", ["every", "one"], "states"),
    node("MatMul", ["states", "V"], "zt"),
    node("Transpose", ["zt"], "z", perm=[1, 0, 2]),
]
"""Scores ``z`` (N, frames, classes) of every state."""


def written(
    folder: Path, nodes: Nodes, given: dict[str, np.ndarray], outputs: dict[str, Any], **options: Any
) -> str:
    proto = model(nodes, given, ["N", FRAMES, FEATURES], **options)
    del proto.graph.output[:]
    proto.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in outputs.items()
    )
    np.savez(folder / "x.npz", x=SAMPLES)
    return str(saved(folder, proto))


def own(path: str, output: int = 0) -> np.ndarray:
    """The file's own output for each sample by itself."""
    session = onnxruntime.InferenceSession(path)
    return np.stack([np.asarray(session.run(None, {"x": x[None]})[output])[0] for x in SAMPLES])


def asked(path: str, *more: str) -> list[str]:
    data = str(Path(path).with_name("x.npz"))
    return [path, "--data", data, "--eps", "0.0001", "--frames", "all", "--method", "interval", *more]


def answered(capsys: pytest.CaptureFixture[str], path: str, *more: str) -> dict[str, Any]:
    assert certify_main([*asked(path, *more), "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def asked_again(folder: Path, capsys: pytest.CaptureFixture[str], path: str, *more: str) -> None:
    """What was settled about the file is settled again by the document of the answer."""
    answered(capsys, path, *more, "--out", str(folder / "first.json"))
    assert certify_main(["--like", str(folder / "first.json"), "--json"]) == 0, capsys.readouterr().err
    first, second = json.loads((folder / "first.json").read_text()), json.loads(capsys.readouterr().out)
    assert first["question"] == second["question"]
    verdicts = [[(row["sample"], row["label"], row["verdict"]) for row in d["rows"]] for d in (first, second)]
    assert verdicts[0] == verdicts[1]


def refused(capsys: pytest.CaptureFixture[str], path: str, *more: str) -> str:
    assert certify_main(asked(path, *more)) == 3
    return capsys.readouterr().err


# ---- groups and steps

MIXED = {
    "a softmax a step, then Flatten": ([*EVERY, node("Softmax", ["z"], "p"), node("Flatten", ["p"], "y")], 3),
    "a log-softmax a step, then Flatten": (
        [*EVERY, node("LogSoftmax", ["z"], "p"), node("Flatten", ["p"], "y")],
        3,
    ),
    "two heads of three classes": (
        [
            *LAST,
            node("Reshape", ["z", "heads"], "r"),
            node("Softmax", ["r"], "p"),
            node("Flatten", ["p"], "y"),
        ],
        6,
    ),
    "a softmax over the steps, compared within one": (
        [*EVERY, node("Softmax", ["z"], "y", axis=1)],
        3,
    ),
}


@pytest.mark.parametrize("name", MIXED)
def test_values_of_different_groups_are_never_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    nodes, classes = MIXED[name]
    shape = ["N", FRAMES, classes] if "steps" in name else ["N", None]
    path = written(tmp_path, nodes, numbers(classes, heads=[0, 2, 3]), {"y": shape})
    assert "of one" in refused(capsys, path)


@pytest.mark.parametrize("end", ["none", "Softmax", "LogSoftmax"])
def test_as_many_classes_as_frames_are_one_vector(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], end: str
) -> None:
    tail = [node("Unsqueeze", ["z", "two"], "u")]
    tail += [node("Identity", ["u"], "y")] if end == "none" else [node(end, ["u"], "y", axis=1)]
    path = written(tmp_path, [*LAST, *tail], numbers(FRAMES, two=[2]), {"y": ["N", FRAMES, 1]})
    rows = answered(capsys, path)["rows"]
    assert [row["label"] for row in rows] == own(path)[..., 0].argmax(axis=1).tolist()


@pytest.mark.parametrize("order", ["classes last", "classes before frames", "one score a frame"])
def test_steps_are_those_of_the_axis_that_traces_to_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], order: str
) -> None:
    classes = 1 if order == "one score a frame" else FRAMES
    tail = {
        "classes last": [node("Softmax", ["z"], "y")],
        "classes before frames": [node("Softmax", ["z"], "p"), node("Transpose", ["p"], "y", perm=[0, 2, 1])],
        "one score a frame": [node("Sigmoid", ["z"], "p"), node("Squeeze", ["p", "two"], "y")],
    }[order]
    path = written(
        tmp_path, [*EVERY, *tail], numbers(classes, two=[2]), {"y": ["N", None, None][: 3 - (classes == 1)]}
    )
    wanted = own(path) > 0.5 if classes == 1 else own(path).argmax(axis=2 if order == "classes last" else 1)
    scores = certrnn.load(path).network.run_onnxruntime(SAMPLES).reshape(len(SAMPLES), FRAMES, -1)
    found = scores[..., 0] > 0 if classes == 1 else scores.argmax(axis=2)
    assert np.array_equal(found, wanted)
    rows = answered(capsys, path)["rows"]
    assert [row["prediction"] for row in rows] == [FRAMES] * len(SAMPLES)


# ---- lone scores

PROBABILITIES: dict[str, Nodes] = {
    "sigmoid": [node("Sigmoid", ["z"], "y")],
    "one minus it": [node("Sigmoid", ["z"], "p"), node("Sub", ["unit", "p"], "y")],
    "shifted tanh": [
        node("Tanh", ["z"], "h"),
        node("Add", ["h", "unit"], "a"),
        node("Div", ["a", "double"], "y"),
    ],
    "hard sigmoid": [node("HardSigmoid", ["z"], "y")],
    "clip": [node("Clip", ["z", "nil", "unit"], "y")],
    "one of a softmax of two": [
        node("Concat", ["z", "zz"], "both", axis=1),
        node("Softmax", ["both"], "p"),
        node("Slice", ["p", "one", "big", "one"], "y"),
    ],
    "mean of three": [
        *(node("Sigmoid", [f"z{k}"], f"p{k}") for k in range(3)),
        node("Mean", ["p0", "p1", "p2"], "y"),
    ],
}
CONSTANTS = {
    "unit": np.float32(1),
    "double": np.float32(2),
    "nil": np.float32(0),
    "big": np.array([9]),
    "third": np.float32(0.3),
    "little": np.float32(0.05),
    "V2": RANDOM.normal(size=(5, 1)).astype(np.float32),
}


@pytest.mark.parametrize("name", PROBABILITIES)
def test_a_lone_probability_is_cut_at_one_half(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    front = [
        *LAST,
        node("Mul", ["z", "third"], "zz"),
        node("Neg", ["z"], "z0"),
        node("Add", ["z", "third"], "z1"),
    ]
    front.append(node("Mul", ["z", "double"], "z2"))
    path = written(tmp_path, [*front, *PROBABILITIES[name]], numbers(1) | CONSTANTS, {"y": ["N", 1]})
    document = answered(capsys, path)
    assert [row["label"] for row in document["rows"]] == (own(path)[:, 0] > 0.5).astype(int).tolist()
    assert "probability, class 1 where it exceeds 0.5" in json.dumps(document)


def test_a_lone_logit_is_cut_at_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, [*LAST, node("Identity", ["z"], "y")], numbers(1), {"y": ["N", 1]})
    document = answered(capsys, path)
    assert [row["label"] for row in document["rows"]] == (own(path)[:, 0] > 0).astype(int).tolist()
    assert "2 classes from one logit, class 1 where it is positive" in json.dumps(document)


UNKNOWABLE: dict[str, Nodes] = {
    "a share of a sigmoid": [node("Sigmoid", ["z"], "p"), node("Mul", ["p", "third"], "y")],
    "a square": [node("Mul", ["z", "z"], "y")],
    "a rectifier": [node("Relu", ["z"], "y")],
    "an absolute value": [node("Abs", ["z"], "y")],
    "a clip to another range": [node("Clip", ["z", "nil", "double"], "y")],
    "a probability, squashed once more": [node("Sigmoid", ["z"], "p"), node("Tanh", ["p"], "y")],
    "a probability of a probability": [node("Sigmoid", ["z"], "p"), node("Sigmoid", ["p"], "y")],
    "a squashed negative probability": [
        node("Sigmoid", ["z"], "p"),
        node("Neg", ["p"], "n"),
        node("Tanh", ["n"], "y"),
    ],
    "a squashed rectifier": [node("Relu", ["z"], "p"), node("Sigmoid", ["p"], "y")],
    "two probabilities and a small offset": [
        node("Sigmoid", ["z"], "p"),
        node("MatMul", ["state", "V2"], "z2"),
        node("Sigmoid", ["z2"], "q"),
        node("Mul", ["q", "third"], "r"),
        node("Add", ["p", "r"], "s"),
        node("Sub", ["s", "little"], "y"),
    ],
}


@pytest.mark.parametrize("name", UNKNOWABLE)
def test_a_lone_score_that_shows_no_cut_is_refused_unless_one_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = written(tmp_path, [*LAST, *UNKNOWABLE[name]], numbers(1) | CONSTANTS, {"y": ["N", 1]})
    assert "--cut" in refused(capsys, path)
    cut = float(np.median(own(path))) + 1e-3
    rows = answered(capsys, path, "--cut", repr(cut))["rows"]
    assert [row["label"] for row in rows] == (own(path)[:, 0] > cut).astype(int).tolist()
    assert "--threshold" in refused(capsys, path)
    assert certify_main(asked(path, "--threshold", "-inf", "100")) == 0
    assert certify_main(asked(path, "--threshold", "-inf", "100", "--cut", "1")) == 2
    assert "not of classes made of them; got --cut" in capsys.readouterr().err
    asked_again(tmp_path, capsys, path, "--cut", repr(cut))


def test_pieces_of_a_softmax_are_put_together_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = [
        *LAST,
        node("Softmax", ["z"], "p", axis=-1),
        helper.make_node("Split", ["p"], ["a", "b", "c"], "pieces", axis=-1, num_outputs=3),
        node("Concat", ["c", "a", "b"], "y", axis=-1),
    ]
    path = written(tmp_path, nodes, numbers(3), {"y": ["N", 3]}, opset=18)
    assert [row["label"] for row in answered(capsys, path)["rows"]] == own(path).argmax(axis=1).tolist()


@pytest.mark.parametrize("computes", [False, True])
def test_a_cast_there_and_back_is_no_arithmetic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], computes: bool
) -> None:
    """Rounding alone is what such a file means; computed with in between, it is one more rounding, and said."""
    nodes = [
        *LAST,
        node("Cast", ["z"], "h", to=onnx.TensorProto.FLOAT16),
        node("Mul", ["h", "halves"], "m"),
        node("Cast", ["m" if computes else "h"], "y", to=onnx.TensorProto.FLOAT),
    ]
    given = numbers(3, halves=np.array([0.5], np.float16))
    path = written(tmp_path, nodes, given, {"y": ["N", 3]})
    if computes:
        assert "casts numbers to float16" in json.dumps(answered(capsys, path)["notes"])
    else:
        assert "only rounds" in refused(capsys, path)


# ---- several outputs


def test_several_outputs_are_refused_until_one_is_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = [*LAST, node("Softmax", ["z"], "p"), node("Identity", ["state"], "hidden")]
    path = written(tmp_path, nodes, numbers(3), {"hidden": ["N", 5], "p": ["N", 3]})
    message = refused(capsys, path)
    assert "'hidden', 'p'" in message
    assert "--output NAME" in message
    rows = answered(capsys, path, "--output", "p")["rows"]
    assert [row["label"] for row in rows] == own(path, 1).argmax(axis=1).tolist()
    for command in ("curve", "attack", "compare", "conditions", "words", "doctor"):
        assert main([command, path, *(() if command == "doctor" else asked(path)[1:3])]) in (2, 3)
    capsys.readouterr()
    assert main(["doctor", path, "--data", asked(path)[2], "--output", "p"]) == 0
    assert "the largest of Softmax answers" in capsys.readouterr().out


def test_a_constant_output_is_no_answer_and_another_may_be_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = [*LAST, node("Mul", ["zero", "one"], "fixed"), node("Cast", ["fixed"], "y", to=1)]
    path = written(tmp_path, nodes, numbers(3), {"y": [1], "z": ["N", 3]})
    assert "--output" in refused(capsys, path)
    assert len(answered(capsys, path, "--output", "z")["rows"]) == len(SAMPLES)


@pytest.mark.parametrize("order", [0, 1])
def test_outputs_that_decide_alike_need_no_choice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], order: int
) -> None:
    outputs = {"z": ["N", 3], "p": ["N", 3]}
    named = dict(sorted(outputs.items(), reverse=bool(order)))
    path = written(tmp_path, [*LAST, node("Softmax", ["z"], "p")], numbers(3), named)
    rows = answered(capsys, path)["rows"]
    assert [row["label"] for row in rows] == own(path).argmax(axis=1).tolist()


# ---- independent labels


def test_independent_sigmoids_are_said_and_asked_one_by_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, [*LAST, node("Sigmoid", ["z"], "y")], numbers(FRAMES), {"y": ["N", FRAMES]})
    given = own(path) > 0.5
    document = answered(capsys, path)
    assert "--multi-label" in json.dumps(document["notes"])
    together = answered(capsys, path, "--multi-label")["rows"]
    assert [row["label"] for row in together] == [FRAMES] * len(SAMPLES)
    for label in range(FRAMES):
        rows = answered(capsys, path, "--multi-label", "--label", str(label))["rows"]
        assert [row["label"] for row in rows] == given[:, label].astype(int).tolist()
    asked_again(tmp_path, capsys, path, "--multi-label")
    asked_again(tmp_path, capsys, path, "--multi-label", "--label", "2")
    np.savez(tmp_path / "x.npz", x=SAMPLES, y=given.astype(int))
    assert all(row["verdict"] == "certified" for row in answered(capsys, path, "--multi-label")["rows"])
    np.savez(tmp_path / "x.npz", x=SAMPLES, y=2 * given.astype(int) - 1)
    assert "0 or 1" in refused(capsys, path, "--multi-label")
    np.savez(tmp_path / "x.npz", x=SAMPLES, y=1 - given.astype(int))
    rows = certrnn.load(path, multi_label=True, label=1)
    found = rows.certify(rows.read(str(tmp_path / "x.npz")), eps=1e-4, frames="all", method="interval")
    assert {row.verdict for row in found} == {"misclassified"}


def test_one_huge_score_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mask logit of -1e6 beside ordinary scores, and an importer that misreads these by a tenth."""
    tail = [node("Sub", ["z", "shift"], "s"), node("Concat", ["s", "masked"], "y", axis=1)]
    front = [
        *LAST,
        node("Mul", ["z", "none"], "n"),
        node("ReduceSum", ["n", "one"], "sum"),
        node("Add", ["sum", "mask"], "masked"),
    ]
    given = numbers(3) | {"none": np.float32(0), "mask": np.float32(-1e6), "shift": np.float32([0.1, 0, 0])}
    path = written(tmp_path, [*front, *tail], given, {"y": ["N", 4]})
    certrnn.load(path).certify(SAMPLES, eps=1e-4, frames="all", method="interval")
    monkeypatch.setitem(OPERATORS, "Sub", lambda context: [context.input(0)])
    with pytest.raises(Unsupported, match="number 0 of output 'y'"):
        certrnn.load(path).certify(SAMPLES, eps=1e-4, frames="all", method="interval")


def test_a_reading_that_is_wrong_only_where_the_attack_goes_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond 100 the file bends; an importer that does not see it agrees at random inputs and at the samples."""
    nodes = [
        node("Flatten", ["x"], "f"),
        node("Sub", ["f", "far"], "d"),
        node("Relu", ["d"], "r"),
        node("Sub", ["f", "r"], "q"),
        node("MatMul", ["q", "M"], "y"),
    ]
    given = {"far": np.float32(100), "M": np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)}
    path = written(tmp_path, nodes, given, {"y": ["N", 2]})
    x = np.full((2, FRAMES, FEATURES), 99.75, np.float32)
    asked = {"eps": 0.5, "frames": "all", "method": "interval"}
    certrnn.load(path).certify(x, **asked)

    def blind(context: Any) -> list[Any]:
        return [times(context, context.input(0), Known(np.asarray(0.0)))]

    monkeypatch.setitem(OPERATORS, "Relu", blind)
    certrnn.load(path).certify(x, **asked, attack=False)
    with pytest.raises(Unsupported, match="graph and onnxruntime agree"):
        certrnn.load(path).certify(x, **asked)
