"""Attention, norms and smooth functions inside a network: proofs hold in onnxruntime, and attacks find a way."""

from __future__ import annotations

import logging
import zlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import certrnn
from certrnn.errors import Unsupported
from certrnn.io.onnx import read
from certrnn.ir import Elementwise
from tests.importer import checks, smooth_grid
from tests.importer.exporters import ATTENDING, example, export

EPS = 0.0015


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's exporter logs what it does not find."""
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)


@pytest.mark.parametrize("name", ATTENDING)
def test_a_certified_answer_stays_and_an_attack_changes_it_further_out(tmp_path: Path, name: str) -> None:
    file = tmp_path / "model.onnx"
    export(ATTENDING[name], file, dynamo=False)
    model, x = certrnn.load(str(file)), example(ATTENDING[name], 4, seed=2).numpy()
    assert all(
        row.verdict == "certified" for row in model.certify(x, eps=EPS, frames="all", method="zonotope")
    )
    session, rng = checks.session(str(file)), np.random.default_rng(0)
    answers = np.asarray(session.run(None, {"x": x})[0]).argmax(1)
    for _ in range(40):
        moved = x + EPS * rng.choice([-1.0, 1.0], x.shape).astype(np.float32)
        assert np.array_equal(np.asarray(session.run(None, {"x": moved})[0]).argmax(1), answers)
    rows, _ = model.attack(x, eps=2.0, frames="all")
    assert any(row.verdict == "falsified" for row in rows.rows)


@pytest.mark.parametrize("name", smooth_grid.STEPS)
def test_generated_graphs_mean_what_onnxruntime_computes(tmp_path: Path, name: str) -> None:
    for number in range(2):
        rng = np.random.default_rng([zlib.crc32(name.encode()), number])
        model, names = smooth_grid.draw(rng, name)
        assert smooth_grid.complaint(model, tmp_path, number) == "", names


def test_a_gelu_written_out_is_one_function(tmp_path: Path) -> None:
    for seed in range(4):
        model, names = smooth_grid.draw(np.random.default_rng(seed), "gelu written out")
        onnx.save(model, str(tmp_path / "model.onnx"))
        graph = certrnn.load(str(tmp_path / "model.onnx")).network.graph((5, 4))
        functions = [n.transformer.name for n in graph.nodes if isinstance(n, Elementwise)]
        assert "gelu" in functions, names


def test_a_mask_of_minus_infinity_leaves_scores_out_and_stands_for_no_number(tmp_path: Path) -> None:
    numbers = [smooth_grid.numpy_helper.from_array(np.array([0.0, -np.inf, 0.0], dtype=np.float32), "m")]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 3]) for n in ("x", "y")]
    masked = helper.make_node("Add", ["x", "m"], ["a"])
    for op, read_well in (("Softmax", True), ("Tanh", False)):
        nodes = [masked, helper.make_node(op, ["a"], ["s"]), helper.make_node("Exp", ["s"], ["y"])]
        graph = helper.make_graph(nodes, "masked", ends[:1], ends[1:], numbers)
        file = tmp_path / f"{op}.onnx"
        onnx.save(
            helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(file)
        )
        model = read(file)
        if not read_well:
            with pytest.raises(Unsupported, match="minus infinity is a score that a softmax leaves out"):
                model.graph((1, 3))
            continue
        x = np.array([[[0.5, 9.0, -0.25]]], dtype=np.float32)
        theirs = np.asarray(checks.session(str(file)).run(None, {"x": x[:, 0]})[0])
        assert checks.close(checks.graph_outputs(model, x), theirs, checks.TOLERANCE)
