"""What domains and analyses make of every region contains its members, in exact arithmetic; planted errors show."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from flint import arb

from certrnn.analyses import METHODS, Backward
from certrnn.analyses.ascent import Ascent
from certrnn.analyses.enumeration import Enumeration
from certrnn.domains import evaluate
from certrnn.domains.zonotope import groups
from certrnn.domains.zonotope.groups import Groups, NormSupport
from certrnn.ir import Graph
from certrnn.regions import Box, L1Ball, L2Ball, LinfBall, Region, Substitutes
from certrnn.specs import Spec, label_spec
from tests.laws.laws import Violation, containment, margins
from tests.laws.members import DOMAINS
from tests.laws.networks import FAMILIES, numbers
from tests.laws.oracle import Oracle, Perturbation
from tests.laws.regions import EPS, REGIONS, made, members, registered
from tests.rounding import evaluation_room, room

CHOSEN = ("zonotope, Secant", "zonotope, any slope", "zonotope, 6 generators")
ANALYSES = {
    "interval": METHODS["interval"](),
    "zonotope": METHODS["zonotope"](),
    "crown": METHODS["crown"](),
    "joint": Backward("joint", Ascent(steps=2, rate=0.3, shared=False)),
}
Patch = pytest.MonkeyPatch


@cache
def case(name: str, family: str, frames: tuple[int, ...] = (0, 1, 2)) -> tuple[Oracle, Region]:
    """A region around a random network's sequences, and the exact values of its members at every node."""
    rng = np.random.default_rng([zlib.crc32(f"{name} {family}".encode()), 7])
    graph = FAMILIES[family](rng)
    region = made(name, rng, graph, frames)
    return Oracle(graph, members(rng, graph, region), Perturbation(rng)), region


def test_every_region_is_under_test() -> None:
    rng = np.random.default_rng(0)
    graph = FAMILIES["rnn"](rng)
    assert registered() <= {type(made(name, rng, graph, (0, 1))) for name in REGIONS}


OTHERS = [name for name in REGIONS if name != "l-inf"]


@pytest.mark.parametrize("name", OTHERS)
def test_every_node_contains_every_member(name: str) -> None:
    for family, domains in (("lstm", CHOSEN), ("cancelling", CHOSEN[:1])):
        oracle, region = case(name, family)
        for domain in domains:
            assert containment(DOMAINS[domain](), oracle, region) == []


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", REGIONS)
def test_every_node_contains_every_member_in_every_domain(name: str, family: str) -> None:
    oracle, region = case(name, family)
    for make in DOMAINS.values():
        assert containment(make(), oracle, region) == []


@pytest.mark.parametrize("name", ["l2, joint, clipped, radii", "l1, joint", "words"])
def test_frames_that_are_not_disturbed_belong_to_no_group(name: str) -> None:
    oracle, region = case(name, "mixed", (2, 0))
    assert containment(DOMAINS["zonotope, Secant"](), oracle, region) == []


@pytest.mark.parametrize("name", OTHERS)
def test_margins_lie_below_exact_margins(name: str) -> None:
    oracle, region = case(name, "rnn")
    labels = torch.arange(region.batch) % oracle.graph.outputs
    spec = label_spec(labels, oracle.graph.outputs)
    for analysis in ANALYSES.values():
        assert margins(analysis, oracle, region, spec) == []


def lowest(method: str, graph: Graph, region: Region, spec: Spec) -> torch.Tensor:
    return ANALYSES[method].margins(graph, region, spec).amin(dim=1)


