"""Exported files: they are the module, certify reads them, and its own bounds are those of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import certrnn
import certrnn.analyses
from certrnn.domains import Intervals, Zonotopes, evaluate, propagate
from certrnn.errors import Unsupported
from certrnn.examples import resolve
from certrnn.ir import Graph
from certrnn.regions import LinfBall
from certrnn.specs import label_spec
from certrnn.training import DOMAINS, Box, bounds, from_onnx, margins, to_onnx
from certrnn.training.bounds.zonotope import Zonotopes as TrainingZonotopes
from certrnn.training.layers import LastStep
from certrnn.training.losses.loss import difference_rows
from tests.training.networks import CLASSES, FEATURES, FRAMES, NETWORKS, inputs

RECURRENT = sorted(set(NETWORKS) - {"feed forward"})


def saved(name: str, folder: Path) -> Path:
    """A network of the laws as a file, with weights that float32 holds exactly."""
    path = folder / "network.onnx"
    path.write_bytes(to_onnx(rounded(name), FEATURES, FRAMES).SerializeToString())
    return path


def rounded(name: str) -> nn.Sequential:
    return NETWORKS[name]().float().double()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_file_computes_what_the_module_does(name: str, tmp_path: Path) -> None:
    path, (x, _) = saved(name, tmp_path), inputs()
    model = certrnn.load(path)
    with torch.no_grad():
        ours = rounded(name)(x)
        single = NETWORKS[name]().float()(x.float())
    graph: Graph = model.network.graph((FRAMES, FEATURES))
    torch.testing.assert_close(evaluate(graph, x), ours, rtol=0, atol=1e-9)
    found = torch.from_numpy(np.asarray(model.network.run_onnxruntime(x.float().numpy())))
    torch.testing.assert_close(found.float(), single, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", RECURRENT)
@pytest.mark.parametrize("domain", ["interval", "zonotope"])
def test_bounds_are_those_of_the_registered_domains(name: str, domain: str, tmp_path: Path) -> None:
    """Up to outward rounding, the bounds that certify finds on the file: two implementations, one theory."""
    path, (x, y) = saved(name, tmp_path), inputs()
    graph: Graph = certrnn.load(path).network.graph((FRAMES, FEATURES))
    eps = torch.full((len(x),), 0.02, dtype=torch.float64)
    region = LinfBall(x, eps, frames=tuple(range(FRAMES)))
    spec = label_spec(y, 1 if name == "one score" else CLASSES)
    registered = certrnn.analyses.Forward(Intervals() if domain == "interval" else Zonotopes(cuts=False))
    proved = registered.margins(graph, region, spec)
    propagation = (Intervals() if domain == "interval" else Zonotopes(cuts=False)).start(region)
    scores = propagation.bounds(propagate(graph, propagation))
    rows = difference_rows(y, spec.rows.shape[2], x.dtype)
    ours = TrainingZonotopes(None) if domain == "zonotope" else DOMAINS["interval"]
    found = margins(rounded(name), Box(x - 0.02, x + 0.02), rows, rows.new_zeros(rows.shape[:2]), ours)
    for mine, certified in zip(bounds(rounded(name), Box(x - 0.02, x + 0.02), ours), scores, strict=True):
        torch.testing.assert_close(mine, certified, rtol=1e-6, atol=1e-6)
    if domain == "zonotope":
        torch.testing.assert_close(found, proved, rtol=1e-6, atol=1e-6)
    # training merges the last linear layer into the rows, which intervals gain by
    assert bool((found >= proved - 1e-6).all())


@pytest.mark.parametrize("name", RECURRENT)
def test_a_file_becomes_its_module_again(name: str, tmp_path: Path) -> None:
    path, (x, _) = saved(name, tmp_path), inputs()
    with torch.no_grad():
        torch.testing.assert_close(
            from_onnx(path)(x.float()), NETWORKS[name]().float()(x.float()), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("name", ["digits_rnn", "digits_lstm", "digits_gru"])
def test_files_of_torchs_exporter_become_modules(name: str) -> None:
    module = from_onnx(resolve(f"example:{name}"))
    with np.load(resolve("example:digits")) as data:
        x, y = torch.as_tensor(data["x"], dtype=torch.float32), torch.as_tensor(data["y"])
    assert float((module(x).argmax(1) == y).float().mean()) > 0.9


def test_words_are_looked_up_by_the_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Embedding(7, 3), LastStep(nn.GRU(3, 4, batch_first=True)), nn.Linear(4, 2))
    path = tmp_path / "words.onnx"
    path.write_bytes(to_onnx(module, 3).SerializeToString())
    words = np.array([[1, 2, 6, 0], [3, 3, 1, 5]])
    again = from_onnx(path)
    found = certrnn.load(path).network.run_onnxruntime_on_words(words)
    with torch.no_grad():
        torch.testing.assert_close(again(torch.from_numpy(words)), module(torch.from_numpy(words)))
        torch.testing.assert_close(
            torch.as_tensor(found).float(), module(torch.from_numpy(words)), rtol=1e-4, atol=1e-5
        )


def changed(path: Path, change: str) -> Path:
    """A file that looks like one of ours, but is none."""
    model = onnx.load(str(path))
    nodes = model.graph.node
    layer = next(node for node in nodes if node.op_type in ("RNN", "LSTM", "GRU"))
    if change == "reverse":
        layer.attribute.append(onnx.helper.make_attribute("direction", "reverse"))
    elif change == "clip":
        layer.attribute.append(onnx.helper.make_attribute("clip", 0.1))
    elif change == "other function":
        next(node for node in nodes if node.op_type == "Relu").op_type = "Softplus"
    elif change == "first step":
        # the state after the last step gives way to all steps, of which the first is taken
        squeeze = next(node for node in nodes if node.op_type == "Squeeze")
        layer.output[0], layer.output[1] = "steps", ""
        zero = onnx.numpy_helper.from_array(np.array(0), "zero")
        model.graph.initializer.append(zero)
        place = list(nodes).index(squeeze)
        nodes.insert(place, onnx.helper.make_node("Gather", ["steps", "zero"], ["first"], axis=0))
        squeeze.input[0] = "first"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("change", ["reverse", "clip", "other function", "first step"])
def test_what_is_something_else_is_refused(change: str, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="going on from an ONNX file"):
        from_onnx(changed(saved("lstm", tmp_path), change))


def test_networks_without_recurrent_nodes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="RNN, LSTM or GRU nodes"):
        from_onnx(saved("feed forward", tmp_path))
    with pytest.raises(Unsupported, match="GELU"):
        to_onnx(nn.Sequential(nn.Linear(2, 2), nn.GELU()), 2)
