"""Files as people have them: quantised weights, pooling that rounds up, newer versions, and files that are no model."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import certrnn
from certrnn.certification.self_check import check_against_onnxruntime
from certrnn.errors import InvalidInput, Unsupported
from certrnn.io.onnx import read
from tests.io.onnx_models import classifier, model, node, saved

# ---- files that are no model


def zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("model/data.pkl", b"weights")
    return content.getvalue()


OTHERS: dict[str, tuple[bytes, str]] = {
    "a web page": (b"\n<!DOCTYPE html>\n<html><body>404</body></html>", "a web page.*link called raw"),
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
    "a pointer of git-annex": (b"/annex/objects/MD5E-s1--0\n", "git annex get"),
    "a torch file": (zipped(), "a zip archive, as torch.save"),
    "an old torch file": (pickle.dumps({"a": 1}, protocol=2), "a Python pickle"),
    "a gzip archive": (gzip.compress(b"model"), "gzip.*Unpack"),
    "Keras weights": (b"\x89HDF\r\n\x1a\n" + bytes(20), "HDF5.*certrnn guide exporting"),
    "TensorFlow Lite": (b"\x1c\0\0\0TFL3" + bytes(20), "tf2onnx"),
    "safetensors": ((20).to_bytes(8, "little") + b'{"a": 1}' + bytes(20), "safetensors"),
    "JSON": (b'{"message": "Not Found"}', "JSON"),
    "a text": ("nicht gefunden, schön".encode(), "a text: 'nicht gefunden"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_that_is_no_model_is_told_what_it_is(name: str, tmp_path: Path) -> None:
    content, match = OTHERS[name]
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=match):
        read(path)


def test_every_model_of_ours_is_a_model(tmp_path: Path) -> None:
    for kind in ("RNN", "GRU", "LSTM"):
        read(saved(tmp_path, classifier(kind)))


def test_a_newer_version_asks_for_a_newer_onnx(tmp_path: Path) -> None:
    proto = classifier("RNN")
    proto.ir_version = 90
    with pytest.raises(Unsupported, match=r"ir_version.*got 90.*Update onnx"):
        read(saved(tmp_path, proto))


# ---- pooling that rounds up


@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    ("frames", "kernel", "stride", "pads"), [(7, 2, 2, [0, 0]), (8, 3, 3, [1, 1]), (5, 2, 3, [0, 0])]
)
def test_windows_that_leave_the_data_are_cut(
    kind: str, frames: int, kernel: int, stride: int, pads: list[int], tmp_path: Path
) -> None:
    pooling: dict[str, Any] = {"kernel_shape": [kernel], "strides": [stride], "pads": pads, "ceil_mode": 1}
    nodes = [
        node("Conv", ["x", "K"], "c", kernel_shape=[1]),
        node(kind, ["c"], "p", **pooling),
        node("ReduceMean", ["p"], "m", axes=[2], keepdims=0),
        node("MatMul", ["m", "V"], "scores"),
    ]
    random = np.random.default_rng(0)
    numbers = {
        "K": random.standard_normal((4, 3, 1)).astype(np.float32),
        "V": random.standard_normal((4, 3)).astype(np.float32),
    }
    found = read(saved(tmp_path, model(nodes, numbers, ("N", 3, frames))))
    check_against_onnxruntime(found, (frames, 3))


# ---- quantised weights


def quantised(
    weight: np.ndarray, axis: int | None, name: str
) -> tuple[dict[str, np.ndarray], onnx.NodeProto]:
    """int8 numbers of a weight with its scales, and the node that makes floats of them."""
    others = tuple(a for a in range(weight.ndim) if a != axis)
    scale = np.abs(weight).max(axis=None if axis is None else others) / np.float32(127)
    spread = scale if axis is None else np.expand_dims(scale, others)
    stored = np.clip(np.rint(weight / spread), -127, 127).astype(np.int8)
    numbers = {
        f"{name}q": stored,
        f"{name}s": np.asarray(scale, dtype=np.float32),
        f"{name}z": np.zeros(np.shape(scale), dtype=np.int8),
    }
    attributes = {} if axis is None else {"axis": axis}
    return numbers, node("DequantizeLinear", [f"{name}q", f"{name}s", f"{name}z"], name, **attributes)


@pytest.mark.parametrize("axis", [None, 1])
def test_stored_integers_become_the_weights_that_they_stand_for(axis: int | None, tmp_path: Path) -> None:
    proto = classifier("LSTM")
    kept, nodes, added = [], [], {}
    for tensor in proto.graph.initializer:
        if tensor.name in ("W", "R", "V"):
            numbers, made = quantised(numpy_helper.to_array(tensor), axis, tensor.name)
            added |= numbers
            nodes.append(made)
        else:
            kept.append(tensor)
    del proto.graph.initializer[:]
    proto.graph.initializer.extend([*kept, *(numpy_helper.from_array(v, k) for k, v in added.items())])
    old = list(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend([*nodes, *old])
    network = certrnn.load(saved(tmp_path, proto))
    x = np.random.default_rng(0).standard_normal((2, 4, 3))
    results = network.certify(x, eps=1e-4, frames="all")
    assert {row.verdict for row in results} == {"certified"}
    assert any("stored as integers" in note for note in results.notes)


ROUNDED: dict[str, tuple[list[onnx.NodeProto], str]] = {
    "data there and back": (
        [
            node("QuantizeLinear", ["x", "scale", "point"], "q"),
            node("DequantizeLinear", ["q", "scale", "point"], "y"),
        ],
        "QuantizeLinear, which rounds it",
    ),
    "as it goes": (
        [
            helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "qs", "qz"]),
            node("DequantizeLinear", ["q", "qs", "qz"], "y"),
        ],
        "DynamicQuantizeLinear, which rounds it.*before quantisation",
    ),
    "in an operator of onnxruntime": (
        [helper.make_node("DynamicQuantizeLSTM", ["x", "Wq", "Rq"], ["y"], domain="com.microsoft")],
        "DynamicQuantizeLSTM of domain 'com.microsoft'.*before it was quantised",
    ),
    "by an optimiser": (
        [helper.make_node("FusedMatMul", ["x", "V"], ["y"], domain="com.microsoft")],
        "FusedMatMul of domain.*before onnxruntime optimised it",
    ),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_rounded_data_is_refused_by_name(name: str, tmp_path: Path) -> None:
    nodes, match = ROUNDED[name]
    numbers = {
        "scale": np.float32(0.1),
        "point": np.int8(0),
        "V": np.ones((3, 2), dtype=np.float32),
        "Wq": np.zeros((1, 3, 8), dtype=np.int8),
        "Rq": np.zeros((1, 2, 8), dtype=np.int8),
    }
    head = [node("ReduceMean", ["y"], "m", axes=[1], keepdims=0), node("MatMul", ["m", "V"], "scores")]
    proto = model([*nodes, *head], numbers, ("N", 4, 3))
    proto.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    with pytest.raises(Unsupported, match=match):
        read(saved(tmp_path, proto)).graph((4, 3))


def test_operands_of_two_types_are_named(tmp_path: Path) -> None:
    nodes = [node("Sub", ["a", "b"], "shape"), node("Reshape", ["x", "shape"], "scores")]
    numbers = {"a": np.array([2, 3], dtype=np.int32), "b": np.array([1, 0], dtype=np.int64)}
    with pytest.raises(InvalidInput, match=r"gives one type have it; got int32, int64"):
        read(saved(tmp_path, model(nodes, numbers, (1, 3), kind=TensorProto.FLOAT))).graph((1, 3))


# ---- files that take several samples at once


def batched(
    folder: Path, size: int | None, time_first: bool, between: list[onnx.NodeProto] | None = None
) -> Path:
    """The recurrent classifier with a batch of ``size``, and something between its scores and its output."""
    proto = classifier("LSTM", time_first)
    axis = 1 if time_first else 0
    if size is not None:
        proto.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = size
        proto.graph.output[0].type.tensor_type.shape.dim[0].dim_value = size
    if between:
        proto.graph.node[-1].output[0] = "raw"
        proto.graph.node.extend(between)
        if between[-1].op_type == "ArgMax":
            rows = proto.graph.output[0].type.tensor_type.shape.dim[0].dim_value or "N"
            proto.graph.output[0].CopyFrom(helper.make_tensor_value_info("scores", TensorProto.INT64, [rows]))
    return saved(folder, proto, f"batch_{size}.onnx")


@pytest.mark.parametrize("time_first", [False, True])
@pytest.mark.parametrize("ending", ["", "Softmax", "ArgMax"])
def test_one_sample_fills_a_fixed_batch(ending: str, time_first: bool, tmp_path: Path) -> None:
    attributes = {"axis": 1, "keepdims": 0} if ending == "ArgMax" else {"axis": 1}
    between = [node(ending, ["raw"], "scores", **attributes)] if ending else None
    free, fixed = (certrnn.load(batched(tmp_path, size, time_first, between)) for size in (None, 3))
    x = np.random.default_rng(0).standard_normal((4, 5, 3)).astype(np.float32)
    rows = [network.certify(x, eps=0.01, frames="all") for network in (free, fixed)]
    for one, other in zip(*rows, strict=True):
        assert (one.verdict, one.prediction, one.margin) == (other.verdict, other.prediction, other.margin)
    assert any("3 samples at once" in note for note in fixed.network.notes((5, 3)))


def test_samples_that_depend_on_each_other_are_refused(tmp_path: Path) -> None:
    """Scores less their mean over the batch."""
    between = [
        node("ReduceMean", ["raw"], "mean", axes=[0], keepdims=1),
        node("Mul", ["mean", "half"], "part"),
        node("Sub", ["raw", "part"], "scores"),
    ]
    path = batched(tmp_path, 3, False, between)
    proto = onnx.load(path)
    proto.graph.initializer.append(numpy_helper.from_array(np.float32(0.5), "half"))
    onnx.save(proto, path)
    with pytest.raises(Unsupported, match="answered as if it were alone"):
        check_against_onnxruntime(read(path), (5, 3))
