"""The checker reads ONNX files as onnxruntime computes them, or refuses them by the operator's name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from certrnn.certificates.checker import Refused
from certrnn.certificates.checker.onnx_file import read
from certrnn.certificates.matching import values_at
from certrnn.examples import names, resolve

FIXTURES = Path(__file__).parent.parent / "importer" / "fixtures"
UNKNOWN = {
    "BatchNormalization",
    "Einsum",
    "Gelu",
    "If",
    "InstanceNormalization",
    "LayerNormalization",
    "Less",
    "Loop",
    "ReduceL2",
    "ReduceMax",
    "ReverseSequence",
    "Where",
}
ATTENTION = ("nothing follows a Softmax", "is made of the file's numbers")
"""What is said of products of two values of the data, and of shares that something is computed from."""
FILES = [
    *(
        path
        for path in sorted(FIXTURES.rglob("*.onnx"))
        if path.stem.split("_")[0] not in ("embedding", "texts")
    ),
    *(resolve(f"example:{name}") for name in names()),
]


def head(model: onnx.ModelProto, scores: np.ndarray) -> np.ndarray:
    """What the file's last function makes of scores (N, n)."""
    last = model.graph.node[-1].op_type
    if last in ("Softmax", "LogSoftmax"):
        shares = np.exp(scores - scores.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        return np.log(shares) if last == "LogSoftmax" else shares
    return scores


def asked(path: Path) -> tuple[onnx.ModelProto, tuple[int, int], str]:
    """A model, the shape of a sample, and how samples lie in its input."""
    model = onnx.load(str(path))
    sizes = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    first = path.stem == "time_first"
    return model, (sizes[0] if first else sizes[1], sizes[2]), "t,n,f" if first else "n,t,f"


def refused(path: Path) -> str:
    """Why a file is refused; "" where it is read."""
    model, shape, layout = asked(path)
    try:
        read(model, model.graph.output[0].name, shape, layout)
    except Refused as refusal:
        return str(refusal)
    return ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_are_read_as_onnxruntime_computes_them_or_refused_by_name(path: Path) -> None:
    reason = refused(path)
    if reason:
        assert any(said in reason for said in (*ATTENTION, *(f"got {operator}" for operator in UNKNOWN)))
        return
    model, shape, layout = asked(path)
    name = model.graph.output[0].name
    program, output = read(model, name, shape, layout)
    x = np.random.default_rng(0).normal(size=(4, *shape)).astype(np.float32)
    ours = head(model, values_at(program, x.astype(np.float64))[:, output])
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0].name
    arranged = [one[:, None] if layout == "t,n,f" else one[None] for one in x]
    theirs = np.stack([session.run([name], {given: one})[0].reshape(-1) for one in arranged])
    assert np.abs(ours - theirs).max() < 1e-5


def test_most_of_the_fixtures_are_read() -> None:
    assert sum(bool(refused(path)) for path in FILES) <= len(FILES) * 2 // 5


@pytest.mark.parametrize("layout", ["f,t,n", "", "t,n,f"])
def test_another_layout_is_refused(layout: str) -> None:
    model, shape, _ = asked(resolve("example:digits_rnn"))
    with pytest.raises(Refused, match="samples lie as" if layout != "t,n,f" else "takes samples of shape"):
        read(model, "scores", shape, layout)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_the_numbers_of_a_softmax_are_not_its_scores(name: str) -> None:
    """A threshold asks of the output's own numbers."""
    model, shape, layout = asked(FIXTURES / "dynamo" / f"{name}.onnx")
    with pytest.raises(Refused, match="several scores are compared"):
        read(model, model.graph.output[0].name, shape, layout, numbers=True)
