"""Damaged ONNX files: one clean error, or a network that onnxruntime agrees with. Never a hang, crash or warning."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest

from certrnn.certification.self_check import check_against_onnxruntime
from certrnn.errors import CertrnnError, InvalidInput, Unsupported
from certrnn.io.onnx import read
from tests.effort import ENOUGH, at_most
from tests.importer import checks, grid, mutate
from tests.importer.exporters import ARCHITECTURES, FEATURES, FRAMES, export

FIXTURES = Path(__file__).parent / "fixtures"
COUNT = 320


def everything() -> bytes:
    """All inputs and attributes of the recurrent nodes at once."""
    lstm = grid.Node(
        "LSTM", 2, "bidirectional", length=2, initial_h=True, initial_c=True, peephole=True, input_forget=True
    )
    gru = grid.Node(
        "GRU", 2, "reverse", activations=(("HardSigmoid", 0.25, 0.5), ("Affine", 0.5, 0.25)), layout=1
    )
    model = grid.Model(
        17, FRAMES, FEATURES, ((lstm, gru), (grid.Node("RNN", 2, linear_before_reset=None),)), batch=1
    )
    return grid.build(model).SerializeToString()


def bases(folder: Path) -> dict[str, tuple[bytes, tuple[int, int]]]:
    """Undamaged files and the shape of their samples."""
    shape = (FRAMES, FEATURES)
    found = {"everything": (everything(), shape)}
    for name in ("lstm_two_layers", "given_state"):
        export(ARCHITECTURES[name], folder / "base.onnx", dynamo=False)
        found[name] = ((folder / "base.onnx").read_bytes(), shape)
    for name in ("rnn", "gru_cell"):
        found[f"dynamo_{name}"] = ((FIXTURES / "dynamo" / f"{name}.onnx").read_bytes(), shape)
        (folder / f"{name}.onnx.data").write_bytes((FIXTURES / "dynamo" / f"{name}.onnx.data").read_bytes())
    for name in ("keras3_gru", "keras2_lstm_backwards"):
        found[name] = ((FIXTURES / f"{name}.onnx").read_bytes(), (6, 4))
    return found


NAMES = (
    "everything",
    "lstm_two_layers",
    "given_state",
    "dynamo_rnn",
    "dynamo_gru_cell",
    "keras3_gru",
    "keras2_lstm_backwards",
)


def outcome(path: Path, shape: tuple[int, int], x: np.ndarray) -> str:
    """``refused`` with one line, ``agrees`` with onnxruntime on other inputs than the check's, or a failure."""
    try:
        model = read(path).as_numbers()
        check_against_onnxruntime(model, shape)
        ours = checks.graph_outputs(model, x)
        theirs = model.run_outputs(x).astype(np.float64)
    except CertrnnError as error:
        clean = "\n" not in str(error) and len(str(error)) < 3000
        return "refused" if clean else f"unclean error {error}"
    scale = np.abs(theirs).max(initial=1.0)  # float32 rounds in proportion to the largest score
    same = checks.close(ours / scale, theirs / scale, 1e-4)
    return "agrees" if same else f"differs: {ours} {theirs}"


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_refused_or_means_what_onnxruntime_says(tmp_path: Path, name: str) -> None:
    content, shape = bases(tmp_path)[name]
    rng = np.random.default_rng(NAMES.index(name))
    x = rng.normal(size=(2, *shape)).astype(np.float32)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/etc/hostname")
    path, outcomes = tmp_path / "model.onnx", Counter[str]()
    for _ in range(COUNT):
        what, damaged = mutate.mutated(content, rng)
        path.write_bytes(damaged)
        with at_most(20 * ENOUGH):  # some are unrolled over dozens of frames
            result = outcome(path, shape, x)
        assert result in ("refused", "agrees"), (what, result)
        outcomes[result] += 1
    assert outcomes["refused"] > COUNT // 4
    assert outcomes["agrees"] > COUNT // 20  # some damage is harmless; the comparison is not idle


def test_more_than_two_thousand_files_are_damaged() -> None:
    assert len(NAMES) * COUNT >= 2000


@pytest.mark.parametrize(
    "place", ["../data", "/etc/hostname", "a/../../data", "link", "folder", "", "missing"]
)
def test_external_data_outside_of_the_folder_is_never_opened(tmp_path: Path, place: str) -> None:
    inside = tmp_path / "inside"
    (inside / "folder").mkdir(parents=True)
    (tmp_path / "data").write_bytes(bytes(10_000))
    (inside / "link").symlink_to(tmp_path / "data")
    model = onnx.load_from_string(everything())
    tensor = next(t for t in model.graph.initializer if t.name.endswith("_W"))
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    (inside / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InvalidInput, match=r"external data|folder"):
        read(inside / "model.onnx")


def changed(field: str) -> onnx.ModelProto:
    """One damage that the format's own checker lets through."""
    model = onnx.load_from_string(everything())
    named = {t.name: t for t in model.graph.initializer}
    weight = onnx.numpy_helper.to_array(named["b0n0_W"]).copy()
    match field:
        case "nan":
            weight[0, 0, 0] = np.nan
        case "rows":
            weight = weight[:, :-1]
        case "direction":
            next(a for n in model.graph.node for a in n.attribute if a.name == "direction").s = b"sideways"
        case "hidden_size":
            next(a for n in model.graph.node for a in n.attribute if a.name == "hidden_size").i = 3
        case "clip":
            next(n for n in model.graph.node if n.op_type == "LSTM").attribute.append(
                onnx.helper.make_attribute("clip", 0.5)
            )
        case "Sin":
            model.graph.node[-1].output[0] = "joined"
            model.graph.node.append(onnx.helper.make_node("Sin", ["joined"], ["scores"], name="wave"))
    named["b0n0_W"].CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(weight), "b0n0_W"))
    return model


@pytest.mark.parametrize(
    ("field", "error", "message"),
    [
        ("nan", InvalidInput, "b0n0_W.*finite.*nan"),
        ("rows", InvalidInput, r"b0n0.*LSTM.*W has shape \(2, 8, 3\).*\(2, 7, 3\)"),
        ("direction", InvalidInput, "b0n0.*direction is forward.*sideways"),
        ("hidden_size", InvalidInput, "b0n0.*hidden_size"),
        ("clip", Unsupported, "b0n0.*clip.*0.5"),
        ("Sin", Unsupported, r"wave.*\(Sin\)"),
    ],
)
def test_the_error_names_node_requirement_and_value(
    tmp_path: Path, field: str, error: type[CertrnnError], message: str
) -> None:
    (tmp_path / "model.onnx").write_bytes(changed(field).SerializeToString())
    with pytest.raises(error, match=message):
        read(tmp_path / "model.onnx").graph((FRAMES, FEATURES))
