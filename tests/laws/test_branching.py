"""Branch and bound lies below the truth on every network, improves with every leaf, and planted errors show."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import flint
import pytest
import torch

from certrnn.analyses import Ascent, Backward, BranchAndBound, Refinement
from certrnn.analyses.branching import Leaf, Limits, Tree, grow
from certrnn.analyses.branching.inputs import Inputs
from certrnn.analyses.branching.neurons import Neurons
from certrnn.ir import Graph, GraphBuilder
from certrnn.regions import LinfBall
from certrnn.specs import Spec, label_spec
from tests.laws.laws import margins
from tests.laws.networks import FAMILIES
from tests.laws.test_containment import case
from transformers_abs import PRODUCT, TANH

BRIEF = Ascent(steps=3, shared=False)
ROOTS = {"plain": Backward("plain"), "joint": Backward("joint", BRIEF)}
ANALYSES = {
    "neurons": BranchAndBound(ROOTS["joint"], BRIEF, limits=Limits(leaves=4)),
    "inputs": BranchAndBound(ROOTS["plain"], BRIEF, limits=Limits(leaves=4), few=10_000),
}
CLIMB = Ascent(steps=40, shared=False, rate=0.1)
RADIUS = 1.5


@pytest.mark.parametrize("family", ["rnn", "mixed", "overflowing"])
@pytest.mark.parametrize("name", ANALYSES)
def test_margins_lie_below_exact_margins(name: str, family: str) -> None:
    check(name, family)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ANALYSES)
def test_margins_lie_below_exact_margins_on_every_family(name: str, family: str) -> None:
    check(name, family)


def check(name: str, family: str) -> None:
    oracle, ball = case(family, 0, "all frames")
    spec = label_spec(torch.zeros(ball.batch, dtype=torch.int64), oracle.graph.outputs)
    assert margins(ANALYSES[name], oracle, ball, spec) == []


def difference() -> tuple[Graph, LinfBall, Spec]:
    """``tanh x - tanh 2x`` on [-1.5, 1.5]: one plane for both neurons cannot follow it."""
    builder = GraphBuilder()
    weight = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    both = builder.affine(weight, torch.zeros(2, dtype=torch.float64), builder.input(0, 1))
    graph = builder.build(builder.elementwise(TANH, both))
    ball = LinfBall(
        torch.zeros(1, 1, 1, dtype=torch.float64), torch.tensor([RADIUS], dtype=torch.float64), (0,)
    )
    rows = torch.tensor([[[1.0, -1.0]]], dtype=torch.float64)
    return graph, ball, Spec(rows, torch.zeros(1, 1, dtype=torch.float64))


def smallest_seen() -> flint.arb:
    points = [flint.arb(k) / 1000 for k in range(-1500, 1501)]
    return min(((x).tanh() - (2 * x).tanh() for x in points), key=float)


def bound(name: str, leaves: int) -> float:
    analysis = replace(ANALYSES[name], ascent=CLIMB, few=int(name == "inputs"), limits=Limits(leaves=leaves))
    return float(analysis.margins(*difference()))


@pytest.mark.parametrize("name", ANALYSES)
def test_more_leaves_never_loosen_the_bound_and_lead_towards_the_truth(name: str) -> None:
    found = [bound(name, leaves) for leaves in (0, 2, 8, 64)]
    truth = smallest_seen()
    assert all(a <= b for a, b in pairwise(found))
    assert all(flint.arb(value) < truth for value in found)
    assert found[-1] > float(truth) - 0.1 > found[0]


def test_a_late_start_still_gives_the_plain_bound() -> None:
    analysis = ANALYSES["neurons"].until(0.0)
    assert float(analysis.margins(*difference())) >= float(ROOTS["plain"].margins(*difference()))


def test_a_counterexample_near_the_relaxations_worst_point_ends_the_search() -> None:
    seen: list[torch.Tensor] = []

    def falsify(graph: Graph, region: LinfBall, spec: Spec, x: torch.Tensor) -> bool:
        seen.append(x)
        return True

    analysis = replace(ANALYSES["neurons"], falsify=falsify, few=0)
    assert float(analysis.margins(*difference())) < 0
    (x,) = seen
    assert x.shape == (2, 1, 1)
    assert bool((x.abs() <= RADIUS * (1 + 1e-9)).all())


class Vanishing(Tree[int]):
    """A part ``n`` that falls into ``n`` parts without a point each: what only a wrong number can lead to."""

    def cut(self, leaf: Leaf[int]) -> list[int]:
        return [0] * leaf.part

    def bound(self, parts: Any) -> list[Leaf[int]]:
        return [Leaf(torch.tensor([-0.5, -torch.inf]), part) for part in parts]


@pytest.mark.parametrize("parts", [0, 2])
def test_a_region_that_seems_empty_is_not_proved(parts: int) -> None:
    root = Leaf(torch.tensor([-2.0, -1.0]), parts)
    assert grow(Vanishing(), root, Limits(leaves=100)).tolist() == [-2.0, -1.0]


def test_a_sample_beyond_the_floating_point_range_is_not_branched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    builder, one = GraphBuilder(), torch.ones(1, dtype=torch.float64)
    large = builder.affine(1e200 * one, 0 * one, builder.input(0, 1))
    graph = builder.build(builder.elementwise(TANH, builder.elementwise(PRODUCT, large, large)))
    spec = Spec(one[None, None], 0 * one[None])
    monkeypatch.setattr(Neurons, "bound", lambda self, parts: [Leaf(one, part) for part in parts])
    analysis = replace(ANALYSES["neurons"], few=0)
    assert analysis.margins(graph, LinfBall(one[None, None], one, (0,)), spec).tolist() == [[-torch.inf]]


def _leaf_dropped(patch: pytest.MonkeyPatch, tree: type) -> None:
    true = tree.cut
    patch.setattr(tree, "cut", lambda self, leaf: true(self, leaf)[:1])


def _bound_of_the_best_leaf(patch: pytest.MonkeyPatch, tree: type) -> None:
    true = tree.bound

    def best(self, parts):
        leaves = true(self, parts)
        top = torch.stack([leaf.bound for leaf in leaves]).amax(0)
        return [Leaf(top, leaf.part) for leaf in leaves]

    patch.setattr(tree, "bound", best)


MUTANTS = {"a leaf dropped": _leaf_dropped, "the best leaf counts": _bound_of_the_best_leaf}


@pytest.mark.parametrize(("name", "tree"), [("neurons", Neurons), ("inputs", Inputs)])
@pytest.mark.parametrize("mutant", MUTANTS)
def test_planted_errors_are_caught(
    mutant: str, name: str, tree: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        MUTANTS[mutant](patch, tree)
        assert flint.arb(bound(name, 64)) > smallest_seen()


def in_a_row(analysis: Backward, family: str = "rnn") -> list:
    """What breaks the law when a small region is asked before the real one."""
    oracle, ball = case(family, 0, "all frames")
    spec = label_spec(torch.zeros(ball.batch, dtype=torch.int64), oracle.graph.outputs)
    smaller = replace(ball, eps=ball.eps * 0.01)
    analysis.margins(oracle.graph, smaller, spec)
    return margins(analysis, oracle, ball, spec)


def test_what_is_remembered_of_a_smaller_region_is_no_bound_of_a_larger() -> None:
    joint = Backward("joint", BRIEF, Refinement(BRIEF)).remembering()
    assert in_a_row(joint) == []


def test_intermediate_boxes_kept_from_a_smaller_region_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    true, kept = Refinement.begin, []

    def begin(self, *arguments):
        kept.append(true(self, *arguments))
        return kept[0]

    monkeypatch.setattr(Refinement, "begin", begin)
    assert in_a_row(Backward("joint", BRIEF, Refinement(BRIEF)).remembering()) != []
