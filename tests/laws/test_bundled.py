"""The laws on the networks that ship inside the package, at random, extreme and attacked sequences."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

import certrnn.examples
from certrnn.analyses import certified
from certrnn.attacks import PGD
from certrnn.certification import FrameSet, Problem, radii
from certrnn.certification.methods import METHODS
from certrnn.domains import Fold, Intervals, Zonotopes
from certrnn.io.onnx import read
from certrnn.ir import Graph
from certrnn.regions import LinfBall
from certrnn.search import RelativeTolerance
from certrnn.specs import label_spec
from tests.laws.laws import containment, margins
from tests.laws.members import DIRECT
from tests.laws.networks import points
from tests.laws.oracle import Oracle, Points
from transformers_abs import LeastWidth

NETWORKS = certrnn.examples.names()
ONE_OF_EACH = ("digits_rnn", "digits_lstm", "digits_gru")
EVERY = tuple(range(8))
EPS = (1e-12, 1e-3, 0.02, 0.5)
"""Radii of one batch, from certain to hopeless."""
BundledThreat = tuple[tuple[int, ...], tuple[float, float] | None]
CLIPPED: BundledThreat = (EVERY, (0.0, 1.0))
TWO_FRAMES: BundledThreat = ((3, 5), None)


@cache
def network(name: str) -> tuple[Graph, torch.Tensor, torch.Tensor]:
    """The graph, held-out sequences and what it predicts for them."""
    data = np.load(certrnn.examples.path("digits"))
    x = torch.from_numpy(data["x"].astype(np.float64))
    graph = read(certrnn.examples.path(name)).graph((8, 8))
    return graph, x, Problem.of(graph, x).labels


@cache
def case(name: str, frames: tuple[int, ...], clip: tuple[float, float] | None) -> tuple[Oracle, LinfBall]:
    """Exact values at members of balls around held-out sequences, the worst that an attack proposes among them."""
    graph, x, labels = network(name)
    rng = np.random.default_rng(len(name))
    rows = torch.arange(len(EPS))
    ball = LinfBall(x[rows], torch.tensor(EPS, dtype=torch.float64), frames, clip)
    attacked = PGD(steps=10, restarts=0)(graph, ball, label_spec(labels[rows], graph.outputs)).x
    assert bool(ball.contains(attacked).all())
    found = points(rng, graph, ball, count=1)
    parts = zip(found.x.chunk(len(EPS)), found.moved.chunk(len(EPS)), attacked.split(1), strict=True)
    joined = Points.join([p for a, m, worst in parts for p in (Points(a, m), Points.of(worst))])
    return Oracle(graph, joined), ball


@pytest.mark.parametrize("name", NETWORKS)
def test_every_node_contains_every_member(name: str) -> None:
    oracle, ball = case(name, *CLIPPED)
    for domain in (Intervals(), Zonotopes()):
        assert containment(domain, oracle, ball) == []


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_node_contains_every_member_with_other_options(name: str) -> None:
    oracle, ball = case(name, *TWO_FRAMES)
    for domain in (Zonotopes(policy=LeastWidth(rounds=2)), Zonotopes(cuts=False, reduction=Fold(40))):
        assert containment(domain, oracle, ball) == []


@pytest.mark.parametrize("threat", [CLIPPED, TWO_FRAMES], ids=["all, clipped", "two frames"])
@pytest.mark.parametrize("method", DIRECT)
@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_margins_lie_below_exact_margins(name: str, method: str, threat: BundledThreat) -> None:
    graph, _, labels = network(name)
    oracle, ball = case(name, *threat)
    assert margins(METHODS[method](), oracle, ball, label_spec(labels[: len(EPS)], graph.outputs)) == []


@pytest.mark.parametrize("method", DIRECT)
@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_no_attack_succeeds_inside_a_certified_radius(name: str, method: str) -> None:
    graph, x, _ = network(name)
    problem, threat, analysis = (
        Problem.of(graph, x[:2], clip=(0.0, 1.0)),
        FrameSet(EVERY, whole=True),
        METHODS[method](),
    )
    eps = radii(problem, analysis, threat, RelativeTolerance(0.5, start=2.0**-9))
    assert bool((eps > 0).all())
    rows = torch.arange(len(eps))
    ball, spec = problem.ball(rows, eps, threat), problem.spec(rows)
    assert bool(certified(analysis.margins(graph, ball, spec)).all())
    # float64 may round a small margin to zero: exact arithmetic decides
    oracle = Oracle(graph, Points.of(PGD(steps=20, restarts=0)(graph, ball, spec).x))
    assert margins(analysis, oracle, ball, spec) == []
