"""How results relate to each other: domains, regions, batches, chunks and symbols that have nothing to do with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from certrnn.analyses import Forward
from certrnn.domains import Domain, Fold, Intervals, Zonotopes, propagate
from certrnn.ir import Affine, Graph, Input, Sum
from certrnn.regions import LinfBall
from certrnn.run.methods import METHODS
from certrnn.specs import Spec
from tests.laws.laws import margins
from tests.laws.members import DIRECT, DOMAINS
from tests.laws.networks import FAMILIES, numbers, points, region
from tests.laws.oracle import Oracle
from transformers_abs import SLOPES

EXACT = [f for f in FAMILIES if f != "overflowing"]
"""Families whose rows never fail at the radii of these tests."""


def bounds(domain: Domain[Any], graph: Graph, ball: LinfBall) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Lower and upper bounds of every node."""
    run = domain.start(ball)
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    with torch.no_grad():
        propagate(graph, run, lambda position, value, _: found.append(run.bounds(value)))
    return found


def within(
    inner: tuple[torch.Tensor, torch.Tensor], outer: tuple[torch.Tensor, torch.Tensor], share: float = 1e-12
) -> bool:
    """Inner bounds lie within outer ones, up to a share of their size that rounding may take."""
    room = share * (1e-290 + torch.maximum(outer[0].abs(), outer[1].abs()))
    return bool(((inner[0] >= outer[0] - room) & (inner[1] <= outer[1] + room)).all())


def network(family: str, seed: int = 5) -> tuple[np.random.Generator, Graph]:
    rng = np.random.default_rng(seed)
    return rng, FAMILIES[family](rng)


def any_rows(rng: np.random.Generator, graph: Graph, batch: int) -> Spec:
    return Spec(numbers(rng, batch, 4, graph.outputs), numbers(rng, batch, 4))


@pytest.mark.parametrize("name", [n for n in DOMAINS if n != "interval"])
@pytest.mark.parametrize("family", EXACT)
def test_no_domain_is_looser_than_intervals(family: str, name: str) -> None:
    rng, graph = network(family)
    ball, domain = region(rng, graph, (0, 2), clip=False), DOMAINS[name]()
    loose, tight = bounds(Intervals(), graph, ball), bounds(domain, graph, ball)
    assert all(within(t, o) for t, o in zip(tight, loose, strict=True))
    spec = any_rows(rng, graph, ball.batch)
    floor, found = (Forward(d).margins(graph, ball, spec) for d in (Intervals(), domain))
    assert bool((found >= floor - 1e-12 * floor.abs()).all())


@pytest.mark.parametrize("family", EXACT)
def test_smaller_regions_have_smaller_intervals(family: str) -> None:
    rng, graph = network(family)
    ball = region(rng, graph, (0, 1, 2), clip=False, eps=(0.0, 1e-6, 0.1, 3.0))
    every = bounds(Intervals(), graph, ball)
    for smaller in (replace(ball, eps=0.7 * ball.eps), replace(ball, frames=(1,))):
        assert all(within(s, e) for s, e in zip(bounds(Intervals(), graph, smaller), every, strict=True))


