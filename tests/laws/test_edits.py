"""Few frames change: sets, bounds and searches of edits against every member, one by one."""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np
import pytest
import torch

from certrnn.analyses import Analysis
from certrnn.analyses.enumeration import Enumeration
from certrnn.analyses.position_splitting import PositionSplitting
from certrnn.attacks import Substitution
from certrnn.baselines.popqorn.support import least
from certrnn.certification.methods import METHODS
from certrnn.domains import Interval, evaluate
from certrnn.domains.zonotope.groups import EditsSupport
from certrnn.regions import Edits, EditsConstraint
from certrnn.specs import label_spec
from tests.laws.networks import FAMILIES, numbers

FRAMES, FEATURES, POOL = 3, 2, 4


def edits(seed: int, batch: int = 3, size: float = 1.0, features: int = FEATURES) -> Edits:
    """Sets with budgets 0, 1, 2, .. and here and there a frame beside the budget; a vector stands twice in the pool."""
    rng = np.random.default_rng(seed)
    pool = size * numbers(rng, POOL, features)
    pool[3] = pool[0]
    allowed = torch.from_numpy(rng.random((batch, FRAMES, POOL)) < 0.8)
    free = torch.from_numpy(rng.random((batch, FRAMES)) < 0.2)
    center = numbers(rng, batch, FRAMES, features)
    center[0, 0] = pool[1]
    return Edits(center, pool, allowed, (0, 2), torch.arange(batch) % 3, free)


def every(region: Edits, row: int) -> set[tuple[float, ...]]:
    """The members of one set by their definition: every way to fill every disturbed frame, those with few changes."""
    found = set()
    choices = []
    for frame in range(FRAMES):
        own = [region.center[row, frame].tolist()]
        some = region.pool[region.allowed[row, frame]].tolist() if frame in region.frames else []
        choices.append([*own, *some])
    for way in product(*choices):
        changed = [t for t in range(FRAMES) if way[t] != region.center[row, t].tolist()]
        if sum(not bool(region.loose[row, t]) for t in changed) <= int(region.most[row]):
            found.add(tuple(v for frame in way for v in frame))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_the_members_of_a_set_are_all_sequences_with_few_changes(seed: int) -> None:
    region = edits(seed)
    for row in range(region.batch):
        members = region.members(row)
        assert {tuple(x.flatten().tolist()) for x in members} == every(region, row)
        assert len(members) == int(region.counts[row]) == len(every(region, row))
        assert torch.equal(members[0], region.center[row])
        same = region.select(torch.full((len(members),), row))
        assert bool(same.contains(members).all())
        assert torch.equal(same.project(members), members)
        pieces = list(region.parts(row, 3))
        assert max(map(len, pieces)) <= 3
        assert torch.equal(torch.cat(pieces), members)


@pytest.mark.parametrize("seed", range(6))
def test_a_neighbour_is_a_member_that_differs_on_one_frame(seed: int) -> None:
    region = edits(seed)
    for row in range(region.batch):
        members = region.members(row)
        for x in members:
            near = region.neighbours(row, x)
            assert bool(region.select(torch.full((len(near),), row)).contains(near).all())
            apart = (members != x).any(dim=2).sum(dim=1)
            assert {tuple(m.flatten().tolist()) for m in members[apart == 1]} <= {
                tuple(m.flatten().tolist()) for m in near
            }


def test_what_is_no_member_is_outside() -> None:
    region = edits(1)
    two = region.center.clone()
    two[:, 1] += 1.0
    assert not bool(region.contains(two).any())
    beyond = region.center.clone()
    beyond[:, 0], beyond[:, 2] = region.pool[2], region.pool[2]
    tight = Edits(region.center, region.pool, torch.ones_like(region.allowed), (0, 2), region.most * 0 + 1)
    assert not bool(tight.contains(beyond).any())


