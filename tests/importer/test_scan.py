"""ONNX Scan: cells written out, run along an axis, agree with onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from certrnn.errors import CertrnnError
from certrnn.io.onnx import OnnxModel, read
from tests.importer.checks import graph_scores
from tests.io.onnx_models import model, node, saved

FRAMES, FEATURES, HIDDEN = 4, 2, 3
WAYS = {
    "forward": ({}, "state"),
    "time is the second axis": ({"scan_input_axes": [1]}, "state"),
    "time is counted from the end": ({"scan_input_axes": [-2]}, "state"),
    "backward": ({"scan_input_directions": [1]}, "state"),
    "states of all rounds": ({}, "all"),
    "states of all rounds, from the end": ({"scan_output_directions": [1]}, "all"),
    "states of all rounds, along the second axis": ({"scan_output_axes": [1]}, "all"),
    "everything from the end": (
        {"scan_input_axes": [1], "scan_input_directions": [1], "scan_output_directions": [1]},
        "all",
    ),
}


def scanned(attributes: dict[str, list[int]], answer: str) -> onnx.ModelProto:
    random = np.random.default_rng(3)
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            node("MatMul", ["frame", "U"], "u"),
            node("MatMul", ["h", "W"], "w"),
            node("Add", ["u", "w"], "a"),
            node("Tanh", ["a"], "next"),
            node("Identity", ["next"], "shown"),
        ],
        "body",
        [value("h", 1, [1, HIDDEN]), value("frame", 1, None)],
        [value("next", 1, [1, HIDDEN]), value("shown", 1, [1, HIDDEN])],
    )
    source = "x" if attributes.get("scan_input_axes", [0]) != [0] else "turned"
    scan = helper.make_node(
        "Scan", ["start", source], ["last", "states"], "scan", num_scan_inputs=1, body=body, **attributes
    )
    of_all = [
        node("Reshape", ["states", "shape"], "flat"),
        node("MatMul", ["flat", "A"], "scores"),
    ]
    nodes = [
        node("Transpose", ["x"], "turned", perm=[1, 0, 2]),
        scan,
        *(of_all if answer == "all" else [node("MatMul", ["last", "V"], "scores")]),
    ]
    shapes = {
        "U": (FEATURES, HIDDEN),
        "W": (HIDDEN, HIDDEN),
        "V": (HIDDEN, 3),
        "A": (FRAMES * HIDDEN, 3),
    }
    numbers = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    numbers |= {"start": np.zeros((1, HIDDEN), np.float32), "shape": np.array([1, FRAMES * HIDDEN])}
    return model(nodes, numbers, [1, FRAMES, FEATURES])


def opened(folder: Path, proto: onnx.ModelProto) -> OnnxModel:
    return read(saved(folder, proto))


@pytest.mark.parametrize("name", WAYS)
def test_a_scan_says_what_onnxruntime_says(tmp_path: Path, name: str) -> None:
    found = opened(tmp_path, scanned(*WAYS[name]))
    x = np.random.default_rng(0).standard_normal((5, FRAMES, FEATURES)).astype(np.float32)
    theirs = np.concatenate([found.run_onnxruntime(one[None]).reshape(1, -1) for one in x])
    assert np.allclose(graph_scores(found, x).reshape(5, -1), theirs, atol=1e-5)


@pytest.mark.parametrize(
    "attributes",
    [{"scan_input_axes": [5]}, {"scan_input_axes": [0, 0]}, {"scan_input_directions": [2]}, {"num": 3}],
)
def test_a_damaged_scan_is_refused(tmp_path: Path, attributes: dict[str, list[int]]) -> None:
    proto = scanned({k: v for k, v in attributes.items() if k != "num"}, "state")
    (scan,) = (one for one in proto.graph.node if one.op_type == "Scan")
    for attribute in scan.attribute:
        if attribute.name == "num_scan_inputs" and "num" in attributes:
            attribute.i = 3
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(CertrnnError):
        read(tmp_path / "m.onnx").graph((FRAMES, FEATURES))