@pytest.mark.parametrize("policy", SLOPES, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("family", EXACT)
def test_an_unrelated_input_tightens_nothing(family: str, policy: Any) -> None:
    """A frame that nothing reads, disturbed first, moves every other symbol to another number."""
    rng, graph = network(family)
    ball = region(rng, graph, (0, 1, 2), clip=False)
    moved = tuple(
        replace(node, frame=node.frame + 1)
        if isinstance(node, Input)
        else _reading(node, tuple(s + 1 for s in node.sources))
        for node in graph.nodes
    )
    center = torch.zeros(ball.batch, graph.frames + 1, ball.center.shape[2], dtype=torch.float64)
    center[:, 1:] = ball.center
    wide_ball = LinfBall(center, ball.eps, (0, 1, 2, 3))
    wider = Graph((Input(0, ball.center.shape[2]), *moved), graph.output + 1)
    domain = Zonotopes(policy=policy)
    before, after = bounds(domain, graph, ball), bounds(domain, wider, wide_ball)[1:]
    assert all(within(b, a, 1e-13) for b, a in zip(before, after, strict=True))


def _reading(node: Any, sources: tuple[int, ...]) -> Any:
    """The node reading other positions; a constant reads nothing."""
    return replace(node, sources=sources) if node.sources else node


@pytest.mark.parametrize("name", DOMAINS)
@pytest.mark.parametrize("family", ["lstm", "mixed", "cancelling"])
def test_an_unrelated_term_only_widens(family: str, name: str) -> None:
    """Scores plus a map of a frame of their own: margins fall by at least what that frame can take away."""
    rng, graph = network(family)
    ball, weight = (
        region(rng, graph, (0, 1), clip=False, eps=(1e-6, 0.1, 1.0)),
        numbers(rng, graph.outputs, 2),
    )
    extra, scores = len(graph.nodes), torch.zeros(graph.outputs, dtype=torch.float64)
    added = (
        Input(3, 2),
        Affine(weight, scores, (extra,)),
        Sum((1.0, 1.0), (graph.output, extra + 1), graph.outputs),
    )
    wide = Graph((*graph.nodes, *added), extra + 2)
    center = torch.cat([ball.center, torch.zeros(3, 1, 2, dtype=torch.float64)], dim=1)
    spec, domain = any_rows(rng, graph, ball.batch), DOMAINS[name]()
    before = Forward(domain).margins(graph, ball, spec)
    after = Forward(domain).margins(wide, LinfBall(center, ball.eps, (0, 1, 3)), spec)
    taken = ball.eps[:, None] * (spec.rows @ weight).abs().sum(dim=2)
    assert bool((after <= before - taken + 1e-9 * (1.0 + before.abs())).all())


@pytest.mark.parametrize("name", ["interval", "zonotope, Secant", "zonotope, no cuts"])
@pytest.mark.parametrize("family", EXACT)
def test_a_row_alone_is_a_row_of_a_batch(family: str, name: str) -> None:
    """Of members whose choices look at one row only; the others are held to soundness either way."""
    rng, graph = network(family)
    ball, spec = region(rng, graph, (0, 1, 2), clip=True), any_rows(rng, graph, 8)
    together = Forward(DOMAINS[name]()).margins(graph, ball, spec)
    alone = torch.cat(
        [Forward(DOMAINS[name]()).margins(graph, ball.rows(i, i + 1), spec.part(i, i + 1)) for i in range(8)]
    )
    assert torch.allclose(together, alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("family", EXACT)
def test_chunks_change_nothing(family: str) -> None:
    rng, graph = network(family)
    ball, spec = region(rng, graph, (0, 1, 2), clip=True), any_rows(rng, graph, 8)
    for domain in (Intervals(), Zonotopes()):
        whole = Forward(domain).margins(graph, ball, spec)
        for memory in (1, 3 * domain.bytes_per_row(graph, ball.frames)):
            assert torch.allclose(
                whole, Forward(domain, memory).margins(graph, ball, spec), rtol=1e-9, atol=1e-9
            )


@pytest.mark.parametrize("limit", [1, 6, 20])
def test_reduced_rows_are_sound_alone_and_in_a_batch(limit: int) -> None:
    rng, graph = network("lstm")
    ball = region(rng, graph, (0, 1, 2), clip=True)
    oracle, spec = Oracle(graph, points(rng, graph, ball)), any_rows(rng, graph, ball.batch)
    for memory in (1, 1 << 28):
        assert margins(Forward(Zonotopes(reduction=Fold(limit)), memory), oracle, ball, spec) == []


@pytest.mark.parametrize("name", DIRECT)
def test_an_empty_batch_has_no_margins(name: str) -> None:
    rng, graph = network("rnn")
    ball = region(rng, graph, (0,), clip=False, eps=())
    assert METHODS[name]().margins(graph, ball, any_rows(rng, graph, 0)).shape == (0, 4)
