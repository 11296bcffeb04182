"""All analyses on networks built against the proofs, at any number of seeds; tolerance zero."""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np
import pytest
import torch

from certrnn.analyses import Analysis, Ascent, Backward, BranchAndBound, Refinement
from certrnn.analyses.branching import Limits
from certrnn.analyses.recording import record
from certrnn.certification.methods import METHODS
from certrnn.domains import Zonotopes
from certrnn.regions import LinfBall
from certrnn.specs import Spec, label_spec
from tests.laws.adverse import ADVERSE
from tests.laws.laws import Violation, containment, deviations, margins
from tests.laws.members import DIRECT, DOMAINS
from tests.laws.networks import numbers, points, region
from tests.laws.oracle import Oracle, Perturbation

EPS = (0.0, 1e-12, 1e-3, 0.3, 1.0)
BRIEF = Ascent(steps=2, shared=False)
EXPENSIVE: dict[str, Analysis] = {
    "slopes": Backward("slopes", Ascent(steps=2, curved=False)),
    "joint": Backward("joint", BRIEF),
    "refined": Backward("refined", BRIEF, Refinement(BRIEF, cuts=True)),
    "neurons": BranchAndBound(Backward("joint", BRIEF), BRIEF, limits=Limits(leaves=4), few=0),
    "inputs": BranchAndBound(Backward("plain"), BRIEF, limits=Limits(leaves=4), few=10_000),
}
"""The analyses that choose by ascent, with few steps: no proof may depend on where an ascent stops."""


@cache
def case(family: str, seed: int) -> tuple[Oracle, LinfBall]:
    """A random network, a batch of mixed eps around it, and exact values of its members."""
    rng = np.random.default_rng([zlib.crc32(family.encode()), seed])
    graph = ADVERSE[family](rng)
    frames = ((0, 1, 2), (0,), tuple(range(graph.frames)))[seed % 3]
    ball = region(rng, graph, frames, seed % 2 == 1 or "boxes" in family, EPS)
    return Oracle(graph, points(rng, graph, ball, count=1), Perturbation(rng)), ball


def broken(analysis: Analysis, family: str, seed: int) -> list[Violation]:
    """What contradicts labels' margins of both signs, and any rows."""
    oracle, ball = case(family, seed)
    rng, scores = np.random.default_rng(seed), oracle.graph.outputs
    found = []
    for label in range(scores):
        spec = label_spec(torch.full((ball.batch,), label), scores)
        found += margins(analysis, oracle, ball, spec)
    rows = Spec(numbers(rng, ball.batch, 3, scores), numbers(rng, ball.batch, 3))
    return found + margins(analysis, oracle, ball, rows)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", ADVERSE)
@pytest.mark.parametrize("name", DIRECT)
def test_margins_lie_below_exact_margins(name: str, family: str, seed: int) -> None:
    assert broken(METHODS[name](), family, seed) == []


@pytest.mark.parametrize("family", ADVERSE)
@pytest.mark.parametrize("name", EXPENSIVE)
def test_margins_of_expensive_analyses_lie_below_exact_margins(name: str, family: str) -> None:
    assert broken(EXPENSIVE[name], family, 0) == []


@pytest.mark.parametrize("family", ADVERSE)
@pytest.mark.parametrize("name", DOMAINS)
def test_every_node_contains_every_member(name: str, family: str) -> None:
    oracle, ball = case(family, 1)
    assert containment(DOMAINS[name](), oracle, ball) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", ADVERSE)
def test_what_is_recorded_reaches_every_member(family: str, seed: int) -> None:
    oracle, ball = case(family, seed)
    with torch.no_grad():
        assert deviations(record(oracle.graph, ball, Zonotopes())[0], oracle) == []
