"""How results relate to each other: domains, regions, batches, chunks and symbols that have nothing to do with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from certrnn.analyses import Forward
from certrnn.certification.methods import METHODS
from certrnn.domains import Domain, Fold, Intervals, Zonotopes, propagate
from certrnn.domains.rounding import down
from certrnn.ir import Affine, Graph, Input, Sum
from certrnn.regions import LinfBall
from certrnn.specs import Spec
from tests.laws.laws import margins
from tests.laws.members import DIRECT, DOMAINS
from tests.laws.networks import FAMILIES, numbers, points, region
from tests.laws.oracle import Oracle
from tests.rounding import FUNCTIONS, ORDERS, Summed, coarser, room
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


def within(inner: tuple[torch.Tensor, torch.Tensor], outer: tuple[torch.Tensor, torch.Tensor]) -> bool:
    """Inner bounds lie within outer ones, but for the last digits of functions."""
    low, high = (bound.abs() * FUNCTIONS for bound in outer)
    return bool(((inner[0] >= outer[0] - low) & (inner[1] <= outer[1] + high)).all())


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
    spec = any_rows(rng, graph, ball.batch)
    with coarser():
        loose, floor = bounds(Intervals(), graph, ball), Forward(Intervals()).margins(graph, ball, spec)
    assert all(within(t, o) for t, o in zip(bounds(domain, graph, ball), loose, strict=True))
    assert bool((Forward(domain).margins(graph, ball, spec) >= floor).all())


@pytest.mark.parametrize("family", EXACT)
def test_smaller_regions_have_smaller_intervals(family: str) -> None:
    rng, graph = network(family)
    ball = region(rng, graph, (0, 1, 2), clip=False, eps=(0.0, 1e-6, 0.1, 3.0))
    with coarser():
        every = bounds(Intervals(), graph, ball)
    for smaller in (replace(ball, eps=0.7 * ball.eps), replace(ball, frames=(1,))):
        assert all(within(s, e) for s, e in zip(bounds(Intervals(), graph, smaller), every, strict=True))


@pytest.mark.parametrize("policy", SLOPES, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("family", EXACT)
def test_an_unrelated_input_tightens_nothing(family: str, policy: Any) -> None:
    """A frame that nothing reads, disturbed first, moves every other symbol to another number: the same sums."""
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
    with Summed():
        before, after = bounds(domain, graph, ball), bounds(domain, wider, wide_ball)[1:]
    for ends, others in zip(before, after, strict=True):
        assert all(map(torch.equal, ends, others))


def _reading(node: Any, sources: tuple[int, ...]) -> Any:
    """The node reading other positions; a constant reads nothing."""
    return replace(node, sources=sources) if node.sources else node


@pytest.mark.parametrize("name", DOMAINS)
@pytest.mark.parametrize("family", ["lstm", "mixed", "cancelling"])
def test_an_unrelated_term_only_widens(family: str, name: str) -> None:
    """Scores plus a map of a frame of their own: margins fall by at least what that frame can take away.

    Both are bounded through the same values, so that only the last reading rounds in another way.
    """
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
    lost = room(lambda: Forward(domain).margins(graph, ball, spec))
    after = Forward(domain).margins(wide, LinfBall(center, ball.eps, (0, 1, 3)), spec)
    taken = down(*[ball.eps[:, None] * (spec.rows @ weight).abs().sum(dim=2)] * 2, 4 * graph.outputs)
    assert bool((after <= before - taken + lost).all())


ONE_BY_ONE = ["interval", "zonotope, Secant", "zonotope, no cuts"]
"""Members whose choices look at one row only; the others are held to soundness either way."""


def tensors(domain: Domain[Any], graph: Graph, ball: LinfBall, spec: Spec) -> torch.Tensor:
    """Margins by the domain's own operations, whether or not it has a compiled pass."""
    run = domain.start(ball)
    with torch.no_grad():
        return run.lower(propagate(graph, run), spec.rows, spec.offset)


@pytest.mark.parametrize("name", ONE_BY_ONE)
@pytest.mark.parametrize("family", EXACT)
def test_a_row_alone_is_a_row_of_a_batch(family: str, name: str) -> None:
    """The same number where both add up in one order, else the same within the account."""
    rng, graph = network(family)
    ball, spec, domain = region(rng, graph, (0, 1, 2), clip=True), any_rows(rng, graph, 8), DOMAINS[name]()

    def together() -> torch.Tensor:
        return tensors(domain, graph, ball, spec)

    def alone() -> torch.Tensor:
        return torch.cat([tensors(domain, graph, ball.rows(i, i + 1), spec.part(i, i + 1)) for i in range(8)])

    with Summed():
        assert torch.equal(together(), alone())
    assert bool(((together() - alone()).abs() <= room(together)).all())


@pytest.mark.parametrize("family", EXACT)
def test_the_compiled_pass_computes_each_row_by_itself(family: str) -> None:
    """So that its bounds are identical in every batch, on every processor: nothing is added up across rows."""
    rng, graph = network(family)
    ball, spec = region(rng, graph, (0, 1, 2), clip=True), any_rows(rng, graph, 8)
    run = Zonotopes().compiled(graph, ball)
    if run is None:
        pytest.skip("left to the tensors")
    parts = [(ball.rows(i, i + 1), spec.part(i, i + 1)) for i in range(8)]
    alone = [run.lower(own, part.rows, part.offset) for own, part in parts]
    assert torch.equal(run.lower(ball, spec.rows, spec.offset), torch.cat(alone))


@pytest.mark.parametrize("family", EXACT)
def test_chunks_change_nothing(family: str) -> None:
    """But the shapes of products, and with them the order in which a library adds up."""
    rng, graph = network(family)
    ball, spec = region(rng, graph, (0, 1, 2), clip=True), any_rows(rng, graph, 8)
    for domain in (Intervals(), Zonotopes(cuts=False)):
        cuts = (1, 3 * domain.bytes_per_row(graph, ball.frames))
        own, *others = (Forward(domain, memory) for memory in (1 << 28, *cuts))
        with Summed():
            whole = own.margins(graph, ball, spec)
            assert all(torch.equal(whole, other.margins(graph, ball, spec)) for other in others)
        whole, lost = own.margins(graph, ball, spec), room(lambda own=own: own.margins(graph, ball, spec))
        for other in others:
            assert bool(((whole - other.margins(graph, ball, spec)).abs() <= lost).all())


@pytest.mark.parametrize("family", EXACT)
def test_any_order_of_summation_stays_within_the_account(family: str) -> None:
    rng, graph = network(family)
    ball = region(rng, graph, (0, 1, 2), clip=False, eps=(0.0, 1e-6, 0.05, 1.0))
    spec = any_rows(rng, graph, 4)
    for name in ONE_BY_ONE:
        domain = DOMAINS[name]()
        own, lost = tensors(domain, graph, ball, spec), room(lambda d=domain: tensors(d, graph, ball, spec))
        for add_up in ORDERS.values():
            with Summed(add_up):
                assert bool(((own - tensors(domain, graph, ball, spec)).abs() <= lost).all())


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
