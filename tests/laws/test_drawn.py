"""Containment and margins on networks that hypothesis draws: a failure comes shrunk, and is replayed next time.

The laws over recurrent networks keep their seeded generators: gates, layers and corners towards which the gradient
points are what is hard there, and drawing their hundreds of weights one by one would be slow and shrink to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from certrnn.certification.methods import METHODS
from certrnn.domains import Domain, Intervals, Zonotopes
from certrnn.specs import Spec
from tests.laws.drawn import graphs, regions
from tests.laws.laws import containment, margins
from tests.laws.members import DIRECT, DOMAINS
from tests.laws.oracle import Oracle
from tests.laws.test_mutants import newest_symbols_lost, weight_without_absolute_value

DRAWS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def cases(draw: st.DrawFn) -> tuple[Oracle, Any]:
    graph = draw(graphs())
    ball, points = draw(regions(graph))
    return Oracle(graph, points), ball


@pytest.mark.parametrize("name", DOMAINS)
@given(case=cases())
@DRAWS
def test_every_node_contains_every_member(name: str, case: tuple[Oracle, Any]) -> None:
    oracle, ball = case
    assert containment(DOMAINS[name](), oracle, ball) == []


@pytest.mark.parametrize("name", DIRECT)
@given(case=cases(), sign=st.sampled_from((1.0, -1.0)))
@DRAWS
def test_margins_lie_below_exact_margins(name: str, case: tuple[Oracle, Any], sign: float) -> None:
    oracle, ball = case
    every = sign * torch.eye(oracle.graph.outputs, dtype=torch.float64)
    assert margins(METHODS[name](), oracle, ball, Spec(every[None], torch.zeros(1, len(every)))) == []


@pytest.mark.parametrize(
    ("planted", "domain"),
    [(weight_without_absolute_value, Intervals()), (newest_symbols_lost, Zonotopes())],
)
def test_a_planted_error_is_shown_by_a_network_that_is_drawn(
    planted: Callable[[pytest.MonkeyPatch], None], domain: Domain[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(monkeypatch)
    searching = settings(DRAWS, max_examples=400, phases=[Phase.generate])
    assert containment(
        domain, *find(cases(), lambda case: bool(containment(domain, *case)), settings=searching)
    )
