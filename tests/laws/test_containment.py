"""Containment at every node, tolerance zero: random networks, every domain, every analysis."""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np
import pytest
import torch

from certrnn.certification.methods import METHODS
from certrnn.regions import LinfBall
from certrnn.specs import Spec, label_spec
from tests.laws.laws import containment, margins
from tests.laws.members import DIRECT, DOMAINS, registered
from tests.laws.networks import FAMILIES, numbers, points, region
from tests.laws.oracle import Oracle, Perturbation

THREATS = {"all frames": ((0, 1, 2), False), "first, clipped": ((0,), True), "two, clipped": ((1, 2), True)}


@cache
def case(family: str, seed: int, threat: str) -> tuple[Oracle, LinfBall]:
    """A random network, a batch of mixed eps, and the exact values of its members at every node."""
    rng = np.random.default_rng([zlib.crc32(family.encode()), seed])
    graph, (frames, clip) = FAMILIES[family](rng), THREATS[threat]
    ball = region(rng, graph, frames, clip)
    return Oracle(graph, points(rng, graph, ball), Perturbation(rng)), ball


def test_every_domain_is_under_test() -> None:
    assert registered() <= {type(make()) for make in DOMAINS.values()}


@pytest.mark.parametrize("threat", THREATS)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", DOMAINS)
def test_every_node_contains_every_member(name: str, family: str, threat: str) -> None:
    oracle, ball = case(family, 0, threat)
    assert containment(DOMAINS[name](), oracle, ball) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 20))
@pytest.mark.parametrize("family", FAMILIES)
def test_every_node_contains_every_member_on_many_networks(family: str, seed: int) -> None:
    for threat in THREATS:
        oracle, ball = case(family, seed, threat)
        for make in DOMAINS.values():
            assert containment(make(), oracle, ball, seed) == []


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", DIRECT)
def test_margins_lie_below_exact_margins(name: str, family: str, seed: int) -> None:
    for threat in THREATS:
        oracle, ball = case(family, seed, threat)
        rng = np.random.default_rng(seed)
        scores = oracle.graph.outputs
        any_rows = Spec(numbers(rng, ball.batch, 5, scores), numbers(rng, ball.batch, 5))
        labels = label_spec(torch.from_numpy(rng.integers(0, scores, ball.batch)), scores)
        for spec in (any_rows, labels):
            assert margins(METHODS[name](), oracle, ball, spec) == []