def extremes(region: Edits, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Smallest and largest value (B, R) of linear forms (B, R, F * D) over the members, the disturbed frames only."""
    low, high = [], []
    for row in range(region.batch):
        values = region.members(row)[:, list(region.frames)].flatten(1) @ rows[row].T
        low.append(values.amin(dim=0))
        high.append(values.amax(dim=0))
    return torch.stack(low), torch.stack(high)


@pytest.mark.parametrize("seed", range(6))
def test_linear_forms_reach_what_some_member_reaches(seed: int) -> None:
    """The support function holds every member, and is attained up to rounding: of symbols and of coefficients."""
    region, rng = edits(seed), np.random.default_rng(seed)
    (bound,) = region.constraints
    boxes = {t: Interval(*region.box(t)) for t in region.frames}
    ends = [boxes[t].midpoint() for t in region.frames]
    middle, radius = (torch.cat([end[k] for end in ends], dim=1) for k in (0, 1))
    rows = numbers(rng, region.batch, 5, middle.shape[1])
    low, high = extremes(region, rows)
    support = EditsSupport.of(bound, middle, radius)
    generators = (rows * radius[:, None]).permute(2, 0, 1)
    below, above = support.reach(
        torch.arange(len(generators)), generators, generators.abs().sum(0) * (1 + 1e-9)
    )
    offset = torch.einsum("brn,bn->br", rows, middle)
    assert bool(((below + offset <= low + 1e-12) & (below + offset > low - 1e-9)).all())
    assert bool(((above + offset >= high - 1e-12) & (above + offset < high + 1e-9)).all())
    parts = rows.split(FEATURES, dim=2)
    value, _ = least(boxes, (bound,), dict(zip(region.frames, parts, strict=True)))
    assert bool(((value <= low) & (value > low - 1e-9)).all())


METHODS_OF = {"rnn": ("interval", "zonotope", "crown", "popqorn"), "lstm": ("zonotope",)}


@pytest.mark.parametrize(("family", "seed"), [("rnn", 0), ("rnn", 1), ("lstm", 0)])
def test_bounds_lie_below_every_member_and_splitting_reaches_it(family: str, seed: int) -> None:
    graph = FAMILIES[family](np.random.default_rng(seed))
    features = graph.nodes[graph.inputs[0]].size
    region = edits(seed, batch=3, size=0.4, features=features)
    region = Edits(region.center, region.pool, region.allowed, region.frames, torch.tensor([1, 2, 2]))
    spec = label_spec(evaluate(graph, region.center).argmax(dim=1), graph.outputs)
    worst = torch.stack(
        [
            spec.select(torch.full((len(x),), row)).margins(evaluate(graph, x)).amin(dim=0)
            for row, x in enumerate(region.members(k) for k in range(region.batch))
        ]
    )
    for name in METHODS_OF[family]:
        plain = _method(name).margins(graph, region, spec)
        assert bool((plain <= worst + 1e-12).all())
        split = PositionSplitting(Enumeration(_method(name), most=8)).margins(graph, region, spec)
        assert bool((split <= worst + 1e-12).all())
        assert bool((split >= plain - 1e-12).all())
        right = worst.amin(dim=1) > 1e-6
        assert bool((split[right] > 0).all())
    every = Enumeration(_method("interval")).margins(graph, region, spec)
    assert torch.equal((every > 0).all(dim=1), (worst > 0).all(dim=1))


def _method(name: str) -> Analysis:
    return METHODS[name]()


@pytest.mark.parametrize("most", [1 << 14, 1])
def test_a_search_finds_the_worst_member_of_a_small_set(most: int) -> None:
    """All of them are tried; a larger set is searched outward, which here finds one that breaks what must hold."""
    graph = FAMILIES["rnn"](np.random.default_rng(0))
    features = graph.nodes[graph.inputs[0]].size
    region = edits(3, size=3.0, features=features)
    region = Edits(region.center, region.pool, region.allowed, region.frames, torch.tensor([2, 2, 2]))
    spec = label_spec(evaluate(graph, region.center).argmax(dim=1), graph.outputs)
    found = Substitution(most=most)(graph, region, spec)
    for row in range(region.batch):
        x = region.members(row)
        lowest = spec.select(torch.full((len(x),), row)).margins(evaluate(graph, x)).amin()
        assert float(found.margin[row]) == pytest.approx(float(lowest), abs=1e-9) or bool(found.success[row])
        assert bool(found.success[row]) == bool(lowest <= 0)


def forgetful(self: EditsConstraint, gains: torch.Tensor) -> torch.Tensor:
    """Planted: the first frames spend the budget, not those that gain most."""
    rank = torch.arange(gains.shape[1])
    return (gains * ((rank < self.most[:, None]) | self.free)[:, :, None]).sum(dim=1)


def miserly(self: EditsConstraint, gains: torch.Tensor) -> torch.Tensor:
    """Planted: what changes beside the budget is not counted."""
    tight = gains.masked_fill(self.free[:, :, None], 0.0).sort(dim=1, descending=True).values
    return (tight * (torch.arange(gains.shape[1]) < self.most[:, None])[:, :, None]).sum(dim=1)


@pytest.mark.parametrize("planted", [forgetful, miserly])
def test_a_planted_error_is_found(planted: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EditsConstraint, "gained", planted)
    with pytest.raises(AssertionError):
        list(map(test_linear_forms_reach_what_some_member_reaches, range(6)))


def test_a_part_of_a_split_that_is_forgotten_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: only the part in which the frame stays is bounded."""
    true = PositionSplitting._halves
    monkeypatch.setattr(PositionSplitting, "_halves", lambda *given: true(*given)[:1] * 2)
    law = partial(test_bounds_lie_below_every_member_and_splitting_reaches_it, "rnn")
    with pytest.raises(AssertionError):
        list(map(law, range(2)))