@pytest.mark.parametrize("clip", [None, (0.0, 1.0)])
@pytest.mark.parametrize(
    ("family", "method"), [("rnn", "zonotope"), ("lstm", "zonotope"), ("gru", "zonotope"), ("rnn", "crown")]
)
def test_balls_lie_between_cubes(family: str, method: str, clip: tuple[float, float] | None) -> None:
    """An l2 or l1 ball is bounded no worse than the l-inf ball around it, and never better than the one inside it."""
    rng = np.random.default_rng(3)
    graph = FAMILIES[family](rng)
    frames, features = (0, 1, 2), graph.nodes[graph.inputs[0]].size
    center = 0.5 + 0.4 * numbers(rng, len(EPS), graph.frames, features)
    eps, spec = (
        torch.tensor(EPS, dtype=torch.float64),
        label_spec(torch.zeros(len(EPS)).long(), graph.outputs),
    )
    outer = lowest(method, graph, LinfBall(center, eps, frames, clip), spec)

    def lost(region: Region) -> torch.Tensor:
        return room(lambda: lowest(method, graph, region, spec))

    for ball, power in ((L2Ball, 0.5), (L1Ball, 1.0)):
        for joint in (False, True):
            sharing = features * (len(frames) if joint else 1)
            round_ball = ball(center, eps, frames, clip, None, joint)
            inside = LinfBall(center, eps / sharing**power, frames, clip)
            own, inner = (lowest(method, graph, region, spec) for region in (round_ball, inside))
            assert bool((own >= outer - lost(round_ball)).all())
            assert bool((own <= inner + lost(inside)).all())


@pytest.mark.parametrize("method", ["zonotope", "crown"])
@pytest.mark.parametrize("family", ["rnn", "lstm"])
def test_words_are_bounded_no_worse_than_their_box(family: str, method: str) -> None:
    oracle, words = case("words", family)
    assert isinstance(words, Substitutes)
    boxes = [words.box(t) for t in range(3)]
    low, high = (torch.stack([b[k] for b in boxes], dim=1) for k in (0, 1))
    box = Box(words.center, low, high, words.frames)
    spec = label_spec(torch.zeros(words.batch).long(), oracle.graph.outputs)
    own, loose = (lowest(method, oracle.graph, r, spec) for r in (words, box))
    lost = room(lambda: lowest(method, oracle.graph, words, spec))
    assert bool((own >= loose - lost).all())
    assert bool((own > loose + 1e-6).any())


@pytest.mark.parametrize("family", ["rnn", "mixed"])
def test_enumerated_margins_are_the_smallest_of_all_members(family: str) -> None:
    rng = np.random.default_rng(5)
    graph = FAMILIES[family](rng)
    words = made("words", rng, graph, (0, 2), eps=(0.05, 0.5))
    assert isinstance(words, Substitutes)
    spec = label_spec(torch.zeros(2).long(), graph.outputs)
    bound = Enumeration(METHODS["interval"]()).margins(graph, words, spec)
    for row in range(2):
        points = words.members(row)
        assert len(points) == 25
        chosen = spec.select(torch.full((25,), row))
        truth = chosen.margins(evaluate(graph, points)).amin(dim=0)
        lost = evaluation_room(graph, points, chosen).amax(dim=0)
        assert bool((bound[row] <= truth + lost).all())
        assert torch.allclose(bound[row], truth, rtol=1e-4, atol=1e-4)


def exact_norm(values: list[float], order: int) -> arb:
    """The dual norm in ball arithmetic."""
    if order == 1:
        return max((abs(arb(v)) for v in values), key=float)
    return sum((arb(v) ** 2 for v in values), arb(0)).sqrt()


def norm_violations(order: int, seed: int = 0) -> int:
    """How many of random linear forms over an l2 or l1 ball are said to reach less than they do."""
    rng = np.random.default_rng(seed)
    size, count = 5, 400
    scale = 10.0 ** rng.integers(-200, 100, (1, 1, count))
    generators = torch.from_numpy(rng.normal(size=(size, 1, count)) * scale)
    one = torch.ones(size, 1, dtype=torch.float64)
    support = NormSupport(order, one, 0.0 * one)
    cube = generators.abs().sum(0) * (1.0 + 2.0**-40)
    low, high = support.reach(torch.arange(size), generators, cube)
    broken = 0
    for j in range(count):
        truth = exact_norm(generators[:, 0, j].tolist(), order)
        broken += bool(arb(float(high[0, j])) < truth) or bool(arb(float(low[0, j])) > -truth)
    return broken


