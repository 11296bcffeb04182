"""Inputs that are no data: states, rates, masks and flags get numbers, or are not read at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

import certrnn
from certrnn.certification import Query
from certrnn.cli import main
from certrnn.errors import InvalidInput, Unsupported, UsageError
from certrnn.io.onnx.fixed import Fixed
from certrnn.runs.plan import Plan
from tests.io.onnx_models import model, node, saved

RANDOM = np.random.default_rng(5)
FRAMES, FEATURES, HIDDEN = 5, 3, 4
NUMBERS: dict[str, Any] = {
    "W": RANDOM.standard_normal((1, 3 * HIDDEN, FEATURES)).astype(np.float32),
    "R": RANDOM.standard_normal((1, 3 * HIDDEN, HIDDEN)).astype(np.float32),
    "V": RANDOM.standard_normal((HIDDEN, 3)).astype(np.float32),
    "zero": np.array([0]),
}
X = np.random.default_rng(6).standard_normal((6, FRAMES, FEATURES)).astype(np.float32)
STATE = np.random.default_rng(7).standard_normal((1, 1, HIDDEN)).astype(np.float32)


def with_inputs(folder: Path, further: list[Any], nodes: list[onnx.NodeProto], state: str = "") -> Path:
    """A GRU over ``moved``, which ``nodes`` compute, with further inputs."""
    layer = helper.make_node("GRU", ["moved", "W", "R", "", "", state], ["", "last"], hidden_size=HIDDEN)
    head = [node("Squeeze", ["last", "zero"], "flat"), node("MatMul", ["flat", "V"], "scores")]
    proto = model([*nodes, layer, *head], NUMBERS, ("batch", FRAMES, FEATURES))
    proto.graph.input.extend(further)
    return saved(folder, proto)


TURNED = [node("Transpose", ["x"], "moved", perm=[1, 0, 2])]


def stateful(folder: Path, batch: Any = "batch") -> Path:
    return with_inputs(folder, [helper.make_tensor_value_info("h0", 1, [1, batch, HIDDEN])], TURNED, "h0")


def theirs(path: Path, **further: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path))
    return np.concatenate([session.run(None, {"x": x[None], **further})[0] for x in X])


GIVEN: dict[str, tuple[Any, np.ndarray]] = {
    "zeros": ("zeros", np.zeros_like(STATE)),
    "a number": (0.3, np.full_like(STATE, 0.3)),
    "text": ("-0.25", np.full_like(STATE, -0.25)),
    "an array": (STATE, STATE),
    "a row": (STATE[0, 0], STATE),
}


@pytest.mark.parametrize("batch", ["batch", "any", 1])
@pytest.mark.parametrize("name", GIVEN)
def test_a_state_is_given_numbers(name: str, batch: Any, tmp_path: Path) -> None:
    path = stateful(tmp_path, batch)
    given, array = GIVEN[name]
    network = certrnn.load(path, fix={"h0": given})
    rows = network.certify(X, eps=1e-4, frames="all")
    scores = theirs(path, h0=array)
    assert [row.prediction for row in rows] == scores.argmax(axis=1).tolist()
    np.testing.assert_allclose(network.network.run_onnxruntime(X), scores, atol=1e-6)


def test_a_file_of_numbers_is_named_with_its_digest(tmp_path: Path) -> None:
    path = stateful(tmp_path)
    np.savez(tmp_path / "states.npz", h0=STATE, c0=np.zeros(3))
    np.save(tmp_path / "state.npy", STATE)
    by_name = certrnn.load(path, fix=[f"h0={tmp_path / 'states.npz'}"])
    alone = certrnn.load(path, fix=[f"h0={tmp_path / 'state.npy'}"])
    scores = [network.network.run_onnxruntime(X) for network in (by_name, alone)]
    assert np.array_equal(*scores)
    (fixed,) = alone.network.choices.fix
    assert Fixed.of("h0", fixed.said) == fixed
    np.save(tmp_path / "state.npy", 2 * STATE)
    with pytest.raises(InvalidInput, match="its digest is"):
        Fixed.of("h0", fixed.said)


def test_results_and_rows_depend_on_what_is_fixed(tmp_path: Path) -> None:
    path = stateful(tmp_path)
    networks = [certrnn.load(path, fix={"h0": given}) for given in ("zeros", 0.5)]
    query = Query((0.001,), "all")
    results = networks[0].certify(X, eps=0.001, frames="all", attack=False)
    assert any("input 'h0' is fixed: zeros" in note for note in results.notes)
    assert json.loads(results.to_json())["question"]["network"]["given"] == {"fix h0": "zeros"}
    jobs = [network.job(network.sequences(X), query) for network in networks]
    plans = [Plan.of(job) for job in jobs]
    assert plans[0].differs(plans[1]) == "choices"
    keys = [
        {key for task in plan.every_task(job) for key in task.keys}
        for plan, job in zip(plans, jobs, strict=True)
    ]
    assert not keys[0] & keys[1]


def test_a_mask_a_rate_and_a_flag(tmp_path: Path) -> None:
    """A mask of the samples' own shape, a rate that is divided by, and a flag that nothing reads."""
    nodes = [
        node("Unsqueeze", ["mask", "two"], "masks"),
        node("Mul", ["x", "masks"], "masked"),
        node("Cast", ["rate"], "real", to=TensorProto.FLOAT),
        node("Div", ["masked", "real"], "scaled"),
        node("Transpose", ["scaled"], "moved", perm=[1, 0, 2]),
    ]
    further = [
        helper.make_tensor_value_info("mask", 1, ["batch", FRAMES]),
        helper.make_tensor_value_info("rate", TensorProto.INT64, []),
        helper.make_tensor_value_info("training", TensorProto.BOOL, []),
    ]
    NUMBERS["two"] = np.array([2])
    path = with_inputs(tmp_path, further, nodes)
    mask = np.array([[1, 1, 1, 0, 0]], dtype=np.float32)
    network = certrnn.load(path, fix={"mask": mask, "rate": 2})
    scores = theirs(path, mask=mask, rate=np.array(2), training=np.array(False))
    np.testing.assert_allclose(network.network.run_onnxruntime(X), scores, atol=1e-6)
    network.certify(X, eps=1e-3, frames="each", attack=False)
    assert "input 'training': nothing that answers reads it" in network.network.notes((FRAMES, FEATURES))
    with pytest.raises(InvalidInput, match="of type int64"):
        certrnn.load(path, fix={"mask": "ones", "rate": 0.5}).certify(X)


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "nothing": ({}, Unsupported, r"got 'x' \(batch, 5, 3\), 'h0' .*--fix h0=zeros"),
    "no such input": ({"state": "zeros"}, InvalidInput, "an input of the network: 'x', 'h0'; got 'state'"),
    "no such file": ({"h0": "nowhere.npy"}, UsageError, "zeros, ones, a number or a file"),
    "no value": (["h0"], UsageError, "name, = and what it is"),
    "twice": (["h0=zeros", "h0=1"], UsageError, "given once"),
    "not finite": ({"h0": "nan"}, InvalidInput, "are finite"),
    "another shape": ({"h0": np.zeros((2, 1, 7))}, InvalidInput, r"have shape \(1, 1, 4\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(name: str, tmp_path: Path) -> None:
    given, error, match = REFUSED[name]
    path = stateful(tmp_path)
    with pytest.raises(error, match=match):
        certrnn.load(path, fix=given).certify(X)


def test_the_command_line_fixes_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = stateful(tmp_path)
    np.savez(tmp_path / "x.npz", x=X[:1])
    given = [str(path), "--data", str(tmp_path / "x.npz"), "--fix", "h0=0.5"]
    assert main(["doctor", *given]) == 0
    assert "input 'h0': fixed, 0.5" in capsys.readouterr().out
    main(["certify", *given, "--eps", "0.001", "--frames", "all", "--json"])
    made = capsys.readouterr().out
    (tmp_path / "made.json").write_text(made)
    main(["certify", "--like", str(tmp_path / "made.json"), "--json"])
    again = capsys.readouterr().out
    margins = [json.loads(text)["rows"][0]["margin"] for text in (made, again)]
    assert margins[0] == margins[1]
