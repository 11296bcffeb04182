"""What an ONNX model becomes: layouts, gates, heads, constants and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from certrnn.certification.self_check import check_against_onnxruntime
from certrnn.errors import CertrnnError, InvalidInput, Unsupported
from certrnn.io.onnx import Choices, OnnxModel, read
from certrnn.ir import Affine, Elementwise, Graph
from tests.io.onnx_models import Shape, classifier, model, node, saved


def open_model(
    folder: Path, nodes: list[onnx.NodeProto], numbers: dict[str, Any], shape: Shape, **options: Any
) -> OnnxModel:
    return read(saved(folder, model(nodes, numbers, shape, **options)))


def functions(graph: Graph) -> list[str]:
    return [n.transformer.name for n in graph.nodes if isinstance(n, Elementwise)]


@pytest.mark.parametrize("op", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("time_first", [False, True])
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_recurrent_classifiers_agree_with_onnxruntime(
    tmp_path: Path, op: str, time_first: bool, frames: int
) -> None:
    found = read(saved(tmp_path, classifier(op, time_first)))
    assert check_against_onnxruntime(found, (frames, 3)).difference < 1e-5
    assert found.graph((frames, 3)).frames == frames
    assert found.layout((frames, 3)).batch_axis == (1 if time_first else 0)
    x = np.random.default_rng(1).standard_normal((4, frames, 3))
    one_by_one = np.concatenate([found.run_onnxruntime(x[i : i + 1]) for i in range(4)])
    assert np.allclose(found.run_onnxruntime(x), one_by_one, atol=1e-6)


def test_the_graph_is_made_once_a_shape_and_weights_are_shared(tmp_path: Path) -> None:
    found = read(saved(tmp_path, classifier("LSTM")))
    graph = found.graph((6, 3))
    assert graph is found.graph((6, 3))
    weights = [n.weight for n in graph.nodes if isinstance(n, Affine) and not n.diagonal]
    assert len(weights) == 12
    assert len({id(w) for w in weights}) == 3


def test_an_lstm_becomes_gated_products(tmp_path: Path) -> None:
    graph = read(saved(tmp_path, classifier("LSTM"))).graph((3, 3))
    assert sorted(set(functions(graph))) == ["mul_sigmoid", "sigmoid_tanh"]
    assert functions(graph).count("mul_sigmoid") == 2  # nothing is forgotten in the first step


GATES = {"A": np.eye(4, dtype=np.float32), "one": np.float32(1.0)}


@pytest.mark.parametrize(
    ("middle", "expected"),
    [
        ([node("Mul", ["s", "t"], "p")], ["sigmoid_tanh"]),
        ([node("Mul", ["t", "s"], "p")], ["sigmoid_tanh"]),
        ([node("Mul", ["s", "x"], "p")], ["mul_sigmoid"]),
        ([node("Sub", ["one", "s"], "k"), node("Mul", ["k", "t"], "p")], ["sigmoid_tanh"]),
        ([node("Sub", ["one", "s"], "k"), node("Mul", ["x", "k"], "p")], ["mul_sigmoid"]),
        ([node("Mul", ["x", "x"], "p")], ["power"]),
        ([node("Mul", ["s", "t"], "q"), node("Add", ["q", "t"], "p")], ["sigmoid_tanh", "tanh"]),
    ],
)
def test_products_of_gates_are_recognised(
    tmp_path: Path, middle: list[onnx.NodeProto], expected: list[str]
) -> None:
    start = [node("MatMul", ["x", "A"], "z"), node("Sigmoid", ["z"], "s"), node("Tanh", ["x"], "t")]
    found = open_model(tmp_path, [*start, *middle, node("MatMul", ["p", "A"], "scores")], GATES, ["N", 4])
    check_against_onnxruntime(found, (1, 4))
    assert sorted(functions(found.graph((1, 4)))) == expected


HEAD = {"V": np.arange(12, dtype=np.float32).reshape(4, 3) / 7}


@pytest.mark.parametrize(
    ("shape", "data", "batch"),
    [
        (["N", 6], (2, 3), 0),
        ([1, 6], (2, 3), 0),
        ([2, 3], (2, 3), None),
        (["N", 1, 2, 3], (2, 3), 0),
        ([6], (2, 3), None),
    ],
)
def test_layouts_of_flat_and_single_samples(
    tmp_path: Path, shape: Shape, data: tuple[int, int], batch: int | None
) -> None:
    nodes = [node("Reshape", ["x", "s"], "f"), node("Gemm", ["f", "W"], "scores")]
    numbers = {
        "s": np.array([-1, 6]),
        "W": np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32),
    }
    file = saved(tmp_path, model(nodes, numbers, shape))
    found = read(file, Choices(layout="n,t,f"))
    check_against_onnxruntime(found, data)
    assert found.layout(data).batch_axis == batch
    if np.prod([size for size in shape if isinstance(size, int)]) in shape:  # one axis of six values
        with pytest.raises(
            InvalidInput, match=r"a sample is 6 values.*got 2 frames of 3 features.*--layout n,t,f"
        ):
            read(file).layout(data)
        assert read(file).layout((6, 1)).sample == (6,)


@pytest.mark.parametrize("data", [(3, 3), (2, 4), (0, 3)])
def test_data_that_does_not_fit_is_refused(tmp_path: Path, data: tuple[int, int]) -> None:
    found = open_model(tmp_path, [node("Flatten", ["x"], "scores")], {}, ["N", 2, 3])
    with pytest.raises(InvalidInput, match="fitting the data"):
        found.graph(data)


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax", "Sigmoid"])
def test_monotone_heads_are_dropped_with_a_note(tmp_path: Path, op: str) -> None:
    nodes = [node("Gemm", ["x", "V"], "z"), node(op, ["z"], "q"), node("Identity", ["q"], "scores")]
    found = open_model(tmp_path, nodes, HEAD, ["N", 4])
    check_against_onnxruntime(found, (1, 4))
    assert functions(found.graph((1, 4))) == []
    assert found.lowered((1, 4)).answer.kind == "classes"


def test_a_single_sigmoid_is_a_binary_classifier(tmp_path: Path) -> None:
    numbers = {"V": np.ones((4, 1), np.float32)}
    nodes = [node("Gemm", ["x", "V"], "z"), node("Sigmoid", ["z"], "scores")]
    found = open_model(tmp_path, nodes, numbers, ["N", 4])
    assert "one probability, class 1 where it exceeds 0.5" in found.reading((1, 4))
    assert functions(found.graph((1, 4))) == []
    x = np.array([[[1.0, 2.0, -4.0, 0.5]]])
    assert np.allclose(found.run_onnxruntime(x), 1 / (1 + np.exp(0.5)) - 0.5)


def test_some_of_several_sigmoids_are_scores(tmp_path: Path) -> None:
    nodes = [
        node("Gemm", ["x", "V"], "z"),
        node("Sigmoid", ["z"], "q"),
        node("Gather", ["q", "i"], "scores", axis=1),
    ]
    found = open_model(tmp_path, nodes, {**HEAD, "i": np.array([2, 0])}, ["N", 4])
    check_against_onnxruntime(found, (1, 4))
    x = np.array([[[1.0, 2.0, -4.0, 0.5]]])
    logits = (x[0] @ HEAD["V"])[:, [2, 0]]
    assert np.allclose(found.run_onnxruntime(x), 1 / (1 + np.exp(-logits)), atol=1e-6)
    assert "independent sigmoids" in found.reading((1, 4))


def test_one_probability_of_a_softmax_is_no_score(tmp_path: Path) -> None:
    nodes = [
        node("Gemm", ["x", "V"], "z"),
        node("Softmax", ["z"], "q"),
        node("Gather", ["q", "i"], "scores", axis=1),
    ]
    found = open_model(tmp_path, nodes, {**HEAD, "i": np.array([1])}, ["N", 4])
    with pytest.raises(Unsupported, match="one value of Softmax alone is one of two"):
        found.graph((1, 4))


@pytest.mark.parametrize(("frames", "exact"), [(4, True), (6, False)])
def test_a_mean_that_rounds_says_so(tmp_path: Path, frames: int, exact: bool) -> None:
    nodes = [node("ReduceMean", ["x"], "m", axes=[1], keepdims=0), node("Gemm", ["m", "V"], "scores")]
    found = open_model(tmp_path, nodes, HEAD, ["N", "T", 4])
    check_against_onnxruntime(found, (frames, 4))
    errors = [
        n.relative_error for n in found.graph((frames, 4)).nodes if isinstance(n, Affine) and n.diagonal
    ]
    assert [e == 0.0 for e in errors] == [exact]
    assert all(e < 2.0**-50 for e in errors)


def test_a_batch_normalisation_carries_its_rounding(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    numbers = {k: random.uniform(0.5, 2, 4).astype(np.float32) for k in "abcd"}
    nodes = [node("BatchNormalization", ["x", *"abcd"], "n"), node("Gemm", ["n", "V"], "scores")]
    found = open_model(tmp_path, nodes, {**numbers, **HEAD}, ["N", 4])
    check_against_onnxruntime(found, (1, 4))
    assert any(n.relative_error > 0.0 for n in found.graph((1, 4)).nodes if isinstance(n, Affine))


def test_an_embedding_is_cut(tmp_path: Path) -> None:
    table = np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32)
    nodes = [
        node("Gather", ["table", "x"], "e"),
        node("ReduceMax", ["e"], "m", axes=[1], keepdims=0),
        node("Gemm", ["m", "V"], "scores"),
    ]
    found = open_model(tmp_path, nodes, {"table": table, **HEAD}, ["N", "T"], kind=TensorProto.INT64)
    check_against_onnxruntime(found, (5, 4))
    words = np.array([[0, 3, 8], [1, 1, 2]])
    assert np.array_equal(found.embed(words), table[words].astype(np.float64))
    vectors = found.run_onnxruntime(found.embed(words))
    assert np.allclose(vectors, found.run_onnxruntime_on_words(words), atol=1e-6)
    with pytest.raises(InvalidInput, match="words are numbers from -9 to 8"):
        found.embed(np.array([[9]]))


REFUSED = {
    "Hardmax": ([node("Hardmax", ["x"], "scores")], {}, {}, "certrnn interprets the operator; got Hardmax"),
    "Neg": ([node("ArgMax", ["x"], "a", axis=1), node("Neg", ["a"], "scores")], {}, {}, "ArgMax"),
    "Pow": (
        [node("Pow", ["x", "p"], "scores")],
        {"p": np.float32(2.5)},
        {},
        "exponent is 1/2 or one of 1..16",
    ),
    "Cast": ([node("Cast", ["x"], "i", to=7), node("Cast", ["i"], "scores", to=1)], {}, {}, "to int64"),
    "FusedMatMul": (
        [helper.make_node("FusedMatMul", ["x", "V"], ["scores"], name="f", domain="com.microsoft")],
        HEAD,
        {},
        "standard ONNX set; got FusedMatMul of domain 'com.microsoft'",
    ),
}


@pytest.mark.parametrize("op", REFUSED)
def test_other_operators_are_refused_by_name(tmp_path: Path, op: str) -> None:
    nodes, numbers, options, received = REFUSED[op]
    proto = model(nodes, numbers, ["N", 4], **options)
    if op == "FusedMatMul":
        proto.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    found = read(saved(tmp_path, proto))
    with pytest.raises(Unsupported, match=rf"reading node '.*' \({op}\): .*{received}") as caught:
        found.graph((1, 4))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({"clip": 0.5}, "clip"),
        ({"activations": ["Softsign"]}, "Softsign"),
        ({"direction": "sideways"}, "sideways"),
        ({"hidden_size": 5}, "hidden_size"),
    ],
)
def test_attributes_are_refused_by_name(tmp_path: Path, attributes: dict[str, Any], named: str) -> None:
    proto = classifier("RNN")
    layer = next(n for n in proto.graph.node if n.op_type == "RNN")
    kept = [a for a in layer.attribute if a.name not in attributes]
    del layer.attribute[:]
    layer.attribute.extend([*kept, *(helper.make_attribute(k, v) for k, v in attributes.items())])
    with pytest.raises(CertrnnError, match=f"'layer'.*{named}"):
        read(saved(tmp_path, proto)).graph((3, 3))


@pytest.mark.parametrize("place", [1, 2, 3])
def test_gates_of_the_wrong_shape_are_refused(tmp_path: Path, place: int) -> None:
    proto = classifier("LSTM")
    tensor = proto.graph.initializer[place - 1]
    shape = list(tensor.dims)
    tensor.dims[1], tensor.raw_data = (
        shape[1] - 1,
        tensor.raw_data[: 4 * int(np.prod(shape)) // shape[1] * (shape[1] - 1)],
    )
    with pytest.raises(InvalidInput, match=r"'layer' .LSTM.*has shape"):
        read(saved(tmp_path, proto)).graph((3, 3))


def test_scores_for_every_frame_are_read_step_after_step(tmp_path: Path) -> None:
    found = open_model(tmp_path, [node("Relu", ["x"], "scores")], {}, ["N", "T", 4], output=["N", "T", 4])
    assert (found.graph((3, 4)).outputs, found.steps((3, 4))) == (12, 3)
    assert any("3 steps of 4 scores" in note for note in found.notes((3, 4)))
    check_against_onnxruntime(found, (3, 4), samples=3)


def test_classes_before_frames_are_read_by_their_meaning(tmp_path: Path) -> None:
    nodes = [node("Relu", ["x"], "r"), node("Transpose", ["r"], "scores", perm=[0, 2, 1])]
    found = open_model(tmp_path, nodes, {}, ["N", "T", 4], output=["N", 4, "T"])
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    assert (found.graph((3, 4)).outputs, found.steps((3, 4))) == (12, 3)
    assert np.array_equal(found.run_onnxruntime(x), np.maximum(x, 0).reshape(2, -1))
    check_against_onnxruntime(found, (3, 4), samples=3)


def test_an_axis_that_is_neither_classes_nor_time_is_refused(tmp_path: Path) -> None:
    """Two groups of two, whatever the number of frames: no frame's answer stands in either."""
    mixed = [
        node("Flatten", ["x"], "f"),
        node("Gemm", ["f", "M"], "g"),
        node("Reshape", ["g", "two"], "scores"),
    ]
    numbers = {"M": np.ones((8, 8), np.float32), "two": np.array([0, 2, 4])}
    found = open_model(tmp_path, mixed, numbers, ["N", 2, 4], output=["N", 2, 4])
    with pytest.raises(Unsupported, match="one a frame on an axis that traces to time"):
        found.graph((2, 4))


def test_a_wrong_graph_is_found_out_and_the_node_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from certrnn.io.onnx.ops import OPERATORS, arithmetic

    nodes = [node("Sub", ["x", "one"], "d"), node("Gemm", ["d", "V"], "scores")]
    found = open_model(tmp_path, nodes, {"one": np.float32(1.0), **HEAD}, ["N", 4])
    monkeypatch.setitem(OPERATORS, "Sub", arithmetic.add)
    with pytest.raises(Unsupported, match="the_Sub"):
        check_against_onnxruntime(found, (1, 4))
