"""Whoever asks inside of ``torch.inference_mode()`` is answered as outside of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import certrnn
from certrnn.analyses import Analysis, Ascent, Backward, BranchAndBound, Refinement
from certrnn.analyses.branching import Limits
from certrnn.certification import Query
from certrnn.certification.methods import METHODS
from certrnn.examples import resolve
from certrnn.ir import Graph
from certrnn.regions import LinfBall
from certrnn.specs import Spec, label_spec
from tests.laws.members import DIRECT
from tests.laws.networks import FAMILIES, region

BRIEF = Ascent(steps=2, shared=False)
ANALYSES: dict[str, Analysis] = {
    **{name: METHODS[name]() for name in DIRECT},
    "slopes": Backward("slopes", Ascent(steps=2, curved=False)),
    "joint": Backward("joint", BRIEF, Refinement(BRIEF)),
    "neurons": BranchAndBound(Backward("joint", BRIEF), BRIEF, limits=Limits(leaves=4), few=0),
    "inputs": BranchAndBound(Backward("plain"), BRIEF, limits=Limits(leaves=4)),
}


def asked() -> tuple[Graph, LinfBall, Spec]:
    rng = np.random.default_rng(0)
    graph = FAMILIES["gru"](rng)
    ball = region(rng, graph, (0, 1), clip=True, eps=(0.0, 0.1))
    return graph, ball, label_spec(torch.zeros(2, dtype=torch.int64), graph.outputs)


@pytest.mark.parametrize("name", ANALYSES)
def test_margins_are_the_same_inside(name: str) -> None:
    """Of a graph from outside, and of one that was made inside."""
    expected = ANALYSES[name].margins(*asked())
    given = asked()
    with torch.inference_mode():
        for question in (given, asked()):
            assert torch.allclose(ANALYSES[name].margins(*question), expected, rtol=1e-9, atol=1e-9)


def test_the_library_answers_inside() -> None:
    data = np.load(resolve("example:digits"))
    x, y = data["x"][:1], data["y"][:1]
    with torch.inference_mode():
        model = certrnn.load("example:digits_rnn")
        rows = model.certify(x, y, eps=0.002, frames="all", method="alpha-crown")
        found, _ = model.attack(x, y, eps=0.5)
        assert torch.is_inference_mode_enabled()
    assert [row.verdict for row in rows] == ["certified"]
    assert found.rows


def test_rows_that_wait_leave_the_mode_alone() -> None:
    model = certrnn.load("example:digits_rnn")
    sequences = model.read("example:digits").take([0, 1])
    with torch.inference_mode():
        for _ in model.stream(sequences, Query((0.001,), "each", method="interval")):
            assert torch.is_inference_mode_enabled()