@pytest.mark.parametrize("order", [1, 2])
def test_norms_are_rounded_up(order: int) -> None:
    assert norm_violations(order) == 0


def _rounded_down(patch: Patch) -> None:
    patch.setattr(groups, "up", lambda value, roundings: value)
    patch.setattr(groups, "down", lambda value, magnitude, roundings: value)
    patch.setattr(groups, "gamma", lambda terms: 0.0)


def test_norms_that_are_not_rounded_up_are_found(monkeypatch: Patch) -> None:
    _rounded_down(monkeypatch)
    assert norm_violations(2) > 0


def _dual_swapped(patch: Patch) -> None:
    true = groups.dual_norm
    patch.setattr(groups, "dual_norm", lambda generators, order: true(generators, 3 - order))


def _own_norm(patch: Patch) -> None:
    """The l2 ball's reach is taken for the l1 ball's."""
    patch.setattr(groups, "dual_norm", lambda generators, order: generators.abs().amax(0))


def _groups_mixed(patch: Patch) -> None:
    """Symbols of a group are looked up in reverse."""
    true = groups.GroupPiece.reach

    def reversed_rows(
        piece: groups.GroupPiece, generators: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        flipped = [torch.cat(piece.rows).flip(0)]
        return true(groups.GroupPiece(piece.support, piece.pieces, flipped), generators)

    patch.setattr(groups.GroupPiece, "reach", reversed_rows)


def _one_group(patch: Patch) -> None:
    """Balls of single frames share one budget."""
    true = L2Ball.constraints.fget
    assert true is not None
    patch.setattr(L2Ball, "constraints", property(lambda ball: true(replace(ball, joint=True))))


def _choice_dropped(patch: Patch) -> None:
    """The last substitute of each word is forgotten."""
    true = Substitutes.points
    patch.setattr(Substitutes, "points", lambda words, frame: true(words, frame)[:, :-1])


def _shift_forgotten(patch: Patch) -> None:
    """A clipped ball is taken to lie around the middle of its box."""
    true = NormSupport.of
    patch.setattr(
        NormSupport,
        "of",
        staticmethod(lambda b, m, r: replace(true(b, m, r), shift=0.0 * true(b, m, r).shift)),
    )


def _weights_forgotten(patch: Patch) -> None:
    true = NormSupport.of
    patch.setattr(
        NormSupport,
        "of",
        staticmethod(lambda b, m, r: replace(true(b, m, r), weight=true(b, m, r).weight.clamp(max=0.5))),
    )


def _later_frames_alone(patch: Patch) -> None:
    """Every group's symbols count from the first."""
    true = Groups.cut

    def moved(groups: Groups, lists: object) -> object:
        plain, grouped = true(groups, lists)  # type: ignore[arg-type]
        for piece in grouped:
            piece.rows[:] = [torch.zeros_like(r) for r in piece.rows]
        return plain, grouped

    patch.setattr(Groups, "cut", moved)


MUTANTS: dict[str, tuple[Callable[[Patch], None], str]] = {
    "dual norms swapped": (_dual_swapped, "l2"),
    "largest value for every norm": (_own_norm, "l2, joint"),
    "symbols of a group reversed": (_groups_mixed, "words"),
    "one budget for all frames": (_one_group, "l2"),
    "a substitute dropped": (_choice_dropped, "words"),
    "clipped balls around the middle": (_shift_forgotten, "l2, clipped"),
    "half the budget": (_weights_forgotten, "l1"),
    "symbols of other features": (_later_frames_alone, "words"),
}


def violations(name: str) -> list[Violation]:
    oracle, region = case(name, "rnn")
    return containment(DOMAINS["zonotope, Secant"](), oracle, region)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_planted_error_is_found(mutant: str, monkeypatch: Patch) -> None:
    plant, name = MUTANTS[mutant]
    assert violations(name) == []
    plant(monkeypatch)
    assert violations(name) != []
