"""No attack of the whole suite succeeds inside a certified radius; each succeeds where there is room."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import certrnn
from certrnn.attacks import ATTACKS, NAMED, Attack
from certrnn.examples import resolve
from certrnn.io.onnx import read
from certrnn.regions import LinfBall
from certrnn.specs import label_spec


@pytest.fixture(scope="module", params=["digits_rnn", "digits_gru"])
def bundled(request: pytest.FixtureRequest):
    """Graph, samples, specification and certified l-inf radii of a network that ships with the package."""
    name = f"example:{request.param}"
    data = np.load(resolve("example:digits"))
    x = data["x"][:2].astype(np.float32).astype(np.float64)
    rows = certrnn.load(name).radius(x, frames="all", clip=(0, 1), attack=False)
    graph = read(resolve(name)).graph(x.shape[1:])
    labels = torch.tensor([row.label for row in rows])
    radii = torch.from_numpy(rows.column("eps_certified"))
    return graph, torch.from_numpy(x), label_spec(labels, graph.outputs), radii


@pytest.mark.parametrize("attack", ATTACKS, ids=list(NAMED))
def test_no_attack_succeeds_inside_a_certified_radius(attack: Attack, bundled) -> None:
    graph, x, spec, radii = bundled
    assert bool((radii > 0).all())
    outcome = attack(graph, LinfBall(x, radii, tuple(range(x.shape[1])), (0.0, 1.0)), spec)
    assert not outcome.success.any()
    assert bool((outcome.margin > 0).all())


@pytest.mark.parametrize("bundled", ["digits_rnn"], indirect=True)
@pytest.mark.parametrize("name", [name for name in NAMED if name not in ("words", "substitution")])
def test_each_succeeds_where_there_is_room(name: str, bundled) -> None:
    """So that a radius claimed too large would be noticed by every one of them."""
    graph, x, spec, radii = bundled
    every = tuple(range(x.shape[1]))
    outcome = NAMED[name](graph, LinfBall(x, torch.full_like(radii, 1.0), every, (0.0, 1.0)), spec)
    assert outcome.success.any()
