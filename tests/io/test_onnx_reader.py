"""Files are read completely, safely and with one clear line where they are wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest

from certrnn.errors import CertrnnError, InvalidInput, Unsupported
from certrnn.io.onnx import read
from tests.io.onnx_models import classifier, model, node, saved


def with_external(folder: Path, location: str | None = None, **changes: str) -> Path:
    proto = classifier("LSTM")
    onnx.save(proto, folder / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    if location is not None or changes:
        proto = onnx.load(folder / "m.onnx", load_external_data=False)
        for tensor in proto.graph.initializer:
            for entry in tensor.external_data:
                if entry.key == "location" and location is not None:
                    entry.value = location
                entry.value = changes.get(entry.key, entry.value)
        (folder / "m.onnx").write_bytes(proto.SerializeToString())
    return folder / "m.onnx"


def test_a_model_knows_its_digest_and_operator_set(tmp_path: Path) -> None:
    path = saved(tmp_path, classifier("GRU"))
    found = read(path)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (found.opset, found.external) == (17, ())


def test_external_data_beside_the_model_gives_the_same_network(tmp_path: Path) -> None:
    inside = read(saved(tmp_path, classifier("LSTM"), "inside.onnx"))
    outside = read(with_external(tmp_path))
    x = np.random.default_rng(0).standard_normal((2, 5, 3))
    assert np.array_equal(inside.run_onnxruntime(x), outside.run_onnxruntime(x))
    assert outside.external == (("m.data", hashlib.sha256((tmp_path / "m.data").read_bytes()).hexdigest()),)
    assert len(outside.graph((5, 3)).nodes) == len(inside.graph((5, 3)).nodes)


@pytest.mark.parametrize(
    "location", ["../m.data", "/etc/passwd", "a/../../m.data", "missing.data", "", "a\\..\\b"]
)
def test_external_data_elsewhere_is_refused(tmp_path: Path, location: str) -> None:
    (tmp_path / "inner").mkdir()
    with pytest.raises(InvalidInput, match="external data"):
        read(with_external(tmp_path / "inner", location))


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    path = with_external(tmp_path / "inner")
    (tmp_path / "inner" / "m.data").rename(tmp_path / "m.data")
    (tmp_path / "inner" / "m.data").symlink_to(tmp_path / "m.data")
    with pytest.raises(InvalidInput, match="a link"):
        read(path)


@pytest.mark.parametrize(
    "changes", [{"offset": "9999999"}, {"length": "9999999"}, {"offset": "-4"}, {"length": "x"}]
)
def test_external_data_of_the_wrong_size_is_refused(tmp_path: Path, changes: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        read(with_external(tmp_path, **changes))


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"not a model", b"\x08\x08"])
def test_files_that_are_no_models_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="reading model"):
        read(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="the file exists"):
        read(tmp_path / "none.onnx")


@pytest.mark.parametrize("opset", [6, 10_000])
def test_operator_sets_outside_of_the_range_are_refused(tmp_path: Path, opset: int) -> None:
    proto = classifier("RNN")
    proto.opset_import[0].version = opset
    with pytest.raises(Unsupported, match="operator set"):
        read(saved(tmp_path, proto))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, bad: float) -> None:
    proto = model([node("MatMul", ["x", "V"], "scores")], {"V": np.array([[1.0, bad]], np.float32)}, ["N", 1])
    with pytest.raises(InvalidInput, match=r"V'? are finite"):
        read(saved(tmp_path, proto)).graph((1, 1))


def test_mutated_files_give_clean_errors_only(tmp_path: Path) -> None:
    content = classifier("LSTM").SerializeToString()
    random = np.random.default_rng(3)
    outcomes = set()
    for _ in range(150):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), size=int(random.integers(1, 6))):
            damaged[place] = random.integers(0, 256)
        path = tmp_path / "m.onnx"
        path.write_bytes(bytes(damaged[: int(random.integers(len(content) // 2, len(content) + 1))]))
        try:
            read(path).graph((3, 3))
            outcomes.add("read")
        except CertrnnError as error:
            outcomes.add(type(error).__name__ if "\n" not in str(error) else "a message of several lines")
    assert {"InvalidInput"} <= outcomes <= {"read", "InvalidInput", "Unsupported"}
