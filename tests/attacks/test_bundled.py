"""The bundled networks, from the model file to a counterexample that onnxruntime confirms."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import torch

import certrnn.attacks
import certrnn.examples
from certrnn.attacks import PGD, replay_smallest, smallest_eps
from certrnn.io.onnx import read
from certrnn.regions import LinfBall
from certrnn.specs import label_spec
from tests.attacks.cases import exactly_inside

EXAMPLES = Path(next(iter(certrnn.examples.__path__)))
BOUNDING = ("certrnn.analyses", "certrnn.search", "transformers_abs", "certrnn.baselines")


@pytest.mark.parametrize("name", ["digits_rnn", "digits_lstm", "digits_gru"])
def test_bundled_networks_have_confirmed_counterexamples(name: str) -> None:
    model, data = read(EXAMPLES / f"{name}.onnx"), np.load(EXAMPLES / "digits_heldout.npz")
    x = torch.from_numpy(data["x"][:6].astype(np.float32).astype(np.float64))
    graph = model.graph(tuple(x.shape[1:]))
    scores = model.run_onnxruntime(x.numpy())
    labels = torch.from_numpy(scores.argmax(axis=1))
    spec, every = label_spec(labels, graph.outputs), tuple(range(x.shape[1]))

    def ball(rows: torch.Tensor, eps: torch.Tensor) -> LinfBall:
        return LinfBall(x[rows], eps, every, (0.0, 1.0))

    found, done = replay_smallest(model, graph, ball, spec, smallest_eps(PGD(), graph, ball, spec), labels)
    assert done.reasons == ("",) * 6
    assert bool(((found.eps > 0) & (found.eps < 0.5)).all())
    assert all(exactly_inside(ball(torch.arange(6), found.eps), found.x))
    again = model.run_onnxruntime(found.x.numpy().astype(np.float32))
    assert bool((again.argmax(axis=1) != labels.numpy()).all())


def test_attacks_import_no_bounds() -> None:
    """They may contradict an analysis only if they share nothing with it but points."""
    imported = set()
    for path in Path(certrnn.attacks.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
            if isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
    ours = {m for m in imported if m.startswith(("certrnn", "transformers_abs"))}
    assert not [m for m in ours if m.startswith(BOUNDING)]
    assert {m for m in ours if m.startswith("certrnn.domains")} == {"certrnn.domains.points"}
